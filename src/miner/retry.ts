/**
 * When to try again, and when never.
 *
 * Connection errors, 429, 502, 503 and 504 may pass; every other 4xx says that the same upload will be refused again. One exception,
 * once: a clock that is off is corrected by what the gateway's clock shows.
 */

import type { Answer } from './answer.ts'

/** After the first attempt. */
export const MAX_RETRIES = 5
/** A gateway that wants to be left alone for longer is left alone altogether. */
const LONGEST_WAIT_SECONDS = 300
const FIRST_WAIT_SECONDS = 0.5
const TEMPORARY = [429, 502, 503, 504]

/** Seconds to wait before retry number `retry` (from 0), or undefined when a retry is hopeless. `random` in [0, 1). */
export function waitBefore(retry: number, answer: Answer<unknown>, random: number): number | undefined {
  if (answer.ok || retry >= MAX_RETRIES) return undefined
  const backoff = FIRST_WAIT_SECONDS * 2 ** retry * (1 + random)
  if (answer.kind === 'unreachable') return backoff
  if (!TEMPORARY.includes(answer.status)) return undefined
  const wait = Math.max(answer.retryAfterSeconds ?? 0, backoff)
  return wait <= LONGEST_WAIT_SECONDS ? wait : undefined
}

/** Seconds to add to the client's clock, when it is the clock that was refused. */
export function clockOffset(answer: Answer<unknown>, now: number): number | undefined {
  if (answer.ok || answer.kind !== 'problem' || answer.problem.code !== 'stale_signature') return undefined
  return answer.problem.server_time - now
}
