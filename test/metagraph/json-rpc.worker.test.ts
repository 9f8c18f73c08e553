import { describe, expect, test } from 'vitest'
import { callRpc, type Endpoint, type Fetch } from '../../src/metagraph/json-rpc.ts'
import { USER_AGENT } from '../../src/protocol/user-agent.ts'

const ENDPOINT: Endpoint = {
  url: new URL('https://node.example/key/secret'),
  headers: { 'cf-access-client-id': 'id.access', 'cf-access-client-secret': 'hush' },
}

function call(fetch: Fetch, maxBytes = 1000) {
  const { signal } = new AbortController()
  return callRpc(fetch, ENDPOINT, { id: 7, method: 'chain_getFinalizedHead', params: [], maxBytes, signal })
}

const answering = (body: string, init: ResponseInit = {}) => call(async () => new Response(body, init))

test('the request as it leaves', async () => {
  const requests: Request[] = []
  await call(async (request) => {
    requests.push(request)
    return Response.json({})
  })
  const [request] = requests
  expect(request?.method).toBe('POST')
  expect(request?.url).toBe('https://node.example/key/secret')
  expect(request?.redirect).toBe('manual')
  expect([request?.cache, request?.headers.get('user-agent')]).toEqual(['no-store', USER_AGENT])
  expect(request?.headers.get('cf-access-client-id')).toBe('id.access')
  expect(request?.headers.get('cf-access-client-secret')).toBe('hush')
  expect(request?.headers.get('content-type')).toBe('application/json')
  expect(await request?.json()).toEqual({
    jsonrpc: '2.0',
    id: 7,
    method: 'chain_getFinalizedHead',
    params: [],
  })
})

test.each([
  ['a text', '"0x1234"', '0x1234'],
  ['null, which is an answer', 'null', null],
  ['a list', '[1]', [1]],
])('result: %s', async (_, result, value) => {
  expect(await answering(`{"jsonrpc":"2.0","id":7,"result":${result}}`)).toEqual({ ok: true, value })
})

test('a null error beside the result is no error', async () => {
  expect(await answering('{"id":7,"result":1,"error":null}')).toEqual({ ok: true, value: 1 })
})

test('an error beside the result is one', async () => {
  const body = '{"id":7,"result":1,"error":{"code":-32000,"message":"x"}}'
  expect(await answering(body)).toEqual({ ok: false, reason: 'rpc_error' })
})

test('a result with an error status is not believed', async () => {
  expect(await answering('{"id":7,"result":1}', { status: 500 })).toEqual({ ok: false, reason: 'http_error' })
})

test('an answer may be as long as allowed and not one byte longer', async () => {
  const body = '{"id":7,"result":1}'
  expect(await call(async () => new Response(body), body.length)).toEqual({ ok: true, value: 1 })
  expect(await call(async () => new Response(body), body.length - 1)).toEqual({
    ok: false,
    reason: 'answer_too_long',
  })
})

test('nesting that no parser survives is not JSON', async () => {
  const deep = '['.repeat(400_000)
  expect(await call(async () => new Response(deep), 1_000_000)).toEqual({ ok: false, reason: 'not_json' })
})

describe('how long to leave an endpoint alone', () => {
  const DATE = 'Fri, 20 Nov 2026 10:00:00 GMT'
  const ROWS: [name: string, headers: Record<string, string>, seconds: number][] = [
    ['nothing said', {}, 60],
    ['seconds', { 'retry-after': '17' }, 17],
    ['hours', { 'retry-after': '10800' }, 10_800],
    ['a date', { 'retry-after': 'Fri, 20 Nov 2026 10:02:00 GMT', date: DATE }, 120],
    ['a date in the past', { 'retry-after': 'Fri, 20 Nov 2026 09:00:00 GMT', date: DATE }, 60],
    ['a date without a clock', { 'retry-after': 'Fri, 20 Nov 2026 10:02:00 GMT' }, 60],
    ['zero', { 'retry-after': '0' }, 60],
    ['less than nothing', { 'retry-after': '-5' }, 60],
    ['nonsense', { 'retry-after': 'soon' }, 60],
  ]
  test.each(ROWS)('%s', async (_, headers, seconds) => {
    expect(await answering('', { status: 429, headers })).toEqual({
      ok: false,
      reason: 'rate_limited',
      coolDownSeconds: seconds,
    })
  })

  test('said in the body', async () => {
    const body = '{"error":"Too many requests from this source.","retry_after_seconds":45.2}'
    expect(await answering(body)).toEqual({ ok: false, reason: 'rate_limited', coolDownSeconds: 46 })
  })

  test('an unavailable server that says when', async () => {
    const init = { status: 503, headers: { 'retry-after': '9' } }
    expect(await answering('', init)).toEqual({ ok: false, reason: 'http_error', coolDownSeconds: 9 })
  })
})

test('a signal that is aborted already ends the call', async () => {
  const controller = new AbortController()
  controller.abort()
  const never: Fetch = () => new Promise(() => {})
  const { signal } = controller
  expect(await callRpc(never, ENDPOINT, { id: 1, method: 'x', params: [], maxBytes: 1, signal })).toEqual({
    ok: false,
    reason: 'time_limit',
  })
})
