/**
 * The gateway before a real master: registry, weights, dashboard, management, and reads that
 * outlive their origin.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { startGateway } from '../../tools/dev/gateway.ts'
import { type RunningMaster, startMaster } from '../../tools/dev/master.ts'
import { rawRequest } from '../support/raw.ts'
import { ADMIN_TOKEN, sign, startWorld, type TestWorld, TOKEN } from '../support/world.ts'

const ADMIN = { 'x-admin-token': ADMIN_TOKEN }
const SITE = 'https://site.example.com'
/** What the master says and the public may not read. */
const INSIDE = /canary-env-value|challenge-\w+:8000|canary-inside|127\.0\.0\.1/

let world: TestWorld
let master: RunningMaster
let origins: Awaited<ReturnType<typeof startOrigins>>

beforeAll(async () => {
  ;[master, origins] = await Promise.all([startMaster({ adminToken: ADMIN_TOKEN }), startOrigins()])
  world = await startWorld({ vars: masterVars(), secrets: { CHALLENGE_TOKEN_LATE: TOKEN } })
})
afterAll(async () => {
  await world.close()
  await Promise.all([master.close(), origins.close()])
})
beforeEach(() => {
  master.misbehave()
  master.requests.length = 0
})

function masterVars() {
  return { MASTER_ORIGIN: master.url, ORIGIN_TEMPLATE: `${origins.url}/{slug}`, CORS_ORIGINS: [SITE] }
}

