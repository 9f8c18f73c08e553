/** Weights, dashboard and management: what is served of the master, from when, and to whom. */

import { beforeEach, describe, expect, test } from 'vitest'
import type { OriginAnswer, OriginCall } from '../../src/origin/origin.ts'
import { ask } from '../support/ask.worker.ts'
import { appOf, configOf } from '../support/gateway.worker.ts'

const CONFIG = configOf({
  MASTER_ORIGIN: 'https://master.example.com/base',
  ADMIN_TOKEN: 'canary-admin-token',
})
const NO_MASTER = configOf({ ADMIN_TOKEN: 'canary-admin-token' })
const DOWN: OriginAnswer = { delivered: false, outcome: 'unknown', cause: 'timeout' }
const TOKEN = { 'x-admin-token': 'canary-admin-token' }

/** Cache entries live by the real clock, so this one begins there. */
let clock = 0
let cache: Cache
beforeEach(async () => {
  clock = Math.floor(Date.now() / 1000)
  cache = await caches.open(crypto.randomUUID())
})

function appWith(answer: (call: OriginCall) => Response | OriginAnswer | Promise<Response>, config = CONFIG) {
  return appOf(config, { now: () => clock, cache, answer })
}

function weights(expiresIn = 720, changes: object = {}): Response {
  return Response.json({
    netuid: 100,
    chain_endpoint: '',
    uids: [0],
    weights: [1],
    hotkey_weights: {},
    computed_at: new Date(clock * 1000),
    expires_at: new Date((clock + expiresIn) * 1000),
    source_challenges: [],
    metagraph_updated_at: new Date(clock * 1000),
    ...changes,
  })
}

const svg = () => new Response('<svg></svg>', { headers: { 'content-type': 'image/svg+xml' } })

describe('GET /v1/weights/latest', () => {
  const WEIGHTS = '/v1/weights/latest'

  test('is the master’s, and is asked for once in 30 seconds', async () => {
    const { app, calls } = appWith(() => weights())
    const first = await ask(app, `${WEIGHTS}?cache=bust`, {
      headers: { authorization: 'Bearer x', cookie: 'a=1' },
    })
    expect([first.status, first.headers.get('age'), first.headers.get('cache-control')]).toEqual([
      200,
      '0',
      'public, max-age=30',
    ])
    clock += 29
    const second = await ask(app, WEIGHTS)
    expect([await second.text(), second.headers.get('age')]).toEqual([await first.text(), '29'])
    expect(calls.map(({ url, method }) => [method, url])).toEqual([
      ['GET', `https://master.example.com/base${WEIGHTS}`],
    ])
    expect([...(calls[0]?.headers.keys() ?? [])].sort()).toEqual(['accept', 'x-request-id'])
    clock += 1
    expect((await ask(app, WEIGHTS)).headers.get('age')).toBe('0')
    expect(calls).toHaveLength(2)
  })

  const BAD: [name: string, answer: () => Response | OriginAnswer][] = [
    ['down', () => DOWN],
    ['not ready', () => Response.json({ detail: 'Master weight service unavailable' }, { status: 503 })],
    [
      'talkative',
      () =>
        Response.json({ detail: "url 'http://challenge-x:8000/internal/v1/get_weights'" }, { status: 502 }),
    ],
    ['a redirect', () => new Response(null, { status: 302, headers: { location: 'http://inside:8000/' } })],
    ['garbage', () => new Response('<html>http://challenge-x:8000</html>')],
    ['too long', () => new Response(new Uint8Array(2_000_001))],
    ['of another subnet', () => weights(720, { netuid: 1 })],
    ['expired', () => weights(0)],
    ['empty', () => new Response('')],
  ]
  test.each(BAD)('master %s: the last good ones until they expire, then 502', async (_, bad) => {
    let answer: () => Response | OriginAnswer = () => weights()
    const { app, logged } = appWith(() => answer())
    await ask(app, WEIGHTS)
    answer = bad
    clock += 719
    const last = await ask(app, WEIGHTS)
    expect([last.status, last.headers.get('age')]).toEqual([200, '719'])
    clock += 1
    const gone = await ask(app, WEIGHTS)
    expect([gone.status, gone.headers.get('cache-control')]).toEqual([502, 'no-store'])
    const text = await gone.text()
    expect(JSON.parse(text)).toMatchObject({ code: 'challenge_unavailable', detail: 'Challenge unavailable' })
    expect(text).not.toMatch(/http:|challenge-x|inside|master\.example/)
    expect(JSON.stringify(logged)).not.toMatch(/http:|challenge-x|inside|master\.example/)
  })

  test.each([1, 5, 29])('ones that expire in %i s are fresh no longer than that', async (expiresIn) => {
    const { app, calls } = appWith(() => weights(calls.length === 1 ? expiresIn : 720))
    expect((await ask(app, WEIGHTS)).headers.get('cache-control')).toBe(`public, max-age=${expiresIn}`)
    clock += expiresIn
    expect((await ask(app, WEIGHTS)).headers.get('age')).toBe('0')
    expect(calls).toHaveLength(2)
  })

  test('many cold readers at once are one question', async () => {
    const { app, calls } = appWith(async () => {
      await new Promise((resolve) => setTimeout(resolve, 100))
      return weights()
    })
    const answers = await Promise.all(Array.from({ length: 10 }, () => ask(app, WEIGHTS)))
    expect(answers.map(({ status }) => status)).toEqual(Array(10).fill(200))
    expect(calls).toHaveLength(1)
  })

  test('HEAD works, and other methods do not', async () => {
    const { app } = appWith(() => weights())
    const head = await ask(app, WEIGHTS, { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
    expect((await ask(app, WEIGHTS, { method: 'POST' })).status).toBe(405)
  })
})

describe('GET /v1/challenges/dashboard.svg', () => {
  const DASHBOARD = '/v1/challenges/dashboard.svg'

  test('is a picture that clients do not store and that runs nothing', async () => {
    const { app } = appWith(svg)
    const answer = await ask(app, DASHBOARD)
    expect(await answer.text()).toBe('<svg></svg>')
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      'content-type': 'image/svg+xml',
      'cache-control': 'no-store',
      'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'",
      'x-content-type-options': 'nosniff',
      age: '0',
    })
  })

  test('is fetched again behind an old one, and served for an hour when the master is down', async () => {
    let answer: () => Response | OriginAnswer = svg
    const { app, calls } = appWith(() => answer())
    await ask(app, DASHBOARD)
    clock += 30
    expect((await ask(app, DASHBOARD)).headers.get('age')).toBe('30')
    expect(calls).toHaveLength(2)
    answer = () => DOWN
    clock += 3629
    expect((await ask(app, DASHBOARD)).headers.get('age')).toBe('3629')
    clock += 1
    expect((await ask(app, DASHBOARD)).status).toBe(502)
  })

  test.each([
    ['a page', new Response('<svg>', { headers: { 'content-type': 'text/html' } })],
    ['no picture', new Response('oops', { headers: { 'content-type': 'image/svg+xml' } })],
  ])('%s is none', async (_, answer) => {
    expect((await ask(appWith(() => answer).app, DASHBOARD)).status).toBe(502)
  })
})

