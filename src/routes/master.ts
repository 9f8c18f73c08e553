/**
 * The master's other routes: weights and dashboard, read through the data centre's cache, and management, passed on.
 *
 * Without `MASTER_ORIGIN` they do not exist: 404. A master that cannot be reached, or answers anything but what was asked for, is
 * 502 without a word about why.
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

/** The master computes weights anew for every question, with a call to each challenge. */
const WEIGHTS_SECONDS = 30
const DASHBOARD_SECONDS = 30
/** A picture may be this old while a new one is drawn, and this old when none can be had. */
const DASHBOARD_STALE_SECONDS = 60
const DASHBOARD_ERROR_SECONDS = 3600

/** The route is documented, and this gateway lacks what it needs. */
const withoutMaster = () => rejected('not_found', { setting: 'MASTER_ORIGIN' }).rejection

/** A minute for browsers; while the master is down what they have is as good as what we have. */
const REGISTRY_CONTROL = 'public, max-age=60, stale-if-error=86400'

/**
 * `GET /v1/registry`: the last good registry, as the public may see it, with its age, however old; 502 while there has never been
 * one, 404 in a deployment without a master.
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

/** `GET /v1/weights/latest`: asked for anew after 30 s; until they expire the last good ones serve when the master cannot. */
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
 * `GET /v1/challenges/dashboard.svg`. Not to be stored by clients, as in the reference: pages that embed it go through caches of
 * their own, and ours answers quickly. Opened by itself it is a document of our origin, so it may run nothing.
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
 * `/admin*` and `/v1/admin/*`, behind `requireAdmin`: one request to the master, under the same token; its answer is nobody else's.
 * 403 for a path that is not in canonical form, so that no other route of the master can be meant.
 */
export function manage(c: RouteContext): Promise<Response> | Response {
  const { config } = c.env.gateway
  if (config.masterOrigin === undefined) return refuse(c, withoutMaster())
  // The seven of the pass-through; one that the master lacks is for it to refuse.
  const allow = PASS_THROUGH_METHODS
  if (!allow.includes(c.req.raw.method)) return refuse(c, rejected('method_not_allowed', { allow }).rejection)
  return passToMaster(c, config.masterOrigin, c.var.adminToken)
}

/**
 * A request that no route of the gateway takes, where `MASTER_ROUTES` has it: to the master, with the client's signature headers and
 * never the admin token. Undefined for every other.
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
  const { body, release } = sent.value
  const request = { client, body, path: c.env.path, requestId: c.env.entry.request_id, adminToken }
  const answer = await awaitOrigin(c, forwardToMaster(c.env.gateway.callOrigin, master, request))
  release()
  const shown = relay(c, { origins: [master], marker: undefined, publicPath: '' }, answer)
  shown.headers.set('cache-control', 'no-store')
  return shown
}

/** Every layer reads this path in one way: no encoded separator, and nothing in a segment that one of them could fold away. */
function isCanonical(c: RouteContext): boolean {
  const sameSegments = rawPath(c.req.raw.url).split('/').length === c.env.path.split('/').length
  return sameSegments && isPublicPath(c.env.path)
}

/** One document of the master, through the cache; `toFetched` knows what it must be. The client's query means nothing there. */
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
