/**
 * The state of the gateway as one value: what `/v1/status` answers, and what the page and the
 * metrics are made of.
 *
 * It is true when a challenge, the statistics or the metagraph is gone: it says so. No hotkeys, no
 * addresses, no origin's host.
 */

import type { Challenge } from '../challenge/challenge.ts'
import { BOUNDS_MS, bySlug, type Sightings, type Tally } from './statistics.ts'
import { addTally, addUp, type Board } from './sums.ts'

/** The cron asks every five minutes; what is older than three turns says nothing of now. */
const EVIDENCE_SECONDS = 900

export interface UploadCounts {
  readonly accepted: number
  /** By code of the refusal; `challenge_4xx` and `challenge_5xx` are the challenge's own. */
  readonly refused: Readonly<Record<string, number>>
}

/**
 * By the newest evidence, a probe or an upload. `answers`: uploads pass. `no_answer`: nothing
 * usable comes back. `error`: the last upload got a 5xx of the challenge. `token_refused`: it got
 * a 401, with which a challenge refuses the gateway's token. `no_token`: the gateway has no token
 * for it. `unknown`: no evidence of the last quarter of an hour.
 */
export type ChallengeState = 'answers' | 'no_answer' | 'error' | 'token_refused' | 'no_token' | 'unknown'

/** One hour of the clock. */
export interface HourStatus {
  /** Unix seconds when it begins. */
  readonly at: number
  readonly accepted: number
  readonly refused: number
  /** Probes of the cron. */
  readonly answered: number
  readonly unanswered: number
  readonly p50_ms: number | null
  readonly p95_ms: number | null
}

export interface ChallengeStatus {
  readonly slug: string
  readonly name: string
  readonly state: ChallengeState
  /**
   * Whether it answers requests without a 5xx; null without evidence of the last quarter of an
   * hour.
   */
  readonly reachable: boolean | null
  readonly token_configured: boolean
  readonly checked_at: number | null
  readonly last_success_at: number | null
  readonly last_failure_at: number | null
  /** Of the challenge's answers to uploads within the day, at most; null without any. */
  readonly p50_ms: number | null
  readonly p95_ms: number | null
  readonly uploads: { readonly hour: UploadCounts; readonly day: UploadCounts }
  /** The last 24, the oldest first; the last one is not over. */
  readonly hours: readonly HourStatus[]
}

/** Times in Unix seconds. */
interface NonceStoreStatus {
  /** Mean of the latest uploads. */
  readonly round_trip_ms: number | null
  readonly measured_at: number | null
  /** The last upload that asked it got no answer, within the last quarter of an hour. */
  readonly failing: boolean
}

export interface StatusReport {
  /** `down`: no upload can pass. `degraded`: some cannot, or it is not known. */
  readonly state: 'ok' | 'degraded' | 'down'
  /** Unix seconds. */
  readonly server_time: number
  readonly version: string
  readonly netuid: number
  readonly metagraph: {
    readonly block: number
    readonly age_seconds: number
    readonly hotkeys: number
  } | null
  /**
   * Chain endpoints (host names) that contradict each other, so that there is no metagraph and an
   * operator must push one.
   */
  readonly contradicting_endpoints: readonly string[]
  /** Null before the first upload. */
  readonly nonce_store: NonceStoreStatus | null
  readonly challenges: readonly ChallengeStatus[]
  /** Uploads that named no challenge there is. */
  readonly elsewhere: ChallengeStatus['uploads']
  /** False: the counts could not be read, and are missing. */
  readonly statistics: boolean
}

export type Facts = Pick<
  StatusReport,
  'server_time' | 'version' | 'netuid' | 'metagraph' | 'contradicting_endpoints'
>

/** What the configuration says of uploads. */
export interface Terms {
  readonly hasToken: (slug: string) => boolean
  /** Without a metagraph no hotkey is registered. */
  readonly requireRegisteredHotkey: boolean
}

export function toReport(
  facts: Facts,
  challenges: readonly Challenge[],
  board: Board | undefined,
  terms: Terms,
): StatusReport {
  const active = challenges.filter(({ status }) => status === 'active')
  const states = active.map((challenge) =>
    toStatus(challenge, board, facts.server_time, terms.hasToken(challenge.slug)),
  )
  const store = toNonceStore(board, facts.server_time)
  return {
    state: stateOf({ ...facts, nonce_store: store, challenges: states }, terms),
    ...facts,
    nonce_store: store,
    challenges: states,
    elsewhere: uploadsOf('', board),
    statistics: board !== undefined,
  }
}

