import { describe, expect, test } from 'vitest'
import type { Origins } from '../../src/challenge/challenge.ts'
import { forwardedHeaders, returnedAnswer } from '../../src/origin/headers.ts'

const ORIGIN = [new URL('https://demo.origin.example.com/base')] as const

describe('towards the challenge', () => {
  const DROPPED = [
    'authorization',
    'proxy-authorization',
    'connection',
    'keep-alive',
    'te',
    'transfer-encoding',
    'upgrade',
    'x-admin-token',
    'X-Hotkey',
    'x_hotkey',
    'x-signature',
    'x-nonce',
    'x-timestamp',
    'X-Platform-Verified-Uid',
    'x-platform-proxy',
    'x_platform_verified_hotkey',
    'x-platform_challenge-slug',
    'x-base-verified-hotkey',
    'cf-access-client-secret',
    'x-request-id',
    'expect',
    'proxy-connection',
    'trailer',
    'Authorization',
    'x-platform-internal-token',
    'x_base_proxy',
  ]
  test.each(DROPPED)('%s from a client is dropped', (name) => {
    expect([...forwardedHeaders(new Headers({ [name]: 'x' }))]).toEqual([])
  })

  test('what Connection names is dropped, whatever it is', () => {
    const headers = forwardedHeaders(
      new Headers({ connection: 'X-Private, close', 'x-private': '1', cookie: 'a=1' }),
    )
    expect([...headers]).toEqual([['cookie', 'a=1']])
  })

  test('on a signed route the four signature headers pass, in one spelling, and nothing else', () => {
    const signature = { 'x-hotkey': '5Grw', 'x-signature': '0xab', 'x-nonce': 'n', 'x-timestamp': '1' }
    const others = { x_hotkey: 'spoof', 'x-platform-verified-hotkey': 'spoof', authorization: 'Bearer spoof' }
    const headers = forwardedHeaders(new Headers({ ...signature, ...others }), true)
    expect(Object.fromEntries(headers)).toEqual(signature)
    const named = forwardedHeaders(new Headers({ connection: 'x-nonce', ...signature }), true)
    expect(named.has('x-nonce')).toBe(false)
  })

  test('the rest passes', () => {
    const sent = {
      accept: '*/*',
      cookie: 'a=1',
      range: 'bytes=0-1',
      'x-platformer': 'yes',
      'last-event-id': '7',
    }
    expect(Object.fromEntries(forwardedHeaders(new Headers(sent)))).toEqual(sent)
  })
})

/** What of an answer's headers the client sees. */
function returnedHeaders(headers: Headers, ...where: [Origins, string | undefined, string?]): Headers {
  return returnedAnswer(new Response(null, { headers }), ...where).headers
}

