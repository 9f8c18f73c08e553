/**
 * The public pass-through over bare sockets: what a client can put on the wire, and what the
 * challenge sees of it.
 */

import { brotliCompressSync, gzipSync, zstdCompressSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { readPassThrough } from '../../src/challenge/public-path.ts'
import { encodedPath } from '../../src/protocol/path.ts'
import { USER_AGENT } from '../../src/protocol/user-agent.ts'
import { type Gateway, startGateway } from '../../tools/dev/gateway.ts'
import { PROBING_PATHS } from '../support/probing-paths.ts'
import {
  ANSWER,
  hasHead,
  headerLines,
  headerValues,
  isWhole,
  latin1,
  type RecordingOrigin,
  sendRaw,
  startRecordingOrigin,
  status,
  type Wire,
} from '../support/wire.ts'

let origin: RecordingOrigin
let gateway: Gateway

beforeAll(async () => {
  origin = await startRecordingOrigin()
  gateway = await startGateway({
    vars: {
      CHALLENGES: {
        demo: { name: 'Demo Challenge', origin: origin.url },
        prefixed: { origin: `${origin.url}/base/` },
        prism: { origin: origin.url },
        'agent-challenge': { name: 'Agent Challenge', origin: origin.url },
        refusing: { origin: 'http://127.0.0.1:1' },
      },
      CHAIN_ENDPOINTS: ['http://127.0.0.1:1'],
      ORIGIN_TIMEOUT_SECONDS: 1,
    },
  })
})

beforeEach(() => {
  origin.requests.length = 0
  origin.respond = (request) => request.socket.end(ANSWER)
})

afterAll(async () => {
  await gateway.close()
  origin.close()
})

/** One request of `lines` after the request line, and its whole answer. */
async function ask(
  target: string,
  lines: readonly string[] = [],
  method = 'GET',
  body: string | Buffer = '',
) {
  const wire = await sendRaw(gateway.url, [`${method} ${target} HTTP/1.1`, 'Host: gateway', ...lines], body)
  const answer = await wire.until(
    (each) => isWhole(each) || (hasHead(each) && (method === 'HEAD' || [204, 304].includes(status(each)))),
  )
  wire.socket.destroy()
  return answer
}

function reply(...lines: readonly string[]) {
  return (body: string | Buffer = '') => {
    origin.respond = (request) => {
      request.socket.write(Buffer.from(`${lines.join('\r\n')}\r\nConnection: close\r\n\r\n`, 'latin1'))
      request.socket.end(body)
    }
  }
}

function target(request: Wire | undefined): string | undefined {
  return request?.head.split(' ')[1]
}

/** The content of a chunked body, however it was cut. */
function unchunked(text: string): string {
  const size = Number.parseInt(text, 16)
  const start = text.indexOf('\r\n') + 2
  return size > 0 ? text.slice(start, start + size) + unchunked(text.slice(start + size + 2)) : ''
}

describe('paths on the wire', () => {
  /** What the path policy says of a target: what is sent, or a status. */
  const judged = (path: string) => {
    const read = readPassThrough(`http://gateway${path}`)
    if (read.ok) return encodedPath(read.value.path)
    return read.rejection.code === 'not_found' ? 404 : 403
  }
  const INPUTS = PROBING_PATHS.flatMap(([row, paths]) => paths.map((path) => [row, path] as const))

  test.each(INPUTS)('row %i: %s', async (_, path) => {
    const answer = await ask(`/challenges/demo${path}`)
    const seen = target(origin.requests[0])?.replace(/\?.*/, '') ?? status(answer)
    // This runtime resolves dot segments before the worker is asked (later ones do not): both
    // readings are right.
    const { pathname } = new URL(`http://gateway/challenges/demo${path}`)
    const elsewhere = pathname === '/' ? 200 : 404
    const resolved = /^\/challenges\/demo(\/|$)/.test(pathname) ? judged(pathname) : elsewhere
    expect([judged(`/challenges/demo${path}`), resolved]).toContain(seen)
    expect(decodeURIComponent(String(seen))).not.toMatch(/^\/+(internal(\/|$)|(health|version)\/?$)/i)
  })

  const SENT: [asked: string, sent: string][] = [
    ['/challenges/demo', '/'],
    ['/challenges/demo/', '/'],
    ['/challenges/demo?a=1', '/?a=1'],
    ['/challenges/prefixed', '/base/'],
    ['/challenges/prefixed/x/', '/base/x/'],
    ["/challenges/demo/!'()*~-._", '/%21%27%28%29%2A~-._'],
    ['/challenges/demo/caf%c3%a9%20x', '/caf%C3%A9%20x'],
    ['/challenges/demo/a%3Fb?c=1', '/a%3Fb?c=1'],
    ['/challenges/demo/a%23b?c=1', '/a%23b?c=1'],
    ['/challenges/demo/a?b=%2F%2e%2e&c=+&d=[|]&&e', '/a?b=%2F%2e%2e&c=+&d=[|]&&e'],
    ['/challenges/demo/a??b', '/a??b'],
    ['/challenges/prism/leaderboard?x=1', '/v1/leaderboard?x=1'],
    ['/challenges/Demo%20Challenge/x', '/x'],
  ]
  test.each(SENT)('%s is sent as %s, byte for byte', async (asked, sent) => {
    expect(status(await ask(asked))).toBe(200)
    expect(origin.requests.map((request) => request.head.split('\r\n')[0])).toEqual([`GET ${sent} HTTP/1.1`])
  })

  test("what cannot stand in a URL's query is escaped by the platform, and nothing else", async () => {
    await ask(`/challenges/demo/a?q="<'>&%27`)
    expect(target(origin.requests[0])).toBe('/a?q=%22%3C%27%3E&%27')
  })
})

describe('what a client says', () => {
  const sent = async (lines: readonly string[], path = '/challenges/demo/x', method = 'GET') => {
    expect(status(await ask(path, lines, method))).toBe(200)
    const names = headerLines(origin.requests[0]?.head ?? '')
    return names.filter(([name]) => !['host', 'cf-worker', 'content-length'].includes(name))
  }
  const OURS = [
    ['x-platform-challenge-slug', 'demo'],
    ['x-platform-proxy', 'true'],
    ['x-request-id', expect.stringMatching(/^[0-9a-f-]{36}$/)],
    ['user-agent', USER_AGENT],
    // The runtime's way of saying `cache: 'no-store'`.
    ['cache-control', 'no-cache'],
    ['pragma', 'no-cache'],
  ]

  const SMUGGLED = [
    ['X-Platform-Proxy: spoof', 'X-Platform-Challenge-Slug: spoof'],
    ['x-pLaTfOrM-vErIfIeD-hOtKeY: spoof'],
    ['X_Platform_Verified_Hotkey: spoof', 'X-Platform_Verified-Uid: 0', 'x_base_proxy: spoof'],
    ['X-Base-Verified-Hotkey: spoof', 'X-Base-Proxy: spoof'],
    ['X-Platform-Proxy: a', 'X-Platform-Proxy: b', 'x_platform_proxy: c'],
    ['Connection: X-Platform-Proxy, X-Platform-Challenge-Slug, x-request-id', 'X-Platform-Proxy: spoof'],
    ['Connection: close, X-Foo', 'x-FOO: spoof', 'X-Foo: spoof'],
    ['Connection: X-Foo', 'Connection: X-Bar', 'X-Foo: spoof', 'X-Bar: spoof'],
    ['X-Request-Id: spoof', 'X_Request_Id: spoof'],
    ['Authorization: Bearer spoof', 'Proxy-Authorization: Basic spoof', 'X-Admin-Token: spoof'],
    ['X-Hotkey: spoof', 'x_hotkey: spoof', 'X-Signature: spoof', 'X-Nonce: spoof', 'X-Timestamp: 1'],
    ['CF-Access-Client-Id: spoof', 'Cf-Access-Client-Secret: spoof', 'Cf-Access-Jwt-Assertion: spoof'],
    [
      'Keep-Alive: timeout=5',
      'TE: trailers',
      'Trailer: X-Foo',
      'Proxy-Connection: keep-alive',
      'Upgrade: h2c',
    ],
    ['Expect: 100-continue'],
    [
      'X-Original-URL: /spoof',
      'X-Rewrite-URL: /spoof',
      'X-HTTP-Method-Override: spoof',
      'X.Original_URL: /spoof',
    ],
    [
      'X.Platform.Verified.Hotkey: spoof',
      'X~Base~Proxy: spoof',
      'X__Hotkey: spoof',
      'CF_Access.Client-Id: spoof',
    ],
  ]
  test.each(SMUGGLED.map((lines) => [lines]))('%j: nothing of it arrives', async (lines) => {
    expect(await sent(lines)).toEqual(expect.arrayContaining(OURS))
    expect(headerLines(origin.requests[0]?.head ?? '').length).toBeLessThanOrEqual(OURS.length + 2)
    expect(origin.requests[0]?.head).not.toContain('spoof')
  })

  test('the rest arrives as it was written, repeated lines apart', async () => {
    const lines = [
      'Cookie: a=1',
      'X-Twice: 1',
      'X-Twice: 2',
      'Range: bytes=0-1',
      'If-None-Match: "1"',
      'Accept-Encoding: gzip',
    ]
    expect(
      await sent([...lines, 'X-Forwarded-For: 1.2.3.4', 'Last-Event-ID: 7', 'Origin: http://x']),
    ).toEqual(
      expect.arrayContaining([
        ['cookie', 'a=1'],
        ['x-twice', '1'],
        ['x-twice', '2'],
        ['range', 'bytes=0-1'],
        ['if-none-match', '"1"'],
        ['accept-encoding', 'gzip'],
        ['x-forwarded-for', '1.2.3.4'],
        ['last-event-id', '7'],
        ['origin', 'http://x'],
      ]),
    )
  })

  test('bytes beyond ASCII arrive as they were sent', async () => {
    expect(await sent(['X-Latin: caf\xe9', 'X-Utf8: caf\xc3\xa9'])).toEqual(
      expect.arrayContaining([
        ['x-latin', 'caf\xe9'],
        ['x-utf8', 'caf\xc3\xa9'],
      ]),
    )
  })

  test('a signed route keeps the signature, in one spelling, and no other credential', async () => {
    const lines = [
      'X-Hotkey: 5Grw',
      'X-Signature: 0xab',
      'X-Nonce: n',
      'X-Timestamp: 1',
      'x_nonce: spoof',
      'Authorization: spoof',
    ]
    const got = await sent(lines, '/challenges/Agent%20Challenge/submissions', 'POST')
    expect(got).toEqual(
      expect.arrayContaining([
        ['x-hotkey', '5Grw'],
        ['x-signature', '0xab'],
        ['x-nonce', 'n'],
        ['x-timestamp', '1'],
        ['x-platform-challenge-slug', 'agent-challenge'],
      ]),
    )
    expect(origin.requests[0]?.head).not.toContain('spoof')
  })
})

describe('methods and bodies', () => {
  test.each(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD'])('%s', async (method) => {
    expect(status(await ask('/challenges/demo/x', [], method))).toBe(200)
    expect(origin.requests[0]?.head).toMatch(new RegExp(`^${method} /x HTTP/1.1\r\n`))
  })

  test('a declared length stays, and a body in chunks is sent with its length', async () => {
    origin.respond = (request) => {
      request.until(({ rest }) => rest.endsWith('hello')).then(() => request.socket.end(ANSWER))
    }
    await ask('/challenges/demo/x', ['Content-Length: 5'], 'POST', 'hello')
    await ask('/challenges/demo/x', ['Transfer-Encoding: chunked'], 'POST', '5\r\nhello\r\n0\r\n\r\n')
    const framing = (request: Wire) =>
      headerLines(request.head).filter(([name]) => ['content-length', 'transfer-encoding'].includes(name))
    expect(origin.requests.map((request) => [framing(request), request.rest])).toEqual([
      [[['content-length', '5']], 'hello'],
      [[['content-length', '5']], 'hello'],
    ])
  })

  test('lengths that contradict each other cannot smuggle: chunks count', async () => {
    origin.respond = (request) => {
      request.until(({ rest }) => rest.endsWith('hello')).then(() => request.socket.end(ANSWER))
    }
    const lines = ['Content-Length: 3', 'Transfer-Encoding: chunked']
    await ask('/challenges/demo/x', lines, 'POST', '5\r\nhello\r\n0\r\n\r\n')
    expect(headerValues(origin.requests[0]?.head ?? '', 'content-length')).toEqual(['5'])
    expect(headerValues(origin.requests[0]?.head ?? '', 'transfer-encoding')).toEqual([])
    expect(origin.requests[0]?.rest).toBe('hello')
  })

  test('an empty POST is empty', async () => {
    await ask('/challenges/demo/x', ['Content-Length: 0'], 'POST')
    await ask('/challenges/demo/x', [], 'POST')
    expect(origin.requests.map(({ head }) => headerValues(head, 'content-length'))).toEqual([['0'], ['0']])
  })

  test('the body of a GET stays here', async () => {
    expect(status(await ask('/challenges/demo/x', ['Content-Length: 5'], 'GET', 'hello'))).toBe(200)
    expect([
      origin.requests[0]?.rest,
      headerValues(origin.requests[0]?.head ?? '', 'content-length'),
    ]).toEqual(['', []])
  })

  test('a compressed body is not touched', async () => {
    const body = gzipSync('hello')
    origin.respond = (request) => {
      request.until(({ restBytes }) => restBytes === body.byteLength).then(() => request.socket.end(ANSWER))
    }
    await ask(
      '/challenges/demo/x',
      ['Content-Encoding: gzip', `Content-Length: ${body.byteLength}`],
      'PUT',
      body,
    )
    expect(origin.requests[0]?.rest).toBe(latin1(body))
  })

  test.each(['TRACE', 'PROPFIND'])('%s is 405', async (method) => {
    const answer = await ask('/challenges/demo/x', [], method)
    expect([status(answer), origin.requests.length]).toEqual([405, 0])
    expect(headerValues(answer.head, 'allow')[0]?.split(', ')).toHaveLength(7)
  })

  test('a WebSocket handshake is 403 and stays here', async () => {
    const lines = ['Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13']
    const answer = await ask('/challenges/demo/x', [...lines, 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ=='])
    expect([status(answer), origin.requests.length]).toEqual([403, 0])
    expect(JSON.parse(answer.rest)).toMatchObject({ code: 'path_not_allowed' })
  })
})

describe('what the challenge answers', () => {
  const text = 'leaderboard '.repeat(500)
  const ENCODED: [coding: string, bytes: Buffer][] = [
    ['gzip', gzipSync(text)],
    ['br', brotliCompressSync(text)],
    ['zstd', zstdCompressSync(text)],
    ['gzip', Buffer.from('not gzip at all')],
    ['made-up', Buffer.from(text)],
  ]
  test.each(ENCODED)('%s passes byte for byte', async (coding, bytes) => {
    reply('HTTP/1.1 200 OK', `Content-Encoding: ${coding}`, `Content-Length: ${bytes.byteLength}`)(bytes)
    const answer = await ask('/challenges/demo/x')
    expect(headerValues(answer.head, 'content-encoding')).toEqual([coding])
    expect(headerValues(answer.head, 'content-length')).toEqual([String(bytes.byteLength)])
    expect(answer.rest).toBe(latin1(bytes))
  })

  test('compressed and chunked too', async () => {
    const bytes = gzipSync(text)
    const chunk = Buffer.concat([
      Buffer.from(`${bytes.byteLength.toString(16)}\r\n`),
      bytes,
      Buffer.from('\r\n0\r\n\r\n'),
    ])
    reply('HTTP/1.1 200 OK', 'Content-Encoding: gzip', 'Transfer-Encoding: chunked')(chunk)
    expect(unchunked((await ask('/challenges/demo/x')).rest)).toBe(latin1(bytes))
  })

  test('headers, cookies one by one', async () => {
    reply(
      'HTTP/1.1 206 Partial Content',
      'Set-Cookie: a=1; Path=/',
      'Set-Cookie: b=2; Expires=Wed, 01 Jan 2031 00:00:00 GMT',
      'WWW-Authenticate: Basic realm="x"',
      'ETag: "1"',
      'Content-Range: bytes 0-1/10',
      'X-Latin: caf\xe9',
      'X-Platform-Internal-Token: secret',
      'X-Hop: secret',
      'Connection: X-Hop',
      'Content-Length: 2',
    )('ok')
    const { head } = await ask('/challenges/demo/x')
    expect(head.split('\r\n')[0]).toBe('HTTP/1.1 206 Partial Content')
    expect(headerValues(head, 'set-cookie')).toEqual([
      'a=1; Path=/challenges/demo',
      'b=2; Expires=Wed, 01 Jan 2031 00:00:00 GMT; Path=/challenges/demo',
    ])
    expect(headerLines(head)).toEqual(
      expect.arrayContaining([
        ['www-authenticate', 'Basic realm="x"'],
        ['etag', '"1"'],
        ['content-range', 'bytes 0-1/10'],
        ['x-latin', 'caf\xe9'],
      ]),
    )
    expect(head).not.toContain('secret')
  })

  test.each([204, 304])('%i has no body', async (code) => {
    reply(`HTTP/1.1 ${code} x`, 'ETag: "1"')()
    const answer = await ask('/challenges/demo/x')
    expect([status(answer), answer.rest, headerValues(answer.head, 'etag')]).toEqual([code, '', ['"1"']])
  })

  test('HEAD keeps the length of what GET would bring', async () => {
    reply('HTTP/1.1 200 OK', 'Content-Length: 1234', 'Content-Encoding: gzip')()
    const answer = await ask('/challenges/demo/x', [], 'HEAD')
    expect(headerValues(answer.head, 'content-length')).toEqual(['1234'])
    expect(answer.rest).toBe('')
  })

  test.each([400, 404, 418, 500, 502, 503, 599])('%i is its own', async (code) => {
    reply(`HTTP/1.1 ${code} x`, 'Content-Length: 3')('own')
    const answer = await ask('/challenges/demo/x')
    expect([status(answer), answer.rest]).toEqual([code, 'own'])
  })

  test('redirects are not followed, and do not say where the origin is', async () => {
    for (const [location, shown] of [
      [`${origin.url}/base/x?y=1`, '/challenges/prefixed/x?y=1'],
      ['http://challenge-demo:8000/base/x', '/challenges/prefixed/x'],
      ['/x', '/x'],
      ['https://elsewhere.example.com/x', 'https://elsewhere.example.com/x'],
    ]) {
      reply('HTTP/1.1 302 Found', `Location: ${location}`, 'Content-Length: 0')()
      const answer = await ask('/challenges/prefixed/a')
      expect([status(answer), headerValues(answer.head, 'location')]).toEqual([302, [shown]])
      expect(answer.head).not.toContain(new URL(origin.url).host)
    }
    expect(origin.requests).toHaveLength(4)
  })
})

describe('no answer of its own', () => {
  const unavailable = async (answer: Wire, code: number) => {
    expect(status(answer)).toBe(code)
    expect(JSON.parse(answer.rest)).toMatchObject({
      code: 'challenge_unavailable',
      detail: 'Challenge unavailable',
    })
    expect(answer.head + answer.rest).not.toMatch(/127\.0\.0\.1|lost|Error/)
  }

  const BROKEN: [name: string, bytes: string][] = [
    ['closes without a word', ''],
    ['speaks no HTTP', 'hello\r\n\r\n'],
    [
      'switches protocols unasked',
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n',
    ],
    ['answers out of range', 'HTTP/1.1 999 Odd\r\nContent-Length: 2\r\n\r\nok'],
  ]
  test.each(BROKEN)('an origin that %s, asked once', async (_, bytes) => {
    origin.respond = (request) => request.socket.end(bytes)
    await unavailable(await ask('/challenges/demo/x', ['Content-Length: 5'], 'POST', 'hello'), 502)
    expect(origin.requests).toHaveLength(1)
  })

  test('an origin that drops a kept connection, asked once', async () => {
    origin.respond = (request) => {
      request.socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
      request.until(({ rest }) => rest.includes('\r\n\r\n')).then(() => request.socket.destroy())
    }
    await ask('/challenges/demo/first')
    await unavailable(await ask('/challenges/demo/second', ['Content-Length: 5'], 'POST', 'hello'), 502)
    expect(origin.requests).toHaveLength(1)
    expect(origin.requests[0]?.rest.match(/POST \/second/g)).toHaveLength(1)
  })

  test('an origin that says nothing in time', async () => {
    origin.respond = () => {}
    await unavailable(await ask('/challenges/demo/x'), 502)
  })

  test('no origin at all', async () => {
    await unavailable(await ask('/challenges/refusing/x', ['Content-Length: 5'], 'POST', 'hello'), 502)
  })

  test('an environment route says 503', async () => {
    origin.respond = (request) => request.socket.destroy()
    for (const name of ['agent-challenge', 'Agent%20Challenge']) {
      await unavailable(
        await ask(`/challenges/${name}/submissions/1/env`, ['Content-Length: 2'], 'PUT', '{}'),
        503,
      )
      await unavailable(
        await ask(`/challenges/${name}/submissions`, ['Content-Length: 2'], 'POST', '{}'),
        502,
      )
    }
  })
})
