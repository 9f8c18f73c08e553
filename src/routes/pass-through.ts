/**
 * `/challenges/{challenge}[/{path}]`: the public pass-through to a challenge.
 *
 * Method → path policy (403) → challenge (404) → the challenge's own policy (403) → forward. All
 * of it is read from the request's own URL, as the path policy reads it, and nothing from the
 * router. When the client leaves, the platform drops this request and with it the one to the
 * origin. So no `waitUntil` may keep it alive.
 */

import { planPassThrough } from '../challenge/policy.ts'
import { PASS_THROUGH_METHODS, type PassThroughTarget, readPassThrough } from '../challenge/public-path.ts'
import { asksForServiceWorker } from '../origin/headers.ts'
import { forwardRequest } from '../origin/proxy.ts'
import { rejected } from '../protocol/problem.ts'
import type { Result } from '../protocol/result.ts'
import { clientBody } from './body.ts'
import { challengeNamed, type RouteContext, refuse } from './context.ts'
import { toCachedRead } from './public-read.ts'
import { answerFromCache, awaitOrigin, relay, shownOf } from './relay.ts'

export async function passThrough(c: RouteContext): Promise<Response> {
  const { config, callOrigin } = c.env.gateway
  const entry = c.env.entry
  const target = readTarget(c)
  if (!target.ok) return refuse(c, target.rejection)
  const named = await challengeNamed(c, target.value.challengeText)
  if (!named.ok) return refuse(c, named.rejection)
  const challenge = named.value
  entry.slug = challenge.slug
  const plan = planPassThrough(challenge.policy, c.req.raw.method, target.value.path)
  if (!plan.ok) return refuse(c, plan.rejection)

  const context = { family: config.family, challenge, plan: plan.value, requestId: entry.request_id }
  const read = toCachedRead(c, target.value.path, context)
  if (read !== undefined) return answerFromCache(c, read)
  const sent = await clientBody(c, challenge.slug)
  if (!sent.ok) return refuse(c, sent.rejection)
  const body = sent.value
  const answer = await awaitOrigin(c, forwardRequest(callOrigin, c.req.raw, { ...context, body }), body)
  // 503 on routes that set or read a miner's environment.
  return relay(c, shownOf(challenge), answer, plan.value.isEnv ? 503 : undefined)
}

/**
 * A WebSocket handshake is refused with 403, as in the Python proxy that this gateway replaces,
 * and before it could be taken for a GET. A service worker's script is refused too: it would
 * answer for pages of this origin in that browser long after this visit.
 */
function readTarget(c: RouteContext): Result<PassThroughTarget> {
  const { url, method, headers } = c.req.raw
  const target = readPassThrough(url)
  if (!target.ok && target.rejection.code === 'not_found') return target
  c.env.entry.route = '/challenges/:challenge/*'
  if (!PASS_THROUGH_METHODS.includes(method))
    return rejected('method_not_allowed', { allow: PASS_THROUGH_METHODS })
  if (/websocket/i.test(headers.get('upgrade') ?? '')) return rejected('path_not_allowed', {}, 'websocket')
  if (asksForServiceWorker(headers)) return rejected('path_not_allowed', {}, 'service worker')
  return target
}
