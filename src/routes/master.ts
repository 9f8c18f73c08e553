/**
 * The master's other routes: weights and dashboard, read through the data centre's cache, and
 * management, passed on.
 *
 * Without `MASTER_ORIGIN` they answer 404. When the master cannot be reached, or answers with
 * something else than was asked for, they answer 502 without the reason.
 */

import { conditional, type Fetched, type Read } from '../cache/reads.ts'
import { isPublicPath, PASS_THROUGH_METHODS } from '../challenge/public-path.ts'
import { matchTemplate } from '../challenge/template.ts'
import { asksForServiceWorker } from '../origin/headers.ts'
import { askMaster, forwardToMaster, type MasterDocument } from '../origin/master.ts'
import { rawPath } from '../protocol/path.ts'
import { rejected } from '../protocol/problem.ts'
import { parseWeights } from '../registry/weights.ts'
import { clientBody } from './body.ts'
import { type RouteContext, refuse } from './context.ts'
import { answerFromCache, awaitOrigin, refuseUnavailable, relay } from './relay.ts'

/** For every request of weights the master calls each challenge, so they are kept for a while. */
const WEIGHTS_SECONDS = 30
const DASHBOARD_SECONDS = 30
/** How old a picture may be while a new one is drawn, and when none can be had. */
const DASHBOARD_STALE_SECONDS = 60
const DASHBOARD_ERROR_SECONDS = 3600

/** The route is documented, but this gateway lacks the setting that it needs. */
const withoutMaster = () => rejected('not_found', { setting: 'MASTER_ORIGIN' }).rejection

/**
 * Browsers keep it for a minute, and longer while the master is down: the gateway has nothing
 * newer then.
 */
const REGISTRY_CONTROL = 'public, max-age=60, stale-if-error=86400'

/**
 * `GET /v1/registry`: the public form of the last good registry, however old, with its age. 502
 * before the first one, 404 without a master.
 */
export async function getRegistry(c: RouteContext): Promise<Response> {
  const { registry } = c.env.gateway
  if (registry === undefined) return refuse(c, withoutMaster())
  const now = c.env.receivedAt
  const current = (await registry.current(now)) ?? (await registry.afterMiss(now))
  if (current === undefined) return refuseUnavailable(c, 'no registry')
  const answer = new Response(current.text, {
    headers: {
      'content-type': 'application/json',
      'cache-control': REGISTRY_CONTROL,
      etag: current.etag,
      age: String(Math.max(0, now - current.fetchedAt)),
    },
  })
  return conditional(c.req.raw.headers, answer)
}

/**
 * `GET /v1/weights/latest`: asked for again after 30 s. When the master fails, the last good
 * weights serve until they expire.
 */
export function getWeights(c: RouteContext): Promise<Response> {
  const { config, ports } = c.env.gateway
  return readMaster(c, '/v1/weights/latest', (document) => {
    const now = ports.now()
    const weights = parseWeights(document.text, config.netuid, now)
    if (weights === undefined) return { kind: 'failed', cause: 'not usable weights' }
    const left = weights.expiresAt - now
    const freshSeconds = Math.min(WEIGHTS_SECONDS, left)
    const headers = new Headers({
      'content-type': 'application/json',
      'cache-control': `public, max-age=${freshSeconds}`,
    })
    const lifetime = { freshSeconds, staleSeconds: 0, errorSeconds: left - freshSeconds }
    return { kind: 'keep', body: toBytes(weights.text), headers, lifetime }
  })
}

/**
 * `GET /v1/challenges/dashboard.svg`. Clients may not store it, as with the Python proxy that this
 * gateway replaces: pages that embed it use caches of their own, and the gateway's answers
 * quickly. Opened by itself it is a document of the gateway's web origin, so it may run no
 * scripts.
 */
export function getDashboard(c: RouteContext): Promise<Response> {
  return readMaster(c, '/v1/challenges/dashboard.svg', ({ text, contentType }) => {
    if (!/^image\/svg\+xml\b/i.test(contentType) || !text.includes('<svg')) {
      return { kind: 'failed', cause: 'not a picture' }
    }
    const headers = new Headers({
      'content-type': 'image/svg+xml',
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
      'x-content-type-options': 'nosniff',
    })
    const lifetime = {
      freshSeconds: DASHBOARD_SECONDS,
      staleSeconds: DASHBOARD_STALE_SECONDS,
      errorSeconds: DASHBOARD_ERROR_SECONDS,
    }
    return { kind: 'keep', body: toBytes(text), headers, lifetime }
  })
}

