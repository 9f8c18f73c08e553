/**
 * The state in words: why it is not "ok", what a challenge does, why uploads were refused, and the
 * limits.
 */

import { PROBLEMS } from '../protocol/problem.ts'
import { plural, span } from './markup.ts'
import type { ChallengeState, StatusReport, UploadCounts } from './report.ts'

export type Tone = 'ok' | 'no' | 'eh'

export const HEADLINES: Readonly<Record<StatusReport['state'], readonly [Tone, string]>> = {
  ok: ['ok', 'Uploads pass'],
  degraded: ['eh', 'Some uploads may not pass'],
  down: ['no', 'Uploads do not pass'],
}

export const CHALLENGE_WORDS: Readonly<Record<ChallengeState, readonly [Tone, string]>> = {
  answers: ['ok', 'answers'],
  no_answer: ['no', 'does not answer'],
  error: ['eh', 'answered the last upload with an error of its own (5xx)'],
  token_refused: ['eh', "refuses the gateway's token (401)"],
  no_token: ['no', 'has no token here: its operator has not set it up yet'],
  unknown: ['eh', 'has not been checked lately'],
}

/** A challenge is named as long as there are no more than so many of its kind. */
const MOST_NAMED = 3

/** Why not everything is well, the worst first; else that it is. */
export function reasons(report: StatusReport): readonly string[] {
  const { metagraph, contradicting_endpoints: endpoints, nonce_store: store, challenges, statistics } = report
  const found = [
    ...(metagraph === null
      ? ['There is no metagraph that can be used, so the gateway cannot tell which hotkeys are registered.']
      : []),
    ...(endpoints.length === 0
      ? []
      : [
          `The chain endpoints ${endpoints.join(' and ')} contradict each other: the operator must push a metagraph.`,
        ]),
    ...(challenges.length === 0 ? ['No challenge takes uploads here.'] : []),
    ...Object.entries(CHALLENGE_WORDS).flatMap(([state, [, words]]) =>
      state === 'answers'
        ? []
        : reasonOf(
            challenges.filter((each) => each.state === state),
            words,
          ),
    ),
    ...(store?.failing === true ? ['The nonce store did not answer the last upload that asked it.'] : []),
    ...(statistics ? [] : ['The counts cannot be read right now; what is below is incomplete.']),
  ]
  if (found.length > 0) return found
  return [challenges.length === 1 ? 'The challenge answers.' : `All ${challenges.length} challenges answer.`]
}

function reasonOf(challenges: StatusReport['challenges'], words: string): readonly string[] {
  if (challenges.length === 0) return []
  if (challenges.length <= MOST_NAMED) return challenges.map(({ name }) => `${name} ${words}.`)
  const named = challenges.slice(0, MOST_NAMED - 1).map(({ name }) => name)
  return [`${named.join(', ')} and ${challenges.length - named.length} others: each ${words}.`]
}

interface RefusalRow {
  readonly code: string
  readonly words: string
  readonly hour: number
  readonly day: number
}

/** Of all challenges together and of uploads to none, what happens most first. */
export function refusalRows({ challenges, elsewhere }: StatusReport): readonly RefusalRow[] {
  const uploads = [...challenges.map((each) => each.uploads), elsewhere]
  const codes = new Set(
    uploads.flatMap(({ hour, day }) => [hour, day].flatMap(({ refused }) => Object.keys(refused))),
  )
  const sum = (code: string, counts: readonly UploadCounts[]) =>
    counts.reduce((total, { refused }) => total + (refused[code] ?? 0), 0)
  return [...codes]
    .map((code) => ({
      code,
      words: refusalWords(code),
      hour: sum(
        code,
        uploads.map(({ hour }) => hour),
      ),
      day: sum(
        code,
        uploads.map(({ day }) => day),
      ),
    }))
    .toSorted((a, b) => b.day - a.day || b.hour - a.hour)
}

const OTHER_WORDS: Readonly<Record<string, string>> = {
  challenge_4xx: 'Refused by the challenge itself',
  challenge_5xx: 'Error of the challenge itself',
}

function refusalWords(code: string): string {
  const titles: Readonly<Record<string, { readonly title: string }>> = PROBLEMS
  return titles[code]?.title ?? OTHER_WORDS[code] ?? code
}

/** What `GET /v1/limits` answers, as far as it is put into words. */
export interface Limits {
  readonly max_upload_bytes: number
  readonly signature_ttl_seconds: number
  readonly nonce_ttl_seconds: number
  readonly rate_limits: readonly {
    readonly route: string
    readonly per: string
    readonly requests: number
    readonly seconds: number
  }[]
}

export function limitWords(limits: Limits): readonly string[] {
  const rates = limits.rate_limits.map(({ route, per, requests, seconds }) => {
    const what = route.endsWith('/verify') ? 'dry run' : 'upload'
    return `${plural(requests, what)} ${period(seconds)} per ${per}`
  })
  return [
    `At most ${megabytes(limits.max_upload_bytes)} an upload`,
    `Timestamp at most ${long(limits.signature_ttl_seconds)} off the gateway's clock`,
    `A nonce is remembered for ${long(limits.nonce_ttl_seconds)}`,
    ...rates,
  ]
}

/** Decimal, as file managers and `MAX_UPLOAD_BYTES` count. */
function megabytes(bytes: number): string {
  return bytes < 100_000 ? plural(bytes, 'byte') : `${Number((bytes / 1e6).toFixed(2))} MB`
}

function period(seconds: number): string {
  if (seconds === 60) return 'a minute'
  return seconds === 3600 ? 'an hour' : `in ${long(seconds)}`
}

function long(seconds: number): string {
  if (seconds % 3600 === 0) return plural(seconds / 3600, 'hour')
  return seconds % 60 === 0 ? plural(seconds / 60, 'minute') : span(seconds)
}
