/**
 * Public reads of a challenge: what is kept, which clients get it, and what becomes of it when the
 * challenge is gone.
 */

import { createExecutionContext } from 'cloudflare:test'
import { beforeEach, describe, expect, test } from 'vitest'
import type { OriginAnswer, OriginCall } from '../../src/origin/origin.ts'
import { ask } from '../support/ask.worker.ts'
import { appOf, configOf } from '../support/gateway.worker.ts'

const CONFIG = configOf({
  CHALLENGES: {
    demo: {
      name: 'Demo Challenge',
      origin: 'https://demo.example.com',
      policy: {
        cache: [
          { path: '/board', seconds: 10, stale_seconds: 600 },
          { path: '/submissions/{id}/env', seconds: 10 },
        ],
        signed: ['GET /submissions/{id}/env'],
        env: ['GET /submissions/{id}/env'],
      },
    },
    prism: { origin: 'https://prism.example.com' },
  },
  CORS_ORIGINS: ['https://site.example.com'],
})
const DOWN: OriginAnswer = { delivered: false, outcome: 'unknown', cause: 'timeout' }
const PUBLIC = { 'cache-control': 'public, max-age=10' }

let clock = 0
let cache: Cache
beforeEach(async () => {
  clock = Math.floor(Date.now() / 1000)
  cache = await caches.open(crypto.randomUUID())
})

/** Every answer says which question it was to. */
function appWith(headers: Record<string, string> = {}) {
  const origin: { answer: (call: OriginCall) => Response | OriginAnswer } = {
    answer: (call) => new Response(`${calls.length} ${new URL(call.url).pathname}`, { headers }),
  }
  const { app, calls, logged } = appOf(CONFIG, {
    now: () => clock,
    cache,
    answer: (call) => origin.answer(call),
  })
  return { app, calls, logged, origin }
}

describe('by a rule', () => {
  test('a leaderboard costs one question in ten seconds, and is shown, old, when the challenge is gone', async () => {
    const { app, calls, origin } = appWith()
    const first = await ask(app, '/challenges/demo/board')
    expect([await first.text(), first.headers.get('age'), first.headers.get('cache-control')]).toEqual([
      '1 /board',
      '0',
      'public, max-age=10',
    ])
    clock += 9
    const second = await ask(app, '/challenges/Demo%20Challenge/board')
    expect([await second.text(), second.headers.get('age'), calls.length]).toEqual(['1 /board', '9', 1])
    origin.answer = () => DOWN
    clock += 600
    const last = await ask(app, '/challenges/demo/board')
    expect([last.status, await last.text(), last.headers.get('age')]).toEqual([200, '1 /board', '609'])
    clock += 1
    const gone = await ask(app, '/challenges/demo/board')
    expect([gone.status, await gone.json()]).toMatchObject([502, { code: 'challenge_unavailable' }])
  })

  test('the request to the challenge carries no client headers', async () => {
    const { app, calls } = appWith()
    const headers = {
      'user-agent': 'x',
      'accept-language': 'de',
      accept: 'text/html',
      'x-forwarded-for': '1.2.3.4',
    }
    await ask(app, '/challenges/demo/board', { headers })
    expect([...(calls[0]?.headers ?? [])].filter(([name]) => name !== 'x-request-id')).toEqual([
      ['accept', '*/*'],
      ['accept-encoding', 'gzip'],
      ['x-platform-challenge-slug', 'demo'],
      ['x-platform-proxy', 'true'],
    ])
  })

  test('what the challenge forbids is not kept', async () => {
    const { app, calls } = appWith({ 'cache-control': 'private' })
    for (const _ of [1, 2]) expect((await ask(app, '/challenges/demo/board')).headers.has('age')).toBe(false)
    expect(calls).toHaveLength(2)
  })

  test('an answer longer than is kept streams by, whole', async () => {
    const { app, origin, calls } = appWith()
    origin.answer = () => new Response('x'.repeat(1_000_001), { headers: { etag: '"1"' } })
    for (const _ of [1, 2])
      expect((await (await ask(app, '/challenges/demo/board')).text()).length).toBe(1_000_001)
    expect(calls).toHaveLength(2)
  })

  test('an answer that breaks off is none', async () => {
    const { app, origin } = appWith()
    await ask(app, '/challenges/demo/board')
    origin.answer = () =>
      new Response(new ReadableStream({ pull: (controller) => controller.error(new Error('reset')) }))
    clock += 100
    expect((await ask(app, '/challenges/demo/board')).headers.get('age')).toBe('100')
    await ask(app, '/challenges/demo/board')
    expect((await ask(app, '/challenges/demo/board?other')).status).toBe(502)
  })

  test('304 for a client that has it', async () => {
    const { app, calls } = appWith({ etag: '"1"' })
    await ask(app, '/challenges/demo/board')
    const unchanged = await ask(app, '/challenges/demo/board', { headers: { 'if-none-match': '"1"' } })
    expect([unchanged.status, unchanged.headers.get('etag'), calls.length]).toEqual([304, '"1"', 1])
  })

  test('environment values are never kept, whatever a rule says', async () => {
    const { app, calls, origin } = appWith(PUBLIC)
    for (const _ of [1, 2]) await ask(app, '/challenges/demo/submissions/1/env')
    expect(calls).toHaveLength(2)
    origin.answer = () => DOWN
    expect((await ask(app, '/challenges/demo/submissions/1/env')).status).toBe(503)
  })
})

