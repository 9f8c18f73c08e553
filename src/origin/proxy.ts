/**
 * Pass-through: one public request becomes one request to the challenge, as it came.
 *
 * The client's headers pass, without those that `headers.ts` drops. Only the gateway names itself
 * and the challenge. The body passes as a stream that the gateway does not read, so environment
 * values in it are not parsed, kept or logged, and it is sent at most once.
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
  /** Absent for a read, and where the client sent none. */
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
