/**
 * Which web pages may read the public GET routes (`CORS_ORIGINS`).
 *
 * Pages may only read. A page that could send uploads could also send one that it tricked a wallet
 * into signing. So the gateway answers no preflight of an upload or of a management request, and
 * browsers will not send them.
 */

import { createMiddleware } from 'hono/factory'
import type { AppEnv, RouteContext } from './context.ts'

/** Headers of an answer that a page may see, beside those that every page may. */
const EXPOSED = 'age, etag, retry-after, x-request-id'
const PREFLIGHT_SECONDS = '86400'

/**
 * Whether the gateway itself answers this request's `Origin`, so that the challenge need not see
 * it.
 */
export function answersOrigin(c: RouteContext): boolean {
  const { corsOrigins } = c.env.gateway.config
  const origin = c.req.raw.headers.get('origin')
  return origin !== null && (corsOrigins.has('*') || corsOrigins.has(origin))
}

/**
 * Middleware of public routes: answers preflights of reads, and adds to the answer of a read which
 * pages may see it.
 */
export const allowReading = createMiddleware<AppEnv>(async (c, next): Promise<Response | undefined> => {
  const { method, headers } = c.req.raw
  const wanted = headers.get('access-control-request-method')
  if (method === 'OPTIONS' && wanted !== null && isRead(wanted) && answersOrigin(c)) {
    const answer = c.body(null, 204, {
      'access-control-allow-methods': 'GET, HEAD',
      'access-control-allow-headers': '*',
      'access-control-max-age': PREFLIGHT_SECONDS,
    })
    return allow(c, answer)
  }
  await next()
  if (isRead(method)) allow(c, c.res)
  return undefined
})

function allow(c: RouteContext, answer: Response): Response {
  const { corsOrigins } = c.env.gateway.config
  const everyone = corsOrigins.has('*')
  if (!everyone) answer.headers.append('vary', 'Origin')
  if (!answersOrigin(c)) return answer
  answer.headers.set('access-control-allow-origin', everyone ? '*' : (c.req.raw.headers.get('origin') ?? ''))
  answer.headers.set('access-control-expose-headers', EXPOSED)
  // A challenge's permission for credentials does not hold for an answer to all pages.
  answer.headers.delete('access-control-allow-credentials')
  return answer
}

function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD'
}
