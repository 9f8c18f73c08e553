/**
 * The state of the gateway as one value: what `/v1/status` answers, and what the page and the metrics are made of.
 *
 * It is true when a challenge, the statistics or the metagraph is gone: it says so. No hotkeys, no addresses, no origin's host.
 */

import type { Challenge } from '../challenge/challenge.ts'
import type { Board } from './object.ts'
import { BOUNDS_MS, bySlug, type Tally } from './statistics.ts'

/** A cron that missed two turns knows nothing of now. */
const PROBE_SECONDS = 900

export interface UploadCounts {
  readonly accepted: number
  /** By code of the refusal; `challenge_4xx` and `challenge_5xx` are the challenge's own. */
  readonly refused: Readonly<Record<string, number>>
}

export interface ChallengeStatus {
  readonly slug: string
  readonly name: string
  /** Null: nobody asked lately. */
  readonly reachable: boolean | null
  readonly checked_at: number | null
  readonly last_success_at: number | null
  readonly last_failure_at: number | null
  /** Of the challenge's answers to uploads within the day, at most; null without any. */
  readonly p50_ms: number | null
  readonly p95_ms: number | null
  readonly uploads: { readonly hour: UploadCounts; readonly day: UploadCounts }
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
  /** Chain endpoints (host names) that contradict each other, so that there is no metagraph and an operator must push one. */
  readonly contradicting_endpoints: readonly string[]
  /** Mean round trip of the latest uploads; null before the first. */
  readonly nonce_store: { readonly round_trip_ms: number; readonly measured_at: number } | null
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

export function toReport(
  facts: Facts,
  challenges: readonly Challenge[],
  board: Board | undefined,
): StatusReport {
  const active = challenges.filter(({ status }) => status === 'active')
  const states = active.map((challenge) => toStatus(challenge, board, facts.server_time))
  const { ledger } = board ?? {}
  return {
    state: stateOf(facts, states),
    ...facts,
    nonce_store: ledger ? { round_trip_ms: Math.round(ledger.ms), measured_at: ledger.at } : null,
    challenges: states,
    elsewhere: uploadsOf('', board),
    statistics: board !== undefined,
  }
}

function stateOf({ metagraph }: Facts, challenges: readonly ChallengeStatus[]): StatusReport['state'] {
  if (metagraph === null) return 'down'
  const reachable = challenges.filter((challenge) => challenge.reachable === true)
  if (challenges.every((challenge) => challenge.reachable === false)) return 'down'
  return reachable.length === challenges.length ? 'ok' : 'degraded'
}

function toStatus({ slug, name }: Challenge, board: Board | undefined, now: number): ChallengeStatus {
  const probe = bySlug(board?.probes, slug)
  const { success = null, failure = null } = bySlug(board?.sightings, slug) ?? {}
  const times = bySlug(board?.day, slug)?.times ?? {}
  return {
    slug,
    name,
    reachable: probe !== undefined && now - probe.at < PROBE_SECONDS ? probe.reachable : null,
    checked_at: probe?.at ?? null,
    last_success_at: success,
    last_failure_at: failure,
    p50_ms: quantile(times, 0.5),
    p95_ms: quantile(times, 0.95),
    uploads: uploadsOf(slug, board),
  }
}

function uploadsOf(slug: string, board: Board | undefined): ChallengeStatus['uploads'] {
  return { hour: toCounts(bySlug(board?.hour, slug)), day: toCounts(bySlug(board?.day, slug)) }
}

function toCounts(tally: Tally | undefined): UploadCounts {
  const { accepted = 0, ...refused } = tally?.outcomes ?? {}
  return { accepted, refused }
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
