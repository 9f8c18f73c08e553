/**
 * When to try again, with what, and when never (docs/miners.md has the table).
 *
 * Who answered decides. Of its own refusals the gateway says which may pass. A challenge that
 * answered has the upload, so a fresh nonce would be a second submission: only `Retry-After` asks
 * for one. An upload that may have arrived is sent again as it was: the gateway forwards a nonce
 * once, and its 409 tells what became of the first.
 */

import { type Answer, originalOf, type Problem } from './answer.ts'

/** After the first attempt. */
export const MAX_RETRIES = 5
/** A gateway that wants to be left alone for longer is left alone altogether. */
const LONGEST_WAIT_SECONDS = 300
const FIRST_WAIT_SECONDS = 0.5
/** A challenge has 30 s to answer: the retries that are left outlast it. */
const IN_FLIGHT_WAIT_SECONDS = 10
/** Refusals of the gateway that may pass, and with which nothing was forwarded. */
const NOTHING_FORWARDED = [
  'rate_limited',
  'over_capacity',
  'nonce_store_unavailable',
  'challenge_token_unavailable',
  'metagraph_unavailable',
  'request_timeout',
]
/** Of an answer that a later gateway's code explains, or that is not the gateway's. */
const BAD_GATEWAY = [502, 503, 504]
/** There was no connection to send on (Node's names). */
const NEVER_SENT = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT']
/**
 * The connection was refused by this side or is not TLS at all (Node's names): trying again does
 * not help.
 */
const NOT_TRUSTED = /^(EPROTO$|ERR_SSL_|ERR_TLS_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_)/
/**
 * A clock that is further off is not corrected by what a gateway says: whatever answers in its
 * place could have an upload signed for a time of its choice.
 */
const LONGEST_CORRECTION_SECONDS = 86_400

/**
 * Seconds to wait before retry number `retry` (from 0), or undefined when a retry is hopeless.
 * `random` in [0, 1).
 */
export function waitBefore(retry: number, answer: Answer<unknown>, random: number): number | undefined {
  if (answer.ok || retry >= MAX_RETRIES) return undefined
  const backoff = FIRST_WAIT_SECONDS * 2 ** retry * (1 + random)
  if (answer.kind === 'unreachable')
    return isUntrusted(answer.cause) || isNotHttp(answer.cause) ? undefined : backoff
  const outcome = originalOf(answer)?.outcome
  if (outcome === 'in_flight') return Math.max(backoff, IN_FLIGHT_WAIT_SECONDS)
  if (outcome !== 'not_delivered' && !isTemporary(answer)) return undefined
  const wait = Math.max(answer.retryAfterSeconds ?? 0, backoff)
  return wait <= LONGEST_WAIT_SECONDS ? wait : undefined
}

/** A refusal that may pass; no answer at all is none. */
export function isTemporary(answer: Answer<unknown>): boolean {
  if (answer.ok || answer.kind === 'unreachable') return false
  const { status } = answer
  const invited = answer.retryAfterSeconds !== undefined
  if (answer.kind === 'problem') return isTemporaryProblem(answer.problem)
  if (answer.kind === 'foreign') return BAD_GATEWAY.includes(status) || (status === 429 && invited)
  return [502, 504].includes(status) || ([429, 503].includes(status) && invited)
}

function isTemporaryProblem(problem: Problem): boolean {
  if (problem.code === 'other' && BAD_GATEWAY.includes(problem.status)) return true
  if (problem.code === 'unknown_hotkey') return problem.looked_up === false
  return problem.code === 'challenge_unavailable' || NOTHING_FORWARDED.includes(codeOf(problem))
}

/** The code as the gateway wrote it, also one that this version does not know. */
function codeOf(problem: Problem): string {
  return problem.code === 'other' ? problem.originalCode : problem.code
}

/**
 * TLS that failed before a byte was sent: a certificate that is not trusted, or a server that does
 * not speak TLS.
 */
export function isUntrusted(cause: string): boolean {
  return NOT_TRUSTED.test(cause)
}

/** Something else than HTTP came back, such as TLS. */
export function isNotHttp(cause: string): boolean {
  return cause.startsWith('HPE_')
}

/** Whether the challenge may have got an upload that was answered so; in doubt it may. */
export function mayHaveArrived(answer: Answer<unknown>): boolean {
  if (answer.ok) return false
  if (answer.kind === 'unreachable') return !NEVER_SENT.includes(answer.cause) && !isUntrusted(answer.cause)
  if (answer.kind === 'problem')
    return answer.status >= 500 && !NOTHING_FORWARDED.includes(codeOf(answer.problem))
  // A proxy on the way that gave up waiting may add a request id of its own.
  return answer.kind === 'foreign' || [502, 504].includes(answer.status)
}

/**
 * Seconds to add to the client's clock, when it is the clock that was refused and the answer can
 * be believed.
 */
export function clockOffset(answer: Answer<unknown>, now: number): number | undefined {
  if (answer.ok || answer.kind !== 'problem' || answer.problem.code !== 'stale_signature') return undefined
  const offset = answer.problem.server_time - now
  return Number.isSafeInteger(offset) && Math.abs(offset) <= LONGEST_CORRECTION_SECONDS ? offset : undefined
}
