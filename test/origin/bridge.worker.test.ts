import { expect, test } from 'vitest'
import type { Admitted } from '../../src/admission/admit.ts'
import { OPEN_POLICY } from '../../src/challenge/policy.ts'
import { bridgeHeaders, forwardUpload, originUrl } from '../../src/origin/bridge.ts'
import type { OriginCall } from '../../src/origin/origin.ts'
import { heldBody } from '../support/held.ts'

const CONTENT = Uint8Array.from(new TextEncoder().encode('zip-bytes'))
const ADMITTED: Admitted = {
  challenge: {
    slug: 'demo',
    name: 'Demo',
    status: 'active',
    origins: [new URL('https://demo.example.com')],
    marker: 'x-origin',
    policy: OPEN_POLICY,
  },
  ledgerKey: { netuid: 100, slug: 'demo', hotkey: '5Grw' },
  nonce: 'nonce-1',
  hotkey: '5Grw',
  uid: 7,
  bodyHash: 'abc',
  ...heldBody(CONTENT),
  contentType: 'application/zip',
  filename: 'agent.zip',
}
const CONTEXT = { family: 'platform', token: 'secret', requestId: 'request-1', query: '?a=%2F' } as const

test('the header set is this and nothing else', () => {
  expect(Object.fromEntries(bridgeHeaders(ADMITTED, CONTEXT))).toEqual({
    authorization: 'Bearer secret',
    'x-platform-challenge-slug': 'demo',
    'x-platform-verified-hotkey': '5Grw',
    'x-platform-verified-nonce': 'nonce-1',
    'x-platform-verified-uid': '7',
    'x-platform-request-hash': 'abc',
    'content-type': 'application/zip',
    accept: 'application/json',
    'x-submission-filename': 'agent.zip',
    'x-request-id': 'request-1',
  })
})

test('what there is none of is left out', () => {
  const bare = { ...ADMITTED, uid: undefined, filename: undefined, contentType: undefined }
  const headers = bridgeHeaders(bare, CONTEXT)
  expect(headers.has('x-platform-verified-uid')).toBe(false)
  expect(headers.has('x-submission-filename')).toBe(false)
  expect(headers.get('content-type')).toBe('application/octet-stream')
})

test('uid 0 is a uid', () => {
  expect(bridgeHeaders({ ...ADMITTED, uid: 0 }, CONTEXT).get('x-platform-verified-uid')).toBe('0')
})

test('the base family renames the identity headers and nothing else', () => {
  const base = [...bridgeHeaders(ADMITTED, { ...CONTEXT, family: 'base' })].map(([name]) => name)
  const platform = [...bridgeHeaders(ADMITTED, CONTEXT)].map(([name]) =>
    name.replace('x-platform-', 'x-base-'),
  )
  expect(base.sort()).toEqual(platform.sort())
})

test('the exact bytes go to the private route with the query as sent', async () => {
  const calls: OriginCall[] = []
  const answer = { delivered: true, response: new Response() } as const
  const record = async (call: OriginCall) => {
    calls.push(call)
    return answer
  }
  await forwardUpload(record, ADMITTED, CONTEXT)
  expect(calls).toHaveLength(1)
  expect(calls[0]).toMatchObject({
    url: 'https://demo.example.com/internal/v1/bridge/submissions?a=%2F',
    method: 'POST',
    marker: 'x-origin',
  })
  expect(calls[0]?.body).toEqual({ content: CONTENT, held: ADMITTED.held })
})

test.each([
  ['https://h.example.com', 'https://h.example.com/v1/x?q'],
  ['https://h.example.com/base/', 'https://h.example.com/base/v1/x?q'],
])('%s joins to %s', (origin, url) => {
  expect(originUrl(new URL(origin), '/v1/x', '?q')).toBe(url)
})
