/**
 * What happens while a command runs, in one line each.
 */

import { originalOf } from '../answer.ts'
import type { ClientEvent } from '../client.ts'

type Retry = Extract<ClientEvent, { event: 'retry' }>

/** Of a replay that is not the end. */
const NEWS: Readonly<Record<string, string>> = {
  not_delivered: 'the upload did not arrive',
  in_flight: 'the upload is still on its way',
}

export function newsOf(event: Exclude<ClientEvent, { event: 'send' }>): string {
  if (event.event === 'retry') return newsOfRetry(event)
  const way = event.offsetSeconds > 0 ? 'behind' : 'ahead'
  return `your clock is ${Math.abs(event.offsetSeconds)} s ${way}; signing with the gateway's time`
}

function newsOfRetry({ after, retry, seconds, sameNonce }: Retry): string {
  const requestId = originalOf(after)?.request_id ?? ('requestId' in after ? after.requestId : undefined)
  const named = [
    ...(after.sent === undefined ? [] : [`nonce ${after.sent.nonce}`]),
    ...(requestId === undefined ? [] : [`request ${requestId}`]),
  ]
  const ids = named.length === 0 ? '' : ` (${named.join(', ')})`
  const how = after.sent === undefined ? '' : sameNonce ? ' with the same nonce' : ' with a fresh nonce'
  return `${why(after)}${ids}; retry ${retry}${how} in ${seconds.toFixed(1)} s`
}

function why(after: Retry['after']): string {
  if (after.ok) return ''
  if (after.kind === 'unreachable') return after.cause
  if (after.kind === 'problem') return NEWS[originalOf(after)?.outcome ?? ''] ?? after.problem.detail
  return after.kind === 'foreign' ? after.what : String(after.status)
}