describe('by the answer’s own Cache-Control', () => {
  test('is kept as long as it says, under the client’s own headers', async () => {
    const { app, calls } = appWith(PUBLIC)
    await ask(app, '/challenges/prism/leaderboard', { headers: { 'user-agent': 'x', accept: 'text/html' } })
    expect(calls[0]?.headers.get('user-agent')).toBe('x')
    clock += 9
    expect(await (await ask(app, '/challenges/prism/leaderboard')).text()).toBe('1 /v1/leaderboard')
    clock += 1
    expect(await (await ask(app, '/challenges/prism/leaderboard')).text()).toBe('2 /v1/leaderboard')
  })

  test('not without it', async () => {
    const { app, calls } = appWith()
    for (const _ of [1, 2])
      expect((await ask(app, '/challenges/prism/leaderboard')).headers.has('age')).toBe(false)
    expect(calls).toHaveLength(2)
  })

  test('one that comes to allow it is kept ten seconds later; where there is a rule, at once', async () => {
    for (const [path, after] of [
      ['/challenges/prism/leaderboard', 10],
      ['/challenges/demo/board', 0],
    ] as const) {
      const { app, origin } = appWith()
      const read = async () => (await ask(app, path)).headers.get('age')
      origin.answer = () => new Response('not yet', { status: 404 })
      expect(await read()).toBe(null)
      origin.answer = () => new Response('open', { headers: PUBLIC })
      clock += after - 1
      if (after > 0) expect([await read(), await read()]).toEqual([null, null])
      clock += 1
      expect([await read(), await read()]).toEqual(['0', '0'])
    }
  })
})

describe('a read that is shared', () => {
  test('is asked for without a page’s origin and without conditions, however often', async () => {
    const { app, calls } = appWith()
    const headers = { origin: 'https://site.example.com', 'if-none-match': '"1"', accept: 'text/html' }
    for (const _ of [1, 2, 3]) await ask(app, '/challenges/prism/leaderboard', { headers })
    for (const call of calls)
      expect(['origin', 'if-none-match'].map((name) => call.headers.has(name))).toEqual([false, false])
    expect(calls.map((call) => call.headers.get('accept'))).toEqual(['text/html', 'text/html', 'text/html'])
  })

  test('is renewed by a client that has it already', async () => {
    const { app, calls } = appWith({ 'cache-control': 'max-age=10, stale-while-revalidate=60', etag: '"1"' })
    const headers = { 'if-none-match': '"1"' }
    const read = async () => {
      const { status, headers: sent } = await ask(app, '/challenges/prism/leaderboard', { headers })
      return [status, sent.get('age')]
    }
    expect(await read()).toEqual([304, '0'])
    clock += 15
    expect([await read(), await read(), calls.length]).toEqual([[304, '15'], [304, '0'], 2])
  })

  test('streams by when its body takes its time, though it may be kept', async () => {
    const { app, origin } = appWith()
    let end = () => {}
    origin.answer = () =>
      new Response(
        new ReadableStream({
          start(controller) {
            controller.enqueue(new TextEncoder().encode('first '))
            end = () => {
              controller.enqueue(new TextEncoder().encode('last'))
              controller.close()
            }
          },
        }),
        { headers: PUBLIC },
      )
    const ctx = createExecutionContext()
    const answer = await app.fetch(
      new Request('https://gateway.example.com/challenges/prism/leaderboard'),
      {},
      ctx,
    )
    expect(answer.status).toBe(200)
    end()
    expect(await answer.text()).toBe('first last')
  })
})

