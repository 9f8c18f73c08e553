/**
 * Waits for a challenge or the master and shows its answer, in the same way for every route.
 *
 * A failure on the way is `challenge_unavailable` without the reason; the cause is in the log
 * line.
 */

import { conditional, type Read } from '../cache/reads.ts'
import type { Challenge } from '../challenge/challenge.ts'
import { returnedAnswer, type Shown } from '../origin/answer.ts'
import type { OriginAnswer } from '../origin/origin.ts'
import type { OriginBody } from '../origin/send.ts'
import { rejected } from '../protocol/problem.ts'
import { type RouteContext, refuse } from './context.ts'

/**
 * Waits for the answer and notes how long that took. Then the room of the body that was sent is
 * given back.
 */
export async function awaitOrigin(
  c: RouteContext,
  asked: Promise<OriginAnswer>,
  body?: OriginBody,
): Promise<OriginAnswer> {
  const sentAt = Date.now()
  try {
    return await asked
  } finally {
    if (body !== undefined && 'held' in body) body.held.release()
    c.env.entry.origin_ms = Date.now() - sentAt
  }
}

/** The answer as its client is to see it, or the refusal; `status` replaces the refusal's own. */
export function relay(c: RouteContext, shown: Shown, answer: OriginAnswer, status?: number): Response {
  return answer.delivered ? showAnswer(c, shown, answer.response) : refuseUnavailable(c, answer.cause, status)
}

/** The answer as its client is to see it, and its status in the log line. */
export function showAnswer(c: RouteContext, shown: Shown, answer: Response): Response {
  c.env.entry.origin_status = answer.status
  return returnedAnswer(answer, shown)
}

export function refuseUnavailable(c: RouteContext, cause: string, status?: number): Response {
  return refuse(c, rejected('challenge_unavailable', {}, cause).rejection, status)
}

/** How answers of a challenge are shown: below its public path. */
export function shownOf({ slug, origins, marker }: Challenge): Shown {
  return { origins, marker, publicPath: `/challenges/${slug}` }
}

/** A read through the data centre's cache; a client that has this answer already gets 304. */
export async function answerFromCache(c: RouteContext, read: Read): Promise<Response> {
  const answer = await c.env.gateway.reads.through(read)
  if (answer.kind === 'failed') return refuseUnavailable(c, answer.cause)
  return answer.kind === 'kept' ? conditional(c.req.raw.headers, answer.response) : answer.response
}