describe('without a master', () => {
  test.each(['/v1/registry', '/v1/weights/latest', '/v1/challenges/dashboard.svg', '/admin'])(
    'no %s',
    async (path) => {
      const { app, calls } = appWith(svg, NO_MASTER)
      expect((await ask(app, path, { headers: TOKEN })).status).toBe(404)
      expect(calls).toEqual([])
    },
  )
})

describe('management', () => {
  const REFUSED: [name: string, headers: Record<string, string>][] = [
    ['no token', {}],
    ['an empty one', { 'x-admin-token': '' }],
    ['a wrong one', { 'x-admin-token': 'wrong' }],
    ['a longer one', { 'x-admin-token': 'canary-admin-token2' }],
    ['a shorter one', { 'x-admin-token': 'canary-admin-toke' }],
    [
      'a wrong one, though the bearer is right',
      { 'x-admin-token': 'x', authorization: 'Bearer canary-admin-token' },
    ],
    ['Basic', { authorization: 'Basic canary-admin-token' }],
    ['another name', { 'x-platform-admin-token': 'canary-admin-token' }],
    ['two tokens in one', { 'x-admin-token': 'canary-admin-token, x' }],
  ]
  test.each(REFUSED)('%s never reaches the master', async (_, headers) => {
    const { app, calls } = appWith(svg)
    for (const path of [
      '/admin',
      '/admin/x',
      '/v1/admin/challenges',
      '/v1/admin/challenges/demo/activate',
      '/v1/admin/a%2Fb',
    ]) {
      for (const method of ['GET', 'POST', 'PATCH']) {
        const answer = await ask(app, path, { method, headers })
        expect(answer.status).toBe(401)
        expect(answer.headers.get('www-authenticate')).toBe('Bearer realm="admin"')
      }
    }
    expect(calls).toEqual([])
  })

  test('without a configured token every request is refused', async () => {
    const { app, calls } = appWith(svg, configOf({ MASTER_ORIGIN: 'https://master.example.com' }))
    for (const headers of [{}, { 'x-admin-token': '' }, TOKEN])
      expect((await ask(app, '/admin', { headers })).status).toBe(401)
    expect(calls).toEqual([])
  })

  const PASSED: [method: string, path: string, url: string][] = [
    ['GET', '/admin', '/admin'],
    ['GET', '/admin/challenges', '/admin/challenges'],
    ['POST', '/v1/admin/challenges?dry=%2Frun', '/v1/admin/challenges?dry=%2Frun'],
    ['GET', '/v1/admin/challenges/demo', '/v1/admin/challenges/demo'],
    ['PATCH', '/v1/admin/challenges/de%6Do', '/v1/admin/challenges/demo'],
    ['POST', '/v1/admin/challenges/demo/activate', '/v1/admin/challenges/demo/activate'],
    ['GET', '/v1/admin/challenges/demo/status', '/v1/admin/challenges/demo/status'],
    ['DELETE', '/v1/admin/challenges/demo', '/v1/admin/challenges/demo'],
    ['PUT', '/v1/admin/metagraphs', '/v1/admin/metagraphs'],
    ['OPTIONS', '/v1/admin/challenges', '/v1/admin/challenges'],
  ]
  test.each(PASSED)('%s %s', async (method, path, url) => {
    const { app, calls } = appWith(
      () => new Response('own answer', { status: 201, headers: { etag: '"1"' } }),
    )
    const answer = await ask(app, path, { method, headers: { authorization: 'bearer  canary-admin-token ' } })
    expect(calls.map((call) => [call.method, call.url])).toEqual([
      [method, `https://master.example.com/base${url}`],
    ])
    expect([answer.status, await answer.text(), answer.headers.get('etag')]).toEqual([
      201,
      'own answer',
      '"1"',
    ])
    expect(answer.headers.get('cache-control')).toBe('no-store')
  })

  test('the master gets the token once, and no header that only looks like the gateway’s', async () => {
    const { app, calls } = appWith(svg)
    const headers = {
      ...TOKEN,
      authorization: 'Bearer other',
      x_admin_token: 'other',
      'x-platform-verified-uid': '1',
      'x-request-id': 'mine',
      accept: 'text/html',
      connection: 'x-hop',
      'x-hop': '1',
    }
    const body = JSON.stringify({ slug: 'demo' })
    const answer = await ask(app, '/v1/admin/challenges', { method: 'POST', headers, body })
    const sent = calls[0]
    expect(Object.fromEntries(sent?.headers ?? [])).toEqual({
      accept: 'text/html',
      'content-type': 'text/plain;charset=UTF-8',
      'x-admin-token': 'canary-admin-token',
      'x-request-id': answer.headers.get('x-request-id'),
    })
    expect(sent?.body).toMatchObject({ content: Uint8Array.from(new TextEncoder().encode(body)) })
  })

  test('HEAD is asked as GET, which is all the master knows', async () => {
    const { app, calls } = appWith(svg)
    const answer = await ask(app, '/admin', { method: 'HEAD', headers: TOKEN })
    expect([answer.status, await answer.text(), calls[0]?.method]).toEqual([200, '', 'GET'])
  })

  // Dot segments are asked for over a raw socket: `Request` resolves them.
  const NOT_CANONICAL = [
    '/v1/admin/challenges/a%2Fb',
    '/v1/admin/challenges//demo',
    '/v1/admin/challenges/%252e%252e/x',
    '/v1/admin/challenges/a%5Cb',
    '/v1/admin/challenges/a;b',
    '/v1/admin/challenges/a%0Ab',
    '/v1/admin/challenges/%00',
    '/v1/admin/challenges/%ff',
    '/v1/admin%2Fmetagraph',
  ]
  test.each(NOT_CANONICAL)('%s is refused', async (path) => {
    const { app, calls } = appWith(svg)
    expect((await ask(app, path, { method: 'POST', headers: TOKEN })).status).toBeGreaterThanOrEqual(403)
    expect(calls).toEqual([])
  })

  test.each(['GET', 'POST', 'PUT', 'DELETE'])(
    '%s /v1/admin/metagraph is the gateway’s own',
    async (method) => {
      const { app, calls } = appWith(svg)
      for (const path of ['/v1/admin/metagraph', '/v1/admin/%6Detagraph']) {
        await ask(app, path, { method, headers: { ...TOKEN, 'content-length': '0' } })
      }
      expect(calls).toEqual([])
    },
  )

  test.each(['/admin', '/administrator', '/v1/administrator', '/V1/admin'])(
    '%s without a slash more or less',
    async (path) => {
      const { app } = appWith(svg)
      const expected = path === '/admin' ? 307 : 404
      expect((await ask(app, `${path}/`, { headers: TOKEN })).status).toBe(expected)
    },
  )

  test('a master that cannot be reached is 502; a redirect of its own shows no host', async () => {
    const down = appWith(() => DOWN)
    const answer = await ask(down.app, '/admin', { headers: TOKEN })
    expect([answer.status, await answer.json()]).toMatchObject([502, { code: 'challenge_unavailable' }])
    expect(down.logged).toMatchObject([
      { route: '/admin/*', outcome: 'challenge_unavailable', cause: 'timeout' },
    ])

    const headers = {
      location: 'https://master.example.com/base/admin/challenges',
      'x-admin-token': 'x',
      server: 'uvicorn',
    }
    const moved = await ask(appWith(() => new Response(null, { status: 307, headers })).app, '/admin/x', {
      headers: TOKEN,
    })
    expect([moved.status, moved.headers.get('location'), moved.headers.get('server')]).toEqual([
      307,
      '/admin/challenges',
      null,
    ])
  })

  test('nothing of it is logged but route, outcome and time', async () => {
    const { app, logged } = appWith(() =>
      Response.json({ challenge_token: 'canary-new-token' }, { status: 201 }),
    )
    const body = JSON.stringify({ env: { KEY: 'canary-env-value' } })
    await ask(app, '/v1/admin/challenges/canary-slug/activate?token=canary', {
      method: 'POST',
      headers: TOKEN,
      body,
    })
    expect(logged).toEqual([
      {
        request_id: expect.any(String),
        method: 'POST',
        route: '/v1/admin/*',
        status: 201,
        outcome: 'ok',
        ms: 0,
        origin_ms: expect.any(Number),
        origin_status: 201,
      },
    ])
    expect(JSON.stringify(logged)).not.toContain('canary')
  })
})

