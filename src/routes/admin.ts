/**
 * Management is for the holder of the admin token, in `X-Admin-Token` or as `Authorization:
 * Bearer`.
 */

import type { MiddlewareHandler } from 'hono'
import { sameSecret } from '../crypto/secret.ts'
import { rejected } from '../protocol/problem.ts'
import { type AppEnv, refuse } from './context.ts'

/**
 * 401 `unauthorized` without a right token, and always when no token is configured. During a
 * rotation two tokens are right.
 */
export const requireAdmin: MiddlewareHandler<AppEnv> = (c, next) => {
  const sent = sentToken(c.req.raw.headers)
  const { adminTokens } = c.env.gateway.config
  const token = adminTokens.find((each) => sameSecret(sent, each))
  if (token !== undefined) {
    c.set('adminToken', token)
    return next()
  }
  const facts = adminTokens.length === 0 ? { setting: 'ADMIN_TOKEN' } : {}
  return Promise.resolve(refuse(c, rejected('unauthorized', facts).rejection))
}

/** A bearer counts only when `X-Admin-Token` is absent or empty. */
function sentToken(headers: Headers): string {
  const bearer = /^bearer\s+(.*)$/i.exec(headers.get('authorization') ?? '')?.[1]?.trim()
  return headers.get('x-admin-token') || (bearer ?? '')
}
