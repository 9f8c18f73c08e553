/**
 * When to try again, with what, and when never.
 *
 * Connection errors, 429, 502, 503, 504 and `metagraph_unavailable` may pass; every other 4xx says that the same upload will be refused
 * again. One exception, once: a clock that is off is corrected by what the gateway's clock shows. An upload that may have arrived is
 * sent again as it was: the gateway forwards a nonce once, and its 409 tells what became of the first.
 */

import { type Answer, originalOf } from './answer.ts'

/** After the first attempt. */
export const MAX_RETRIES = 5
/** A gateway that wants to be left alone for longer is left alone altogether. */
const LONGEST_WAIT_SECONDS = 300
const FIRST_WAIT_SECONDS = 0.5
/** A challenge has 30 s to answer: the retries that are left outlast it. */
const IN_FLIGHT_WAIT_SECONDS = 10
const TEMPORARY = [429, 502, 503, 504]
/** The gateway's own refusals; of these it says that nothing was forwarded. */
const NOTHING_FORWARDED = [
  'rate_limited',
  'over_capacity',
  'nonce_store_unavailable',
  'challenge_token_unavailable',
]
/** There was no connection to send on (Node's names). */
const NEVER_SENT = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT']

/** Seconds to wait before retry number `retry` (from 0), or undefined when a retry is hopeless. `random` in [0, 1). */
export function waitBefore(retry: number, answer: Answer<unknown>, random: number): number | undefined {
  if (answer.ok || retry >= MAX_RETRIES) return undefined
  const backoff = FIRST_WAIT_SECONDS * 2 ** retry * (1 + random)
  if (answer.kind === 'unreachable') return backoff
  const outcome = originalOf(answer)?.outcome
  if (outcome === 'in_flight') return Math.max(backoff, IN_FLIGHT_WAIT_SECONDS)
  if (outcome !== 'not_delivered' && !isTemporary(answer)) return undefined
  const wait = Math.max(answer.retryAfterSeconds ?? 0, backoff)
  return wait <= LONGEST_WAIT_SECONDS ? wait : undefined
}

/** A refusal that may pass; no answer at all is none. */
export function isTemporary(answer: Answer<unknown>): boolean {
  if (answer.ok || answer.kind === 'unreachable') return false
  if (answer.kind === 'problem' && answer.problem.code === 'metagraph_unavailable') return true
  return TEMPORARY.includes(answer.status)
}

/** Whether the challenge may have got an upload that was answered so; in doubt it may. */
export function mayHaveArrived(answer: Answer<unknown>): boolean {
  if (answer.ok) return false
  if (answer.kind === 'unreachable') return !NEVER_SENT.includes(answer.cause)
  if (answer.kind === 'problem')
    return answer.status >= 500 && !NOTHING_FORWARDED.includes(answer.problem.code)
  // Without a request id it was not the gateway that answered, but something before it that may have given up waiting.
  return [502, 504].includes(answer.status) || (answer.status >= 500 && answer.requestId === undefined)
}

/** Seconds to add to the client's clock, when it is the clock that was refused. */
export function clockOffset(answer: Answer<unknown>, now: number): number | undefined {
  if (answer.ok || answer.kind !== 'problem' || answer.problem.code !== 'stale_signature') return undefined
  return answer.problem.server_time - now
}
