import { describe, expect, test } from 'vitest'
import { createBodyBudget } from '../../src/admission/budget.ts'
import type { Ports } from '../../src/admission/ports.ts'
import { createApp } from '../../src/app.ts'
import { parseConfig } from '../../src/config/config.ts'
import type { EventEntry, RequestEntry } from '../../src/log.ts'
import type { OriginCall } from '../../src/origin/origin.ts'
import { accepted } from '../../src/protocol/result.ts'
import type { Gateway } from '../../src/routes/context.ts'
import { ask as askApp } from '../support/ask.worker.ts'
import { withoutMaster } from '../support/gateway.worker.ts'
import { metagraphOf } from '../support/metagraph.ts'

const NOW = 1_700_000_000
const UPLOAD = 'POST /v1/challenges/{challenge}/submissions'
const PUSHED = {
  trigger: 'push',
  outcome: 'stored',
  reason: 'members_changed',
  endpoint: 'push',
  block: 1001,
  faults: [],
} as const

const WORLD = {
  CHALLENGES: {
    demo: { name: 'Demo Challenge', origin: 'https://demo.example.com/base' },
    asleep: { origin: 'https://asleep.example.com', status: 'disabled' },
  },
}

interface Changes {
  readonly broken?: 'metagraph' | 'bug'
  readonly answer?: Response
}

async function ask(path: string, init: RequestInit = {}, { broken, answer }: Changes = {}) {
  const calls: OriginCall[] = []
  const logged: (RequestEntry | EventEntry)[] = []
  const ports: Ports = {
    now: () => NOW,
    metagraph: {
      current: async () => {
        if (broken === 'bug') throw new TypeError('secret detail')
        return broken === 'metagraph' ? undefined : metagraphOf(['a', 'b'], NOW - 30)
      },
      recall: () => undefined,
      lookup: async () => 'unregistered',
    },
    ledger: {
      reserve: async () => ({ ...accepted('reserved'), found: {} }),
      find: async () => ({ ...accepted(undefined), found: {} }),
      free: async () => true,
      settle: async () => {},
    },
    verify: () => true,
    after: () => () => {},
    newDigest: () => ({ update: async () => {}, hex: async () => '' }),
    causes: { take: () => false },
    hasToken: () => true,
  }
  const parsed = parseConfig(WORLD)
  if (!parsed.ok) throw new Error(parsed.faults.join())
  const budget = createBodyBudget({ capBytes: 1_000_000, now: () => NOW, abandonedSeconds: 600 })
  const gateway: Gateway = {
    config: parsed.value,
    ...withoutMaster(parsed.value),
    ports,
    budgets: { uploads: budget, newcomers: budget, passing: budget },
    refreshIfOverdue: () => undefined,
    contradictingEndpoints: () => [],
    pushMetagraph: async () => PUSHED,
    callOrigin: async (call) => {
      calls.push(call)
      return { delivered: true, response: answer ?? Response.json({ id: '1' }) }
    },
    allowsAddress: async () => true,
    version: 'v1',
  }
  const log = (entry: RequestEntry | EventEntry) => logged.push(entry)
  const app = createApp(gateway, log, () => NOW * 1000)
  return { response: await askApp(app, path, init), calls, logged }
}

describe("the gateway's own routes", () => {
  const OWN: [path: string, body: object][] = [
    ['/health', { status: 'ok' }],
    ['/ready', { status: 'ready', netuid: 100, metagraph: { block: 1000, age_seconds: 30, hotkeys: 2 } }],
    [
      '/version',
      {
        version: 'v1',
        netuid: 100,
        protocol_family: 'platform',
        dialects: ['platform-upload-v1'],
        receiver: null,
      },
    ],
    ['/v1/time', { server_time: NOW }],
    [
      '/v1/limits',
      {
        max_upload_bytes: 7_500_000,
        signature_ttl_seconds: 300,
        nonce_ttl_seconds: 86_400,
        nonce_max_length: 256,
        rate_limits: [
          { route: `${UPLOAD}/verify`, per: 'address', requests: 60, seconds: 60 },
          { route: UPLOAD, per: 'address', requests: 60, seconds: 60 },
          { route: UPLOAD, per: 'hotkey', requests: 60, seconds: 60 },
          { route: UPLOAD, per: 'hotkey and challenge', requests: 60, seconds: 3600 },
        ],
      },
    ],
  ]
  test.each(OWN)('GET and HEAD %s', async (path, body) => {
    const got = await ask(path)
    expect(got.response.status).toBe(200)
    expect(await got.response.json()).toEqual(body)
    const head = await ask(path, { method: 'HEAD' })
    expect(head.response.status).toBe(200)
    expect(await head.response.text()).toBe('')
  })

  test('ready is 503 without a usable metagraph', async () => {
    const { response } = await ask('/ready', {}, { broken: 'metagraph' })
    expect(response.status).toBe(503)
    expect(await response.json()).toMatchObject({ status: 'unavailable' })
  })
})