describe('towards the client', () => {
  test('the answer keeps its headers, cookies one by one', () => {
    const answer = new Headers({ 'content-type': 'text/plain', etag: '"1"' })
    answer.append('set-cookie', 'a=1; Path=/')
    answer.append('set-cookie', 'b=2')
    const headers = returnedHeaders(answer, ORIGIN, undefined)
    expect(headers.getSetCookie()).toEqual(['a=1; Path=/', 'b=2'])
    expect(headers.get('etag')).toBe('"1"')
  })

  const DROPPED: [name: string, value: string][] = [
    ['connection', 'close'],
    ['x-platform-verified-uid', '1'],
    ['x-base-proxy', 'true'],
    ['authorization', 'Bearer secret'],
    ['server', 'uvicorn'],
    ['cf-ray', '1'],
    ['set-cookie', 'CF_Authorization=secret; Path=/'],
    ['x-origin-marker', 'demo'],
  ]
  test.each(DROPPED)('%s: %s stays behind', (name, value) => {
    expect([...returnedHeaders(new Headers({ [name]: value }), ORIGIN, 'X-Origin-Marker')]).toEqual([])
  })

  test("what the answer's Connection names stays behind", () => {
    const answer = new Headers({ connection: 'close, X-Hop', 'x-hop': '1', etag: '"1"' })
    expect([...returnedHeaders(answer, ORIGIN, undefined)]).toEqual([['etag', '"1"']])
  })

  test("the tunnel's cookies go, the challenge's stay apart", () => {
    const answer = new Headers()
    for (const cookie of ['a=1; Path=/', 'CF_Authorization=x', 'b=2', 'CF_AppSession=y', 'CF=3'])
      answer.append('set-cookie', cookie)
    const headers = returnedHeaders(answer, ORIGIN, undefined)
    expect(headers.getSetCookie()).toEqual(['a=1; Path=/', 'b=2', 'CF=3'])
  })

  const LOCATIONS: [sent: string, shown: string, below?: string][] = [
    ['https://demo.origin.example.com/base/v1/x?y=1#z', '/base/v1/x?y=1#z', '/challenges/demo/v1/x?y=1#z'],
    ['http://demo.origin.example.com:8000/base/', '/base/', '/challenges/demo/'],
    ['//demo.origin.example.com/base/x', '/base/x', '/challenges/demo/x'],
    ['https://demo.origin.example.com/elsewhere', '/elsewhere'],
    ['https://demo.origin.example.com/basement', '/basement'],
    ['https://user:secret@demo.origin.example.com/', '/'],
    ['http://challenge-demo:8000/base/x', '/base/x', '/challenges/demo/x'],
    ['http://10.0.0.7/x', '/x'],
    ['http://0x7f000001/x', '/x'],
    ['http://[::1]:8000/x', '/x'],
    ['http://host.docker.internal:8000/x', '/x'],
    ['http://challenge-demo.platform.svc.cluster.local/base/x', '/base/x', '/challenges/demo/x'],
    ['http://localhost.:8000/x', '/x'],
    ['https://demo.origin.example.com./base/x', '/base/x', '/challenges/demo/x'],
    ['https://internal.example.com/x', 'https://internal.example.com/x'],
    ['https://site.example.com/?next=a,https://b', 'https://site.example.com/?next=a,https://b'],
    ['/v1/submissions/1', '/v1/submissions/1'],
    ['v1/x?y', 'v1/x?y'],
    ['?page=2', '?page=2'],
    ['../x', '../x'],
    ['https://elsewhere.example.com/', 'https://elsewhere.example.com/'],
    ['mailto:a@b', 'mailto:a@b'],
    ['http://[', 'http://['],
    ['', ''],
  ]
  test.each(LOCATIONS)('Location %s is shown as %s', (sent, shown, below = shown) => {
    for (const name of ['location', 'content-location']) {
      const answer = new Headers({ [name]: sent })
      expect(returnedHeaders(answer, ORIGIN, undefined).get(name)).toBe(shown)
      expect(returnedHeaders(answer, ORIGIN, undefined, '/challenges/demo').get(name)).toBe(below)
    }
  })

  test.each([
    ['/a', 'http://challenge-demo:8000/b'],
    ['http://challenge-demo:8000/b', '/a'],
  ])('two places, %s and %s, are none', (...places) => {
    const answer = new Headers()
    for (const place of places) answer.append('location', place)
    expect(returnedHeaders(answer, ORIGIN, undefined).has('location')).toBe(false)
  })

  const REFRESHES: [sent: string, shown: string][] = [
    ['5', '5'],
    ['0;url=http://challenge-demo:8000/base/x', '0;url=/challenges/demo/x'],
    ["0; URL='http://10.0.0.7/x'", "0; URL='/x'"],
    ['3, https://elsewhere.example.com/', '3, https://elsewhere.example.com/'],
  ]
  test.each(REFRESHES)('Refresh %s is shown as %s', (sent, shown) => {
    const headers = returnedHeaders(new Headers({ refresh: sent }), ORIGIN, undefined, '/challenges/demo')
    expect(headers.get('refresh')).toBe(shown)
  })

  const SEVERAL: [sent: string, shown: string][] = [
    ['https://demo.origin.example.com/base/x', '/challenges/demo/x'],
    ['https://second.origin.example.com/x', '/challenges/demo/x'],
    ['http://challenge/x', '/challenges/demo/x'],
    ['//challenge/x?y', '/challenges/demo/x?y'],
    ['vpc:ORIGIN_VPC/x', 'vpc:ORIGIN_VPC/x'],
    ['https://elsewhere.example.com/x', 'https://elsewhere.example.com/x'],
  ]
  test.each(SEVERAL)('of several origins, Location %s is shown as %s', (sent, shown) => {
    const origins = [
      new URL('vpc:ORIGIN_VPC'),
      new URL('https://demo.origin.example.com/base'),
      new URL('https://second.origin.example.com'),
    ] as const
    const headers = returnedHeaders(new Headers({ location: sent }), origins, undefined, '/challenges/demo')
    expect(headers.get('location')).toBe(shown)
  })
})
