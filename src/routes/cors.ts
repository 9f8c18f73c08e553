/**
 * Who may read the public GET routes from a page in a browser (`CORS_ORIGINS`).
 *
 * Reading only. An upload is signed for this gateway, but a page that could send one could also send what a wallet was talked
 * into signing; so no preflight of an upload or of a management request is ever answered, and a browser will not send them.
 */

import { createMiddleware } from 'hono/factory'
import type { AppEnv, RouteContext } from './context.ts'

/** What a page may see of an answer beside the headers every page may. */
const EXPOSED = 'age, etag, retry-after, x-request-id'
const PREFLIGHT_SECONDS = '86400'

/** Whether the gateway answers this request's `Origin`, so that nobody behind it need know it. */
export function answersOrigin(c: RouteContext): boolean {
  const { corsOrigins } = c.env.gateway.config
  const origin = c.req.raw.headers.get('origin')
  return origin !== null && (corsOrigins.has('*') || corsOrigins.has(origin))
}

/** Around a public route: answers preflights of reads itself, and says on the answer to a read who may see it. */
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
  // The challenge's own word on credentials was for another answer.
  answer.headers.delete('access-control-allow-credentials')
  return answer
}

function isRead(method: string): boolean {
  return method === 'GET' || method === 'HEAD'
}