describe('MASTER_ROUTES', () => {
  const SIGNATURE = { 'x-hotkey': '5Grw', 'x-signature': '0xab', 'x-nonce': 'n', 'x-timestamp': '1' }
  const config = configOf({
    MASTER_ORIGIN: 'https://master.example.com/base',
    MASTER_ROUTES: ['GET /v1/validators/public', 'POST /v1/workers/*', 'GET /v1/registry'],
    ADMIN_TOKEN: 'canary-admin-token',
  })
  const open = (answer: (call: OriginCall) => Response | OriginAnswer = () => new Response('own')) =>
    appWith(answer, config)

  test('a request goes through with its signature and never with a token', async () => {
    const { app, calls, logged } = open()
    const headers = { ...SIGNATURE, ...TOKEN, authorization: 'Bearer x', 'x-platform-proxy': 'spoof' }
    const answer = await ask(app, '/v1/workers/1/result?x=%2F', { method: 'POST', headers })
    expect([answer.status, await answer.text(), answer.headers.get('cache-control')]).toEqual([
      200,
      'own',
      'no-store',
    ])
    expect(calls.map(({ method, url }) => [method, url])).toEqual([
      ['POST', 'https://master.example.com/base/v1/workers/1/result?x=%2F'],
    ])
    const { 'x-request-id': id, ...sent } = Object.fromEntries(calls[0]?.headers ?? [])
    expect([sent, typeof id]).toEqual([SIGNATURE, 'string'])
    expect(logged).toMatchObject([{ route: '/v1/workers/**', outcome: 'ok', origin_status: 200 }])
  })

  test('what it answers may not be kept, and is asked for each time', async () => {
    const { app, calls } = open(
      () => new Response('own', { headers: { 'cache-control': 'max-age=600', 'set-cookie': 'a=1' } }),
    )
    for (let times = 0; times < 2; times += 1) {
      const { headers } = await ask(app, '/v1/validators/public')
      expect([headers.get('cache-control'), headers.has('set-cookie')]).toEqual(['no-store', false])
    }
    expect(calls).toHaveLength(2)
  })

  const REFUSED: [method: string, path: string, status: number, allow?: string][] = [
    ['POST', '/v1/validators/public', 405, 'GET, HEAD'],
    ['GET', '/v1/workers/1', 405, 'POST'],
    ['POST', '/v1/workers', 404],
    ['POST', '/v1/workers/a%2fb', 403],
    ['POST', '/v1/workers//x', 403],
    ['GET', '/v1/validators/private', 404],
    ['POST', '/v1/registry', 405, 'GET, HEAD'],
    ['GET', '/v1/admin/challenges', 401],
  ]
  test.each(REFUSED)('%s %s: %i', async (method, path, status, allow) => {
    const { app, calls } = open()
    const answer = await ask(app, path, { method })
    expect([answer.status, answer.headers.get('allow'), calls.length]).toEqual([status, allow ?? null, 0])
  })

  test('HEAD is asked as GET; a master that is down is 502', async () => {
    const well = open()
    await ask(well.app, '/v1/validators/public', { method: 'HEAD' })
    expect(well.calls[0]?.method).toBe('GET')
    expect((await ask(open(() => DOWN).app, '/v1/validators/public')).status).toBe(502)
  })

  test('without the setting there is no such route', async () => {
    const { app, calls } = appWith(() => new Response('own'))
    expect([(await ask(app, '/v1/validators/public')).status, calls.length]).toEqual([404, 0])
  })
})