/** Uploads to it fail for certain. */
const CLOSED: readonly ChallengeState[] = ['no_answer', 'no_token']

function stateOf(
  {
    metagraph,
    nonce_store: store,
    challenges,
  }: Pick<StatusReport, 'metagraph' | 'nonce_store' | 'challenges'>,
  { requireRegisteredHotkey }: Terms,
): StatusReport['state'] {
  if (metagraph === null && requireRegisteredHotkey) return 'down'
  if (challenges.every(({ state }) => CLOSED.includes(state))) return 'down'
  const allWell = metagraph !== null && store?.failing !== true
  return allWell && challenges.every(({ state }) => state === 'answers') ? 'ok' : 'degraded'
}

function toStatus(
  { slug, name }: Challenge,
  board: Board | undefined,
  now: number,
  hasToken: boolean,
): ChallengeStatus {
  const seen = bySlug(board?.sightings, slug) ?? {}
  const hours = (board?.hours ?? []).map(({ at, tallies, probes }) => ({
    at,
    tally: bySlug(tallies, slug) ?? NO_TALLY,
    probes: bySlug(probes, slug) ?? NO_PROBES,
  }))
  const evidence = evidenceOf(seen, now)
  const { times } = hours.reduce((sum, { tally }) => addTally(sum, tally), NO_TALLY)
  return {
    slug,
    name,
    state: hasToken ? evidence : 'no_token',
    reachable: evidence === 'unknown' ? null : evidence === 'answers' || evidence === 'token_refused',
    token_configured: hasToken,
    checked_at: wholeSeconds(bySlug(board?.checked, slug)),
    last_success_at: wholeSeconds(seen.success),
    last_failure_at: wholeSeconds(seen.failure),
    p50_ms: quantile(times, 0.5),
    p95_ms: quantile(times, 0.95),
    uploads: uploadsOf(slug, board),
    hours: hours.map(({ at, tally, probes }) => {
      const { accepted, refused } = toCounts(tally.outcomes)
      const count = Object.values(refused).reduce((sum, each) => sum + each, 0)
      const quantiles = { p50_ms: quantile(tally.times, 0.5), p95_ms: quantile(tally.times, 0.95) }
      return { at, accepted, refused: count, ...probes, ...quantiles }
    }),
  }
}

const NO_TALLY: Tally = { outcomes: {}, times: {} }
const NO_PROBES = { answered: 0, unanswered: 0 }
const FAILED = { no_answer: 'no_answer', error: 'error', token: 'token_refused' } as const

/** Whichever came later, a success or a failure; two at once are a failure. */
function evidenceOf(
  { success = 0, failure = 0, kind = 'no_answer' }: Sightings,
  now: number,
): ChallengeState {
  if (now - Math.max(success, failure) >= EVIDENCE_SECONDS) return 'unknown'
  return success > failure ? 'answers' : FAILED[kind]
}

function toNonceStore(board: Board | undefined, now: number): NonceStoreStatus | null {
  const { ms, answeredAt = 0, failedAt = 0 } = board?.ledger ?? {}
  if (answeredAt === 0 && failedAt === 0) return null
  return {
    round_trip_ms: ms === undefined ? null : Math.round(ms),
    measured_at: answeredAt === 0 ? null : Math.floor(answeredAt),
    failing: failedAt > answeredAt && now - failedAt < EVIDENCE_SECONDS,
  }
}

function uploadsOf(slug: string, board: Board | undefined): ChallengeStatus['uploads'] {
  const day = (board?.hours ?? []).map(({ tallies }) => bySlug(tallies, slug)?.outcomes ?? {})
  return { hour: toCounts(bySlug(board?.hour, slug) ?? {}), day: toCounts(day.reduce(addUp, {})) }
}

function toCounts({ accepted = 0, ...refused }: Readonly<Record<string, number>>): UploadCounts {
  return { accepted, refused }
}

function wholeSeconds(at: number | undefined): number | null {
  return at === undefined ? null : Math.floor(at)
}

/** The upper end of the bucket it falls into. */
function quantile(times: Tally['times'], share: number): number | null {
  const buckets = Object.entries(times).map(([bucket, count]) => ({
    bound: BOUNDS_MS[Number(bucket)] ?? 0,
    count,
  }))
  const all = buckets.reduce((sum, { count }) => sum + count, 0)
  let passed = 0
  for (const { bound, count } of buckets.toSorted((a, b) => a.bound - b.bound)) {
    passed += count
    if (passed >= all * share) return bound
  }
  return null
}