describe('no such route', () => {
  const NOT_FOUND = ['/nope', '/HEALTH', '//health', '/v1//challenges/demo/submissions', '/healthz']
  test.each(NOT_FOUND)('%s', async (path) => {
    const { response, logged } = await ask(path)
    expect(response.status).toBe(404)
    expect(await response.json()).toMatchObject({ code: 'not_found', detail: 'Not Found' })
    expect(logged).toMatchObject([{ route: 'none', outcome: 'not_found', status: 404 }])
  })

  const WRONG_METHOD: [method: string, path: string, allow: string][] = [
    ['POST', '/health', 'GET, HEAD'],
    ['DELETE', '/v1/limits', 'GET, HEAD'],
    ['GET', '/v1/challenges/nope/submissions', 'POST'],
    ['HEAD', '/v1/challenges/demo/submissions', 'POST'],
    ['OPTIONS', '/v1/challenges/demo/submissions', 'POST'],
    ['POST', '/v1/challenges/demo/submissions/1', 'GET, HEAD'],
  ]
  test.each(WRONG_METHOD)('%s %s', async (method, path, allow) => {
    const { response } = await ask(path, { method })
    expect(response.status).toBe(405)
    expect(response.headers.get('allow')).toBe(allow)
  })
})

describe('a trailing slash', () => {
  const REDIRECTED: [path: string, location: string][] = [
    ['/health/', '/health'],
    ['/v1/challenges/demo/submissions/?x=%2F', '/v1/challenges/demo/submissions?x=%2F'],
    ['/v1/challenges/demo/submissions//', '/v1/challenges/demo/submissions'],
    ['/v1/challenges/demo/submissions/1/', '/v1/challenges/demo/submissions/1'],
  ]
  test.each(REDIRECTED)('%s is sent to %s, whatever the method', async (path, location) => {
    for (const method of ['GET', 'POST']) {
      const { response } = await ask(path, { method })
      expect(response.status).toBe(307)
      expect(response.headers.get('location')).toBe(`https://gateway.example.com${location}`)
    }
  })

  test.each(['/nope/', '//'])('%s leads nowhere', async (path) => {
    expect((await ask(path)).response.status).toBe(404)
  })
})

describe('status read', () => {
  test('goes to the public status route, without signature headers, under our name', async () => {
    const headers = {
      'x-signature': 'secret',
      'x-platform-challenge-slug': 'spoof',
      accept: 'text/plain',
      'content-length': '0',
    }
    const { response, calls } = await ask('/v1/challenges/Demo%20Challenge/submissions/a%20b?x=1&y=%2F', {
      headers,
    })
    expect(await response.json()).toEqual({ id: '1' })
    expect(calls[0]?.url).toBe('https://demo.example.com/base/v1/submissions/a%20b?x=1&y=%2F')
    const sent = Object.fromEntries(calls[0]?.headers ?? [])
    expect(sent).toMatchObject({ accept: 'text/plain', 'x-platform-proxy': 'true' })
    expect(Object.keys(sent).sort()).toEqual(['accept', 'x-platform-proxy', 'x-request-id'])
  })

  test('HEAD stays HEAD', async () => {
    const { calls } = await ask('/v1/challenges/demo/submissions/1', { method: 'HEAD' })
    expect(calls[0]?.method).toBe('HEAD')
  })

  test.each(['nope', 'asleep', 'DEMO', '%2e%2e'])('challenge %s is not found', async (challenge) => {
    const { response, calls } = await ask(`/v1/challenges/${challenge}/submissions/1`)
    expect([response.status, calls.length]).toEqual([404, 0])
  })

  test.each(['a;b', 'a%5Cb', 'a%0Ab', '%ff', '%252e%252e', 'a%252fb'])(
    'id %s is not forwarded',
    async (id) => {
      const { response, calls } = await ask(`/v1/challenges/demo/submissions/${id}`)
      expect([response.status, calls.length]).toEqual([403, 0])
      expect(await response.json()).toMatchObject({ detail: 'Proxy path is not allowed' })
    },
  )

  test.each([200, 201, 204, 304, 404, 500, 502, 503])('%i of the challenge passes', async (status) => {
    const answer = new Response(status === 204 || status === 304 ? null : 'text', { status })
    const { response, logged } = await ask('/v1/challenges/demo/submissions/1', {}, { answer })
    expect(response.status).toBe(status)
    expect(logged).toMatchObject([{ outcome: 'ok', origin_status: status, slug: 'demo' }])
  })
})

describe('when the gateway itself is wrong', () => {
  test('a bug answers 500, and the error stays out of the answer and its text out of the log', async () => {
    const { response, logged } = await ask('/ready', {}, { broken: 'bug' })
    expect(response.status).toBe(500)
    expect(await response.text()).not.toContain('secret')
    expect(JSON.stringify(logged)).toContain('TypeError')
    expect(JSON.stringify(logged)).not.toContain('secret')
  })
})

test('every answer carries the request id of its log line', async () => {
  const { response, logged } = await ask('/nope')
  expect(response.headers.get('x-request-id')).toMatch(/^[0-9a-f-]{36}$/)
  expect(logged).toMatchObject([{ request_id: response.headers.get('x-request-id') }])
})
