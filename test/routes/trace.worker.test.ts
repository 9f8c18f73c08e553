/** Trace context: passed on when well formed, else dropped, and never invented. */

import { expect, test } from 'vitest'
import { checkTrace, traceLike } from '../../src/routes/trace.ts'

const GOOD = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'

async function sent(headers: Record<string, string>, own: Record<string, string> = {}) {
  const seen: Headers[] = []
  const call = checkTrace(async (request) => {
    seen.push(request.headers)
    return { delivered: true, response: new Response() }
  })
  const request = { url: '', method: 'POST', headers: new Headers(own), marker: undefined }
  await traceLike(new Headers(headers), call)(request)
  return Object.fromEntries(seen[0] ?? [])
}

test('both pass, and nothing else', async () => {
  const trace = { traceparent: GOOD, tracestate: 'vendor=value' }
  expect(await sent({ ...trace, baggage: 'a=b' }, { accept: '*/*' })).toEqual({ ...trace, accept: '*/*' })
})

const DROPPED: [name: string, headers: Record<string, string>, left: Record<string, string>][] = [
  ['none', {}, {}],
  ['a state alone', { tracestate: 'a=b' }, {}],
  ['another version', { traceparent: GOOD.replace('00', 'ff') }, {}],
  ['an id of zeros', { traceparent: `00-${'0'.repeat(32)}-00f067aa0ba902b7-01` }, {}],
  ['a parent of zeros', { traceparent: `00-4bf92f3577b34da6a3ce929d0e0e4736-${'0'.repeat(16)}-01` }, {}],
  ['upper case', { traceparent: GOOD.toUpperCase() }, {}],
  ['two', { traceparent: `${GOOD}, ${GOOD}`, tracestate: 'a=b' }, {}],
  ['a state too long', { traceparent: GOOD, tracestate: 'a'.repeat(513) }, { traceparent: GOOD }],
]
test.each(DROPPED)('%s', async (_, headers, left) => {
  expect(await sent(headers)).toEqual(left)
})