/**
 * `/admin*` and `/v1/admin/*`, behind `requireAdmin`: one request to the master, under the same
 * token. Its answer is for this client only. 403 for a path that is not in canonical form, so that
 * the master cannot take it for another route.
 */
export function manage(c: RouteContext): Promise<Response> | Response {
  const { config } = c.env.gateway
  if (config.masterOrigin === undefined) return refuse(c, withoutMaster())
  // The seven methods of the pass-through. The master itself refuses those that it lacks.
  const allow = PASS_THROUGH_METHODS
  if (!allow.includes(c.req.raw.method)) return refuse(c, rejected('method_not_allowed', { allow }).rejection)
  return passToMaster(c, config.masterOrigin, c.var.adminToken)
}

/**
 * Passes a request that no route of the gateway takes to the master, where `MASTER_ROUTES` has it:
 * with the client's signature headers, never with the admin token. Undefined for any other.
 */
export function masterRoute(c: RouteContext): Promise<Response> | Response | undefined {
  const { masterOrigin, masterRoutes } = c.env.gateway.config
  const rules = masterRoutes.filter((rule) => matchTemplate(rule.path, c.env.path) !== undefined)
  const [first] = rules
  if (masterOrigin === undefined || first === undefined) return undefined
  c.env.entry.route = `/${first.path.join('/')}`
  const methods = rules.flatMap((rule) => rule.methods)
  const allow = [...new Set(methods.flatMap((each) => (each === 'GET' ? ['GET', 'HEAD'] : each)))]
  if (!allow.includes(c.req.raw.method)) return refuse(c, rejected('method_not_allowed', { allow }).rejection)
  return passToMaster(c, masterOrigin, undefined)
}

/** The answer is for this client only. */
async function passToMaster(c: RouteContext, master: URL, adminToken: string | undefined): Promise<Response> {
  const { raw: client } = c.req
  if (!isCanonical(c) || asksForServiceWorker(client.headers))
    return refuse(c, rejected('path_not_allowed', {}).rejection)
  const sent = await clientBody(c, '(master)')
  if (!sent.ok) return refuse(c, sent.rejection)
  const body = sent.value
  const request = { client, body, path: c.env.path, requestId: c.env.entry.request_id, adminToken }
  const answer = await awaitOrigin(c, forwardToMaster(c.env.gateway.callOrigin, master, request), body)
  const shown = relay(c, { origins: [master], marker: undefined, publicPath: '' }, answer)
  shown.headers.set('cache-control', 'no-store')
  return shown
}

/**
 * Whether every layer reads this path in the same way: no encoded separators, and only segments
 * that no layer drops.
 */
function isCanonical(c: RouteContext): boolean {
  const sameSegments = rawPath(c.req.raw.url).split('/').length === c.env.path.split('/').length
  return sameSegments && isPublicPath(c.env.path)
}

/**
 * One document of the master, through the cache; `toFetched` checks it. The client's query is not
 * passed on.
 */
async function readMaster(
  c: RouteContext,
  path: string,
  toFetched: (document: MasterDocument) => Fetched,
): Promise<Response> {
  const { config, callOrigin } = c.env.gateway
  if (config.masterOrigin === undefined) return refuse(c, withoutMaster())
  const master = { origin: config.masterOrigin, timeoutMs: config.originTimeoutMs }
  const read: Read = {
    key: new URL(path, c.req.raw.url).href,
    oneAtATime: true,
    fetch: async () => {
      const document = await askMaster(callOrigin, master, path, c.env.entry.request_id)
      return document.ok ? toFetched(document.value) : { kind: 'failed', cause: document.cause }
    },
    waitUntil: (work) => c.executionCtx.waitUntil(work),
  }
  return answerFromCache(c, read)
}

function toBytes(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(new TextEncoder().encode(text))
}
