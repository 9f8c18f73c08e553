/**
 * Telling the gateway's own refusals from whatever else may answer in its place: a challenge behind it, or an edge in front.
 */

import type { ProblemCode } from '../../../src/protocol/problem.ts'
import type { Answer } from './ask.ts'

/** Whether the gateway itself refused with this code. A challenge could write such a body too, but gains nothing by it. */
export function isRefusal(answer: Answer, ...codes: readonly ProblemCode[]): boolean {
  return (
    answer.reached &&
    answer.headers['content-type'] === 'application/problem+json' &&
    codes.some((code) => code === answer.fields['code'])
  )
}

/** What came back, in a few words without a byte of the body but our own codes. */
export function explain(answer: Answer): string {
  if (!answer.reached) return `no answer (${answer.reason})`
  const code = answer.fields['code']
  const named = typeof code === 'string' && /^[a-z_]{1,40}$/.test(code) ? ` ${code}` : ''
  return `answered ${answer.status}${named}`
}
