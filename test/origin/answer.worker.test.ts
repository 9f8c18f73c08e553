import { describe, expect, test } from 'vitest'
import { returnedAnswer, type Shown } from '../../src/origin/answer.ts'

const ORIGIN = [new URL('https://demo.origin.example.com/base')] as const

/** What of an answer's headers the client sees. */
function returnedHeaders(headers: Headers, changes: Partial<Shown> = {}): Headers {
  const shown = { origins: ORIGIN, marker: undefined, publicPath: '/challenges/demo', ...changes }
  return returnedAnswer(new Response(null, { headers }), shown).headers
}

describe('towards the client', () => {
  test('the answer keeps its headers, cookies one by one', () => {
    const answer = new Headers({ 'content-type': 'text/plain', etag: '"1"' })
    answer.append('set-cookie', 'a=1; Path=/')
    answer.append('set-cookie', 'b=2')
    const headers = returnedHeaders(answer)
    expect(headers.getSetCookie()).toEqual(['a=1; Path=/challenges/demo', 'b=2; Path=/challenges/demo'])
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
    expect([...returnedHeaders(new Headers({ [name]: value }), { marker: 'X-Origin-Marker' })]).toEqual([])
  })

  test("what the answer's Connection names stays behind", () => {
    const answer = new Headers({ connection: 'close, X-Hop', 'x-hop': '1', etag: '"1"' })
    expect([...returnedHeaders(answer)]).toEqual([['etag', '"1"']])
  })

  const ORIGIN_WIDE: [name: string, value: string][] = [
    ['Service-Worker-Allowed', '/'],
    ['Clear-Site-Data', '"*"'],
    ['Strict-Transport-Security', 'max-age=31536000; includeSubDomains'],
    ['NEL', '{"report_to":"x","max_age":31536000}'],
    ['Report-To', '{"group":"x"}'],
    ['Reporting-Endpoints', 'x="https://elsewhere.example.com"'],
    ['Alt-Svc', 'h3=":443"; ma=31536000'],
    ['Public-Key-Pins', 'max-age=31536000'],
    ['Public-Key-Pins-Report-Only', 'max-age=31536000'],
    ['Origin-Agent-Cluster', '?1'],
    ['Set-Login', 'logged-in'],
    ['Accept-CH', 'Device-Memory'],
    ['Use-As-Dictionary', 'match="/*"'],
  ]
  test.each(ORIGIN_WIDE)('%s: %s is for the whole origin, and stays behind', (name, value) => {
    for (const spelling of [name, name.toLowerCase(), name.toUpperCase()])
      expect([...returnedHeaders(new Headers({ [spelling]: value }))]).toEqual([])
  })

  const COOKIES: [sent: string, shown: string][] = [
    ['a=1', 'a=1; Path=/challenges/demo'],
    ['a=1; Path=/', 'a=1; Path=/challenges/demo'],
    ['a=1; path=/', 'a=1; Path=/challenges/demo'],
    ['a=1;PATH=/x/', 'a=1; Path=/challenges/demo/x'],
    ['a=1; Path=/challenges/demo', 'a=1; Path=/challenges/demo'],
    ['a=1; Path=/challenges/demo/x', 'a=1; Path=/challenges/demo/x'],
    ['a=1; Path=/challenges/demo2', 'a=1; Path=/challenges/demo/challenges/demo2'],
    ['a=1; Path=/challenges', 'a=1; Path=/challenges/demo/challenges'],
    ['a=1; Path=x', 'a=1; Path=/challenges/demo'],
    ['a=1; Path', 'a=1; Path=/challenges/demo'],
    ['a=1; Path="/"', 'a=1; Path=/challenges/demo'],
    ['a=1; Path=/x; Path=/', 'a=1; Path=/challenges/demo'],
    ['a=1; Domain=example.com; Secure', 'a=1; Secure; Path=/challenges/demo'],
    ['a=1; DOMAIN = .example.com ; HttpOnly', 'a=1; HttpOnly; Path=/challenges/demo'],
    ['a=1; domain', 'a=1; Path=/challenges/demo'],
    ['path=/; Max-Age=9; SameSite=Lax', 'path=/; Max-Age=9; SameSite=Lax; Path=/challenges/demo'],
    ['domain=x', 'domain=x; Path=/challenges/demo'],
  ]
  test.each(COOKIES)('Set-Cookie: %s is shown as %s', (sent, shown) => {
    expect(returnedHeaders(new Headers({ 'set-cookie': sent })).getSetCookie()).toEqual([shown])
  })

  test("the tunnel's cookies go, the challenge's stay apart", () => {
    const answer = new Headers()
    for (const cookie of ['a=1; Path=/', 'CF_Authorization=x', 'b=2', 'CF_AppSession=y', 'CF=3'])
      answer.append('set-cookie', cookie)
    const headers = returnedHeaders(answer)
    expect(headers.getSetCookie()).toEqual(
      ['a=1', 'b=2', 'CF=3'].map((pair) => `${pair}; Path=/challenges/demo`),
    )
  })

  const LOCATIONS: [sent: string, shown: string][] = [
    ['https://demo.origin.example.com/base/v1/x?y=1#z', '/challenges/demo/v1/x?y=1#z'],
    ['http://demo.origin.example.com:8000/base/', '/challenges/demo/'],
    ['//demo.origin.example.com/base/x', '/challenges/demo/x'],
    ['https://demo.origin.example.com/elsewhere', '/elsewhere'],
    ['https://demo.origin.example.com/basement', '/basement'],
    ['https://user:secret@demo.origin.example.com/', '/'],
    ['http://challenge-demo:8000/base/x', '/challenges/demo/x'],
    ['http://10.0.0.7/x', '/x'],
    ['http://0x7f000001/x', '/x'],
    ['http://[::1]:8000/x', '/x'],
    ['http://host.docker.internal:8000/x', '/x'],
    ['http://challenge-demo.platform.svc.cluster.local/base/x', '/challenges/demo/x'],
    ['http://localhost.:8000/x', '/x'],
    ['https://demo.origin.example.com./base/x', '/challenges/demo/x'],
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
  test.each(LOCATIONS)('Location %s is shown as %s', (sent, shown) => {
    for (const name of ['location', 'content-location'])
      expect(returnedHeaders(new Headers({ [name]: sent })).get(name)).toBe(shown)
  })

  test('below the gateway itself the origin has its own paths', () => {
    const answer = new Headers({ location: 'https://demo.origin.example.com/base/x', 'set-cookie': 'a=1' })
    expect([...returnedHeaders(answer, { publicPath: '' })]).toEqual([['location', '/x']])
  })

  const INTERNAL = [
    '0.0.0.0',
    '0.255.255.255',
    '10.0.0.0',
    '10.255.255.255',
    '100.64.0.0',
    '100.127.255.255',
    '127.0.0.1',
    '127.255.255.255',
    '169.254.0.0',
    '169.254.169.254',
    '172.16.0.0',
    '172.31.255.255',
    '192.168.0.0',
    '192.168.255.255',
    '0x7f000001',
    '2130706433',
    '0177.0.0.1',
    '127.1',
    '[::]',
    '[::1]',
    '[fc00::]',
    '[fdff:ffff::1]',
    '[fe80::1]',
    '[febf::1]',
    '[fec0::1]',
    '[::ffff:10.0.0.7]',
    '[::ffff:7f00:1]',
    '[::10.0.0.7]',
    '[64:ff9b::10.0.0.7]',
    '[0:0:0:0:0:ffff:c0a8:1]',
    'localhost',
    'demo',
    'demo.',
    'a.local',
    'a.internal.',
    'x.home.arpa',
  ]
  const PUBLIC = [
    '1.0.0.0',
    '9.255.255.255',
    '11.0.0.0',
    '100.63.255.255',
    '100.128.0.0',
    '126.255.255.255',
    '128.0.0.0',
    '169.253.255.255',
    '169.255.0.0',
    '172.15.255.255',
    '172.32.0.0',
    '192.167.255.255',
    '192.169.0.0',
    '203.0.113.5',
    '255.255.255.255',
    '[2001:db8::5]',
    '[2606:4700::1111]',
    '[fbff::1]',
    '[fe00::1]',
    '[fe7f::1]',
    '[ff02::1]',
    '[::ffff:203.0.113.5]',
    '[::203.0.113.5]',
    '[64:ff9b::203.0.113.5]',
    '[1::10.0.0.7]',
    'internal.example.com',
    'localhost.example.com',
  ]
  test.each(INTERNAL)('a place at %s is internal', (host) => {
    expect(returnedHeaders(new Headers({ location: `http://${host}:9000/x` })).get('location')).toBe('/x')
  })
  test.each(PUBLIC)('a place at %s stays', (host) => {
    const location = `http://${host}:9000/x`
    expect(returnedHeaders(new Headers({ location })).get('location')).toBe(location)
  })

  test.each([
    ['/a', 'http://challenge-demo:8000/b'],
    ['http://challenge-demo:8000/b', '/a'],
  ])('two places, %s and %s, are none', (...places) => {
    const answer = new Headers()
    for (const place of places) answer.append('location', place)
    expect(returnedHeaders(answer).has('location')).toBe(false)
  })

  const REFRESHES: [sent: string, shown: string][] = [
    ['5', '5'],
    ['0;url=http://challenge-demo:8000/base/x', '0;url=/challenges/demo/x'],
    ["0; URL='http://10.0.0.7/x'", "0; URL='/x'"],
    ['0; url=http://203.0.113.5/x', '0; url=http://203.0.113.5/x'],
    ['3, https://elsewhere.example.com/', '3, https://elsewhere.example.com/'],
  ]
  test.each(REFRESHES)('Refresh %s is shown as %s', (sent, shown) => {
    const headers = returnedHeaders(new Headers({ refresh: sent }))
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
    const headers = returnedHeaders(new Headers({ location: sent }), { origins })
    expect(headers.get('location')).toBe(shown)
  })
})
