/**
 * A public read of a challenge that others may have asked for already: through the data centre's cache, so that a leaderboard
 * costs its challenge one question now and then, and stays up, with its age, while the challenge is gone.
 *
 * With a rule of the operator's the question is asked in nobody's name, for the answer is kept whatever the origin says of
 * variations; without one the client's own headers travel, and only an answer whose `Cache-Control` and `Vary` allow it is kept.
 */

import { cacheRule, isSharedRead, lifetimeOf } from '../cache/lifetime.ts'
import type { Fetched, Read } from '../cache/reads.ts'
import type { CacheRule } from '../challenge/policy.ts'
import { forwardRequest, type PassThroughContext } from '../origin/proxy.ts'
import { NO_ROOM, readWhole } from '../origin/whole-body.ts'
import { encodedPath, rawQuery } from '../protocol/path.ts'
import type { RouteContext } from './context.ts'
import { answersOrigin } from './cors.ts'
import { awaitOrigin, showAnswer, shownOf } from './relay.ts'

/** Leaderboards and lists; what is longer streams by, for an isolate has 128 MB for all its requests. */
const MAX_KEPT_BYTES = 1_000_000
/** A longer URL is seldom asked for twice, and would take memory of its own. */
const MAX_KEY_CHARACTERS = 2000
/** A body that is longer on its way streams by: somebody is waiting for its first byte. */
const KEEP_WITHIN_MS = 2000
/** Of a client that has an answer already: the challenge is asked for the whole one, which others get too. */
const CONDITIONS = ['if-none-match', 'if-modified-since']

/**
 * `path` as the client asked for it, decoded. Undefined for what is nobody else's: a route that carries signatures or environment
 * values, a request that carries anything out of the ordinary, and an answer that the challenge itself did not let be kept lately.
 */
export function toCachedRead(c: RouteContext, path: string, context: PassThroughContext): Read | undefined {
  const { plan, challenge } = context
  const { reads } = c.env.gateway
  const { url, method, headers } = c.req.raw
  if (plan.isEnv || plan.keepsSignature || plan.keepsAuthorization) return undefined
  const rule = cacheRule(challenge.policy.cache, path)
  const key = `${url.slice(0, url.indexOf('/', 8))}/challenges/${challenge.slug}${encodedPath(path)}${rawQuery(url)}`
  // An `Origin` of a page is taken off on the way through, and only there.
  if (rule === undefined && !headers.has('origin') && reads.isUncacheable(key)) return undefined
  if (key.length > MAX_KEY_CHARACTERS || !isSharedRead(method, headers, answersOrigin(c))) return undefined
  return {
    key,
    oneAtATime: false,
    fetch: () => ask(c, rule, context),
    waitUntil: (work) => c.executionCtx.waitUntil(work),
  }
}

async function ask(
  c: RouteContext,
  rule: CacheRule | undefined,
  context: PassThroughContext,
): Promise<Fetched> {
  const { callOrigin, keepRoom } = c.env.gateway
  const answer = await awaitOrigin(c, forwardRequest(callOrigin, question(c, rule), context))
  if (!answer.delivered) return { kind: 'failed', cause: answer.cause }
  const response = showAnswer(c, shownOf(context.challenge), answer.response)
  const { headers } = response
  const lifetime = lifetimeOf(response.status, headers, rule)
  if (lifetime === undefined) return { kind: 'pass', response }

  if (Number(headers.get('content-length')) > MAX_KEPT_BYTES) return { kind: 'pass', response }
  const room = keepRoom.open()
  const body = await readWhole(response, MAX_KEPT_BYTES, KEEP_WITHIN_MS, room)
  if (body.kind === 'broken') return { kind: 'failed', cause: body.cause }
  toPlain(headers)
  if (body.kind === 'long') {
    const passed = new Response(body.resume(), { headers })
    return { kind: 'pass', response: passed, keepable: body.cause === NO_ROOM }
  }
  // From here on the memory of kept answers counts it.
  room.release()
  if (!headers.has('cache-control')) headers.set('cache-control', `public, max-age=${lifetime.freshSeconds}`)
  return { kind: 'keep', body: body.bytes, headers, lifetime }
}

/** An `Origin` that the gateway answers is none of the challenge's business, nor may the answer depend on it or on a condition. */
function question(c: RouteContext, rule: CacheRule | undefined): Request {
  const { url, headers } = c.req.raw
  if (rule !== undefined) {
    return new Request(url, { headers: { accept: '*/*', 'accept-encoding': 'gzip' } })
  }
  const own = new Headers(headers)
  for (const name of ['origin', ...CONDITIONS]) own.delete(name)
  return new Request(url, { headers: own })
}

/** A body that was read is decoded; its validator was for the encoded bytes. */
function toPlain(headers: Headers): void {
  const etag = headers.get('etag')
  if (headers.has('content-encoding') && etag?.startsWith('"')) headers.set('etag', `W/${etag}`)
  headers.delete('content-encoding')
  headers.delete('content-length')
}