describe('the whole target is the key', () => {
  const OTHERS = [
    '/challenges/prism/leaderboard?x=1',
    '/challenges/prism/leaderboard?x=2',
    '/challenges/prism/leaderboard/',
    '/challenges/prism/Leaderboard',
    '/challenges/prism/v1/leaderboard',
    '/challenges/demo/leaderboard',
    '/challenges/prism/leaderboard%3Fx=1',
  ]
  test('no two of these share an answer', async () => {
    const { app, calls } = appWith(PUBLIC)
    const texts = []
    for (const path of ['/challenges/prism/leaderboard', ...OTHERS])
      texts.push(await (await ask(app, path)).text())
    expect(new Set(texts).size).toBe(OTHERS.length + 1)
    expect(calls).toHaveLength(OTHERS.length + 1)
  })

  test('two spellings of one do', async () => {
    const { app, calls } = appWith(PUBLIC)
    await ask(app, '/challenges/prism/leader%62oard')
    await ask(app, '/challenges/prism/leaderboard')
    expect(calls).toHaveLength(1)
  })
})

describe('a request with credentials or a range', () => {
  const PRIVATE: Record<string, string>[] = [
    { authorization: 'Bearer x' },
    { cookie: 'a=1' },
    { 'x-signature': '0x' },
    { 'x-hotkey': '5Grw' },
    { 'x-api-key': 'x' },
    { range: 'bytes=0-1' },
    { origin: 'https://elsewhere.example.com' },
  ]
  test.each(PRIVATE)('%j neither gets a kept answer nor leaves one', async (headers) => {
    const { app, calls } = appWith(PUBLIC)
    await ask(app, '/challenges/demo/board', { headers })
    await ask(app, '/challenges/demo/board')
    const own = await ask(app, '/challenges/demo/board', { headers })
    expect([await own.text(), own.headers.has('age'), calls.length]).toEqual(['3 /board', false, 3])
  })

  test.each(['HEAD', 'POST', 'DELETE'])('%s too', async (method) => {
    const { app, calls } = appWith(PUBLIC)
    for (const _ of [1, 2]) await ask(app, '/challenges/demo/board', { method })
    expect(calls).toHaveLength(2)
  })
})

describe('memory', () => {
  test('an answer streams by when there is no room to keep it, and the next one is kept', async () => {
    const large = 'x'.repeat(10_000)
    const answers = [large, 'small']
    const answer = () => new Response(answers.shift() ?? 'asked again', { headers: PUBLIC })
    const { app, calls } = appOf(CONFIG, { now: () => clock, cache, answer, roomBytes: 15_000 })
    const read = async () => (await ask(app, '/challenges/prism/x')).text()
    expect([await read(), await read(), await read(), calls.length]).toEqual([large, 'small', 'small', 2])
  })

  test('room is given back by every answer that was kept', async () => {
    const answer = () => new Response('x'.repeat(5000), { headers: PUBLIC })
    const { app, calls } = appOf(CONFIG, { now: () => clock, cache, answer, roomBytes: 15_000 })
    for (let twice = 0; twice < 2; twice += 1) {
      for (let path = 0; path < 8; path += 1) await ask(app, `/challenges/prism/${path}`)
    }
    expect(calls).toHaveLength(8)
  })

  test.each([
    [1900, 1],
    [2100, 2],
  ])('a query of %i characters: two reads ask %i times', async (characters, asked) => {
    const { app, calls } = appWith(PUBLIC)
    for (let twice = 0; twice < 2; twice += 1) await ask(app, `/challenges/prism/x?${'q'.repeat(characters)}`)
    expect(calls).toHaveLength(asked)
  })
})
