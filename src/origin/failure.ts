/**
 * Many failures of the platform look like an answer. This file tells them from the challenge's own
 * answers, in layers; the first sign decides.
 *
 * Cloudflare states that `cf-error-type` and `cf-error-origin` are on the error pages that it
 * makes and on no others
 * (https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-error-headers/).
 * Only such a page proves that the challenge was never reached: an origin can answer 530 by
 * itself.
 */

import type { OriginAnswer } from './origin.ts'
import { readWhole } from './whole-body.ts'

type Failure = Extract<OriginAnswer, { delivered: false }>

/**
 * Statuses of Cloudflare's pages for an origin without a connection: down, unreachable, TLS
 * refused, tunnel not connected.
 */
const NEVER_CONNECTED = new Set([521, 523, 525, 526, 530])
/**
 * Statuses that cloudflared answers for a service that it cannot reach, or for a hostname that it
 * does not know, without a body and a content type (cloudflared 2026.8.2, connection/http2.go and
 * ingress/origin_proxy.go).
 */
const BARE = new Set([404, 502, 503, 504])

/** Undefined for the challenge's own answer. The body is not looked at. */
export function transportFailure(response: Response, marker: string | undefined): Failure | undefined {
  const { status, headers } = response
  // The runtime passes on interim statuses and those out of range, but a Response with one cannot
  // be made.
  if (status < 200 || status > 599) return failed('unknown', `status ${status}`)
  const fromEdge = headers.has('cf-error-type') || headers.has('cf-error-origin')
  if (fromEdge && NEVER_CONNECTED.has(status)) return failed('not_delivered', `edge ${status}`)
  if ((status >= 520 && status <= 527) || status === 530) return failed('unknown', `edge ${status}`)
  if (headers.has('cf-mitigated')) return failed('unknown', 'edge mitigation')
  if (fromEdge) return failed('unknown', `edge error ${status}`)
  if (isAccessLogin(status, headers.get('location'))) return failed('unknown', 'access login')
  if (marker !== undefined && !headers.has(marker)) return failed('unknown', `no marker, ${status}`)
  return undefined
}

/**
 * Whether cloudflared made the answer itself: it has a certain status, no content type and no
 * body. When it did not, `response` is the answer, with its whole body although its first bytes
 * were read here.
 */
export async function isBare(
  response: Response,
  timeoutMs: number,
): Promise<{ readonly yes: true } | { readonly yes: false; readonly response: Response }> {
  const { status, headers } = response
  const saysMore = headers.get('content-type') || Number(headers.get('content-length')) > 0
  if (!BARE.has(status) || saysMore) return { yes: false, response }
  const body = await readWhole(response, 0, timeoutMs)
  if (body.kind !== 'long') return { yes: true }
  return { yes: false, response: new Response(body.resume(), { status, headers }) }
}

export function failed(outcome: Failure['outcome'], cause: string): Failure {
  return { delivered: false, outcome, cause }
}

function isAccessLogin(status: number, location: string | null): boolean {
  return status >= 300 && status < 400 && /^https:\/\/[^/]+\.cloudflareaccess\.com\//i.test(location ?? '')
}