/** One server for all registered challenges; its path begins with the slug. */
async function startOrigins() {
  const state = { targets: [] as string[], authorizations: [] as unknown[], gone: false }
  const server = createServer((request, response) => {
    state.targets.push(request.url ?? '')
    state.authorizations.push(request.headers.authorization)
    if (state.gone) {
      response.destroy()
      return
    }
    request.resume().on('end', () => {
      const cached = request.url?.includes('/leaderboard') === true
      if (cached) response.setHeader('cache-control', 'public, max-age=60').setHeader('etag', '"1"')
      const text = `answer ${state.targets.length}`
      const zipped = request.url?.includes('zipped') === true
      if (zipped) response.setHeader('content-encoding', 'gzip')
      response.end(zipped ? gzipSync(text) : text)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const close = async () => {
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  }
  return Object.assign(state, { url: `http://127.0.0.1:${port}`, close })
}

async function ask(path: string, init: RequestInit = {}, gateway = world.gateway) {
  const response = await fetch(gateway.url + path, { redirect: 'manual', ...init })
  return { status: response.status, headers: response.headers, text: await response.text() }
}

function manage(path: string, body?: object) {
  const init = { method: 'POST', headers: { ...ADMIN, 'content-type': 'application/json' } }
  return ask(`/v1/admin/challenges${path}`, body ? { ...init, body: JSON.stringify(body) } : init)
}

async function upload(slug: string) {
  const body = new TextEncoder().encode('body')
  const path = `/v1/challenges/${slug}/submissions`
  return ask(path, { method: 'POST', headers: { ...sign(body, { slug }).headers }, body })
}

function registryRequests(): number {
  return master.requests.filter(({ target }) => target === '/v1/registry').length
}

const FAULTS: [name: string, handler: (response: ServerResponse) => void][] = [
  ['down', (response) => response.destroy()],
  ['silent', () => {}],
  ['silent after its head', (response) => response.writeHead(200, { 'content-length': '10' }).flushHeaders()],
  ['in trouble', (response) => response.writeHead(500).end('{"detail":"http://canary-inside:8000"}')],
  [
    'in trouble behind its proxy',
    (response) => response.writeHead(502).end("for url 'http://challenge-x:8000/'"),
  ],
  ['moved', (response) => response.writeHead(302, { location: 'http://canary-inside:8000/' }).end()],
  ['talking garbage', (response) => response.writeHead(200).end('<html>canary-inside</html>')],
  [
    'of another kind',
    (response) => response.writeHead(200).end('{"network":"canary-inside","challenges":"none"}'),
  ],
  ['endless', (response) => response.writeHead(200).end(Buffer.alloc(3_000_000, 'canary-inside '))],
  [
    'cut off',
    (response) => response.writeHead(200, { 'content-length': '100' }).write('{', () => response.destroy()),
  ],
]

describe('before the master ever answered', () => {
  test.each(FAULTS)('%s: 502 in the words of the gateway', async (_, handler) => {
    master.misbehave(handler)
    expect(await world.gateway.runCron()).toBe('ok')
    for (const path of ['/v1/registry', '/v1/weights/latest', '/v1/challenges/dashboard.svg']) {
      const { status, text } = await ask(path)
      expect([path, status, JSON.parse(text).detail]).toEqual([path, 502, 'Challenge unavailable'])
      expect(text).not.toMatch(INSIDE)
    }
    expect((await ask('/challenges/late/x')).status).toBe(404)
    expect((await upload('demo')).status).toBe(201)
  })

  test('many who ask at once for weights are one question', async () => {
    master.misbehave((response) => setTimeout(() => response.writeHead(500).end(), 300))
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask('/v1/weights/latest')))
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(502))
    expect(master.requests).toHaveLength(1)
  })
})

describe('a challenge is', () => {
  test('created through the gateway, and not there while it is a draft', async () => {
    const created = await manage('', {
      slug: 'late',
      name: 'Late Comer',
      env: { KEY: 'canary-env-value' },
      metadata: { tagline: 'soon', internal_base_url: 'http://challenge-late:8000' },
    })
    expect(created.status).toBe(201)
    expect(JSON.parse(created.text)).toMatchObject({ challenge_token: expect.any(String) })
    expect(created.headers.get('cache-control')).toBe('no-store')
    await world.gateway.runCron()
    expect((await ask('/challenges/late/x')).status).toBe(404)
  })

  test('there after the cron when it was activated', async () => {
    expect((await manage('/late/activate')).status).toBe(200)
    expect((await ask('/challenges/late/x')).status).toBe(404)
    await world.gateway.runCron()
    expect(await ask('/challenges/late/x')).toMatchObject({ status: 200 })
    expect(origins.targets.at(-1)).toBe('/late/x')
    expect((await ask('/v1/challenges/Late%20Comer/submissions/1')).status).toBe(200)
    expect((await upload('late')).status).toBe(200)
    expect([origins.targets.at(-1), origins.authorizations.at(-1)]).toEqual([
      '/late/internal/v1/bridge/submissions',
      `Bearer ${TOKEN}`,
    ])
  })

  test('in the public registry, without env values and internal addresses', async () => {
    const { status, text, headers } = await ask('/v1/registry')
    expect(status).toBe(200)
    expect(text).not.toMatch(INSIDE)
    expect(JSON.parse(text).challenges).toMatchObject([
      {
        slug: 'late',
        status: 'active',
        env: { KEY: '' },
        metadata: { tagline: 'soon' },
        internal_base_url: '/challenges/late',
      },
    ])
    const again = await ask('/v1/registry', { headers: { 'if-none-match': headers.get('etag') ?? '' } })
    expect([again.status, again.text]).toEqual([304, ''])
  })

  test('gone after the cron when it was deactivated, and back when it is back', async () => {
    await manage('/late/deactivate')
    await world.gateway.runCron()
    expect((await ask('/challenges/late/x')).status).toBe(404)
    expect(JSON.parse((await upload('late')).text)).toMatchObject({ code: 'challenge_not_found' })
    expect(JSON.parse((await ask('/v1/registry')).text).challenges).toMatchObject([{ status: 'inactive' }])
    await manage('/late/activate')
    await world.gateway.runCron()
    expect((await ask('/challenges/late/x')).status).toBe(200)
  })

  test('what its own entry says, whatever the master says', async () => {
    await manage('', { slug: 'demo', status: 'inactive' })
    await world.gateway.runCron()
    expect((await upload('demo')).status).toBe(201)
  })
})

describe('while the master is', () => {
  beforeAll(async () => {
    master.misbehave()
    for (const path of ['/v1/weights/latest', '/v1/challenges/dashboard.svg'])
      expect((await ask(path)).status).toBe(200)
  })

  test.each(FAULTS)('%s, what it said last still serves, with its age', async (_, handler) => {
    const before = await ask('/v1/registry')
    master.misbehave(handler)
    expect(await world.gateway.runCron()).toBe('ok')
    const after = await ask('/v1/registry')
    expect([after.status, after.text]).toEqual([200, before.text])
    expect(after.headers.get('age')).toMatch(/^\d+$/)
    expect((await ask('/challenges/late/x')).status).toBe(200)
    for (const path of ['/v1/weights/latest', '/v1/challenges/dashboard.svg']) {
      const kept = await ask(path)
      expect([kept.status, kept.headers.get('age')]).toEqual([200, expect.stringMatching(/^\d+$/)])
    }
  })
})

describe('a request for an unknown challenge', () => {
  test('asks the master, once a minute', async () => {
    const gateway = await startGateway({ vars: masterVars() })
    try {
      expect((await ask('/challenges/late/x', {}, gateway)).status).toBe(200)
      expect(registryRequests()).toBe(1)
      const unknown = await Promise.all(
        Array.from({ length: 20 }, (_, at) => ask(`/challenges/unknown-${at}/x`, {}, gateway)),
      )
      expect(unknown.map(({ status }) => status)).toEqual(Array(20).fill(404))
      expect(registryRequests()).toBe(1)
    } finally {
      await gateway.close()
    }
  })
})

describe('management', () => {
  const SENT: [name: string, line: string][] = [
    ['no token', 'Accept: */*'],
    ['a wrong token', 'X-Admin-Token: wrong'],
    ['two lines', `X-Admin-Token: ${ADMIN_TOKEN}\r\nX-Admin-Token: wrong`],
    ['underscores', `X_Admin_Token: ${ADMIN_TOKEN}`],
    ['bytes beyond ASCII', `X-Admin-Token: ${ADMIN_TOKEN}\u00e9`],
    ['a bearer beside a wrong token', `X-Admin-Token: wrong\r\nAuthorization: Bearer ${ADMIN_TOKEN}`],
  ]
  test.each(SENT)('with %s never reaches the master', async (_, line) => {
    for (const target of [
      'GET /admin',
      'POST /v1/admin/challenges',
      'DELETE /v1/admin/x',
      'GET /v1/admin/..%2fregistry',
    ]) {
      const { status } = await rawRequest(world.gateway.url, [
        `${target} HTTP/1.1`,
        'Host: gateway',
        line,
        'Content-Length: 0',
      ])
      expect([400, 401]).toContain(status)
    }
    expect(master.requests).toEqual([])
  })

  // A literal dot segment is resolved by the platform before the path is handed to us.
  const CROOKED = [
    '/v1/admin/%2e%2e/registry',
    '/admin/%2E/challenges',
    '/admin//challenges',
    '/v1/admin/%252e%252e/registry',
    '/v1/admin/challenges\\late',
    '/v1/admin/challenges/late%2Factivate',
    '/v1/admin/challenges/late;x',
  ]
  test.each(CROOKED)('at %s is refused, token or no token', async (path) => {
    const lines = [`GET ${path} HTTP/1.1`, 'Host: gateway', `X-Admin-Token: ${ADMIN_TOKEN}`]
    expect([400, 403, 404]).toContain((await rawRequest(world.gateway.url, lines)).status)
    expect(master.requests).toEqual([])
  })

  test('with the token reaches the master under it, and the pages come back', async () => {
    const page = await ask('/admin', { headers: { authorization: `Bearer ${ADMIN_TOKEN}` } })
    expect([page.status, page.headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
    expect(master.requests).toMatchObject([
      { method: 'GET', target: '/admin', headers: { 'x-admin-token': ADMIN_TOKEN } },
    ])
    expect(master.requests[0]?.headers.authorization).toBeUndefined()
    expect((await ask('/v1/admin/challenges/nope', { headers: ADMIN })).text).toBe(
      `{"detail":"Challenge 'nope' not found"}`,
    )
    expect((await ask('/admin', { method: 'HEAD', headers: ADMIN })).status).toBe(200)
    const patched = await ask('/v1/admin/challenges/late', {
      method: 'PATCH',
      headers: ADMIN,
      body: '{"description":"new"}',
    })
    expect(JSON.parse(patched.text)).toMatchObject({ description: 'new' })
  })

  test('with the master down is 502, and the token stays here', async () => {
    master.misbehave((response) => response.destroy())
    const { status, text } = await ask('/admin', { headers: ADMIN })
    expect([status, JSON.parse(text).code]).toEqual([502, 'challenge_unavailable'])
    expect(text).not.toContain(ADMIN_TOKEN)
  })

  test('the metagraph is pushed to the gateway, not to the master', async () => {
    expect((await ask('/v1/admin/metagraph', { method: 'PUT', headers: ADMIN, body: '{}' })).status).toBe(400)
    expect((await ask('/v1/admin/metagraph', { headers: ADMIN })).status).toBe(405)
    expect(master.requests).toEqual([])
  })
})

describe('a public read', () => {
  test('is kept where the challenge allows, and outlives it', async () => {
    const before = origins.targets.length
    const first = await ask('/challenges/late/leaderboard?top=5')
    const second = await ask('/challenges/late/leaderboard?top=5')
    expect([second.status, second.text, second.headers.get('age')]).toEqual([
      200,
      first.text,
      expect.stringMatching(/^\d+$/),
    ])
    expect(origins.targets.length).toBe(before + 1)
    origins.gone = true
    expect((await ask('/challenges/late/leaderboard?top=5')).text).toBe(first.text)
    for (const headers of [{ authorization: 'Bearer x' }, { cookie: 'a=1' }, { 'x-signature': '0x' }]) {
      expect((await ask('/challenges/late/leaderboard?top=5', { headers })).status).toBe(502)
    }
    expect((await ask('/challenges/late/leaderboard?top=6')).status).toBe(502)
    origins.gone = false
  })

  test('is kept as plain bytes, whatever the first client could read', async () => {
    const lines = ['GET /challenges/late/leaderboard?zipped HTTP/1.1', 'Host: gateway']
    const first = await rawRequest(world.gateway.url, [...lines, 'Accept-Encoding: gzip'])
    const second = await rawRequest(world.gateway.url, lines)
    expect([first.body, second.body]).toEqual([expect.stringMatching(/^answer \d+$/), first.body])
    expect([second.headers.get('content-encoding'), second.headers.get('etag')]).toEqual([undefined, 'W/"1"'])
  })

  test('may be made by a listed page', async () => {
    const read = await ask('/v1/registry', { headers: { origin: SITE } })
    expect(read.headers.get('access-control-allow-origin')).toBe(SITE)
    const preflight = {
      method: 'OPTIONS',
      headers: { origin: SITE, 'access-control-request-method': 'POST' },
    }
    const refused = await ask('/v1/challenges/demo/submissions', preflight)
    expect([refused.status, refused.headers.get('access-control-allow-origin')]).toEqual([405, null])
  })
})

test('no log and no store holds a token, an env value or an inner address', async () => {
  const kv = await world.gateway.miniflare.getKVNamespace('CACHE')
  const { keys } = await kv.list()
  const stored = await Promise.all(keys.map(({ name }) => kv.get(name)))
  expect(keys.map(({ name }) => name)).toContain('registry:100')
  for (const text of [...world.logs, ...stored]) {
    expect(text).not.toMatch(/canary|challenge-\w+:8000|<html/)
  }
  expect(world.logs.some((line) => line.includes('"registry_sync"'))).toBe(true)
})

test('the development master starts alone', async () => {
  const child = spawn(process.execPath, ['tools/dev/master.ts', '--port', '0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  try {
    const [line] = await once(child.stdout, 'data')
    expect((await fetch(`${JSON.parse(String(line)).url}/v1/registry`)).status).toBe(200)
  } finally {
    child.kill()
  }
})
