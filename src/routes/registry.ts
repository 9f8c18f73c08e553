/**
 * `GET /v1/registry`: the challenges of the subnet, as the master registered them and as the public may see them.
 */

import { conditional } from '../cache/reads.ts'
import { rejected } from '../protocol/problem.ts'
import { type RouteContext, refuse } from './context.ts'
import { withoutMaster } from './master.ts'

/** A minute for browsers; while the master is down what they have is as good as what we have. */
const CACHE_CONTROL = 'public, max-age=60, stale-if-error=86400'

/** The last good registry with its age, however old; 502 while there has never been one, 404 in a deployment without a master. */
export async function getRegistry(c: RouteContext): Promise<Response> {
  const { registry } = c.env.gateway
  if (registry === undefined) return refuse(c, withoutMaster())
  const now = c.env.receivedAt
  const current = (await registry.current(now)) ?? (await registry.afterMiss(now))
  if (current === undefined) return refuse(c, rejected('challenge_unavailable', {}, 'no registry').rejection)
  const answer = new Response(current.text, {
    headers: {
      'content-type': 'application/json',
      'cache-control': CACHE_CONTROL,
      etag: current.etag,
      age: String(Math.max(0, now - current.fetchedAt)),
    },
  })
  return conditional(c.req.raw.headers, answer)
}
