/**
 * Pass-through: one public request becomes one request to the challenge, as it came.
 *
 * What the client said travels on but for what `headers.ts` keeps back; who we are and which challenge was meant is said by us
 * alone. The body is a stream that nobody here reads, so the environment values in it are not parsed, kept or logged, and it is
 * sent at most once.
 */

import type { Challenge } from '../challenge/challenge.ts'
import type { PassThroughPlan } from '../challenge/policy.ts'
import type { ProtocolFamily } from '../protocol/canonical.ts'
import { headerPrefix } from '../protocol/headers.ts'
import { encodedPath, rawQuery } from '../protocol/path.ts'
import { targetAt } from './bridge.ts'
import { forwardedHeaders } from './headers.ts'
import type { CallOrigin, OriginAnswer } from './origin.ts'
import type { OriginBody } from './send.ts'

export interface PassThroughContext {
  readonly family: ProtocolFamily
  readonly challenge: Challenge
  readonly plan: PassThroughPlan
  readonly requestId: string
  /** None for a read, nor where the client sent none. */
  readonly body?: OriginBody | undefined
}

export function forwardRequest(
  call: CallOrigin,
  client: Request,
  { family, challenge, plan, requestId, body }: PassThroughContext,
): Promise<OriginAnswer> {
  const prefix = headerPrefix(family)
  const headers = forwardedHeaders(client.headers, plan)
  headers.set(`${prefix}-Proxy`, 'true')
  headers.set(`${prefix}-Challenge-Slug`, challenge.slug)
  headers.set('X-Request-Id', requestId)
  return call({
    ...targetAt(challenge, encodedPath(plan.path), rawQuery(client.url)),
    method: client.method,
    headers,
    ...(body && { body }),
  })
}
