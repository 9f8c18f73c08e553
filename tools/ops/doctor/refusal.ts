/**
 * Telling the gateway's own refusals from whatever else may answer in its place: a challenge
 * behind it, or an edge in front.
 */

import type { ProblemCode } from '../../../src/protocol/problem.ts'
import type { Answer } from './ask.ts'

/**
 * Whether the gateway itself refused with this code. A challenge could write such a body too, but
 * gains nothing by it.
 */
export function isRefusal(answer: Answer, ...codes: readonly ProblemCode[]): boolean {
  return (
    answer.reached &&
    answer.headers['content-type'] === 'application/problem+json' &&
    codes.some((code) => code === answer.fields['code'])
  )
}

/**
 * How Cloudflare refused what the gateway never saw; undefined for any other answer. The gateway's
 * own have an `X-Request-Id`.
 */
export function refusedByCloudflare(answer: Answer): string | undefined {
  if (!answer.reached || answer.status < 400 || answer.headers['x-request-id'] !== undefined) return undefined
  const { status, headers, edgeCode } = answer
  const mitigated = headers['cf-mitigated']
  if (headers['server'] !== 'cloudflare' && mitigated === undefined && edgeCode === undefined)
    return undefined
  const facts = [
    String(status),
    ...(edgeCode === undefined ? [] : [`error code ${edgeCode}`]),
    ...(mitigated === undefined ? [] : [`cf-mitigated ${mitigated}`]),
    ...(headers['cf-ray'] === undefined ? [] : [`cf-ray ${headers['cf-ray']}`]),
  ]
  return `Cloudflare refused it before the gateway was asked (${facts.join(', ')})`
}

/** What came back, in a few words without a byte of the body but our own codes. */
export function explain(answer: Answer): string {
  if (!answer.reached) return `no answer (${answer.reason})`
  const refused = refusedByCloudflare(answer)
  if (refused !== undefined) return refused
  const code = answer.fields['code']
  const named = typeof code === 'string' && /^[a-z_]{1,40}$/.test(code) ? ` ${code}` : ''
  return `answered ${answer.status}${named}`
}
