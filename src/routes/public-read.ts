/**
 * A public read of a challenge through the data centre's cache. A leaderboard then costs its
 * challenge one request now and then, and is served, with its age, while the challenge is down.
 *
 * Under a rule of the operator's the request carries no client headers, because the answer is kept
 * for all clients. Without a rule the client's own headers are passed on, and only an answer is
 * kept whose `Cache-Control` and `Vary` allow it.
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

/**
 * Enough for leaderboards and lists. A longer answer streams by, since an isolate has 128 MB for
 * all its requests.
 */
const MAX_KEPT_BYTES = 1_000_000
/** A longer URL is seldom asked for twice, and its key would take much memory. */
const MAX_KEY_CHARACTERS = 2000
/** A body that takes longer streams by, since the client waits for its first byte. */
const KEEP_WITHIN_MS = 2000
/**
 * Headers of a client that has an answer already. The challenge is asked for the whole answer,
 * which other clients get too.
 */
const CONDITIONS = ['if-none-match', 'if-modified-since']

/**
 * `path` as the client asked for it, decoded. Undefined for a read that clients may not share: a
 * route with signatures or environment values, a request with unusual headers, or an answer that
 * the challenge lately did not allow to be kept.
 */
export function toCachedRead(c: RouteContext, path: string, context: PassThroughContext): Read | undefined {
  const { plan, challenge } = context
  const { reads } = c.env.gateway
  const { url, method, headers } = c.req.raw
  if (plan.isEnv || plan.keepsSignature || plan.keepsAuthorization) return undefined
  const rule = cacheRule(challenge.policy.cache, path)
  const key = `${url.slice(0, url.indexOf('/', 8))}/challenges/${challenge.slug}${encodedPath(path)}${rawQuery(url)}`
  // An `Origin` of a page is removed on the way to the cache, and only there.
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
  // From here on the memory of kept answers counts these bytes.
  room.release()
  if (!headers.has('cache-control')) headers.set('cache-control', `public, max-age=${lifetime.freshSeconds}`)
  return { kind: 'keep', body: body.bytes, headers, lifetime }
}

/**
 * The answer must not depend on a condition or on an `Origin` that the gateway itself answers, so
 * the challenge sees neither.
 */
function question(c: RouteContext, rule: CacheRule | undefined): Request {
  const { url, headers } = c.req.raw
  if (rule !== undefined) {
    return new Request(url, { headers: { accept: '*/*', 'accept-encoding': 'gzip' } })
  }
  const own = new Headers(headers)
  for (const name of ['origin', ...CONDITIONS]) own.delete(name)
  return new Request(url, { headers: own })
}

/** Reading a body decodes it, and its validator was for the encoded bytes. */
function toPlain(headers: Headers): void {
  const etag = headers.get('etag')
  if (headers.has('content-encoding') && etag?.startsWith('"')) headers.set('etag', `W/${etag}`)
  headers.delete('content-encoding')
  headers.delete('content-length')
}
