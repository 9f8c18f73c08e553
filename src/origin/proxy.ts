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
import type { StreamedBody } from './send.ts'

export interface PassThroughContext {
  readonly family: ProtocolFamily
  readonly challenge: Challenge
  readonly plan: PassThroughPlan
  readonly requestId: string
}

export function forwardRequest(
  call: CallOrigin,
  client: Request,
  { family, challenge, plan, requestId }: PassThroughContext,
): Promise<OriginAnswer> {
  const prefix = headerPrefix(family)
  const headers = forwardedHeaders(client.headers, plan)
  headers.set(`${prefix}-Proxy`, 'true')
  headers.set(`${prefix}-Challenge-Slug`, challenge.slug)
  headers.set('X-Request-Id', requestId)
  const body = streamedBody(client)
  return call({
    ...targetAt(challenge, encodedPath(plan.path), rawQuery(client.url)),
    method: client.method,
    headers,
    ...(body && { body }),
  })
}

/**
 * The body of a GET or HEAD is dropped: it has no meaning (RFC 9110 9.3.1), the platform's `fetch` refuses one, and an origin that
 * read it would answer what no cache may keep under that URL. Of a body declared both ways, chunks count (RFC 9112 6.3).
 */
export function streamedBody({ method, headers, body }: Request): StreamedBody | undefined {
  if (body === null || method === 'GET' || method === 'HEAD') return undefined
  const declared = headers.has('transfer-encoding')
    ? Number.NaN
    : Number(headers.get('content-length') ?? Number.NaN)
  // A length beyond 2^53 is nobody's: the platform would throw on it, as if the origin had failed.
  return { stream: body, bytes: Number.isSafeInteger(declared) ? declared : undefined }
}
