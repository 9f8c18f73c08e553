import { describe, expect, test } from 'vitest'
import type { OriginAnswer } from '../../src/origin/origin.ts'
import { ask as askApp } from '../support/ask.worker.ts'
import { appOf, configOf } from '../support/gateway.worker.ts'

const NOW = 1_700_000_000
const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD']
const SIGNATURE = { 'x-hotkey': '5Grw', 'x-signature': '0xab', 'x-nonce': 'n', 'x-timestamp': '1' }
const DOWN: OriginAnswer = { delivered: false, outcome: 'unknown', cause: 'thrown Error' }

const CHALLENGES = {
  demo: { name: 'Demo Challenge', origin: 'https://demo.example.com/base' },
  prism: { name: 'Prism One', origin: 'https://prism.example.com' },
  'agent-challenge': { name: 'Agent Challenge', origin: 'https://agent.example.com' },
  listed: { origin: 'https://listed.example.com', policy: { allow: ['GET /scores/{id}'] } },
  marked: { origin: 'https://marked.example.com', marker: 'X-Origin' },
  asleep: { origin: 'https://asleep.example.com', status: 'inactive' },
}

const CONFIG = configOf({ CHALLENGES })

async function ask(path: string, init: RequestInit = {}, answer?: Response | OriginAnswer) {
  const { app, calls, logged } = appOf(CONFIG, { now: NOW, ...(answer && { answer: () => answer }) })
  return { response: await askApp(app, path, init), calls, logged }
}

describe('passed on', () => {
  test.each(METHODS)('%s, with the answer as it came', async (method) => {
    const answer = new Response(method === 'HEAD' ? null : 'own answer', {
      status: 418,
      headers: { etag: '"1"' },
    })
    const { response, calls, logged } = await ask('/challenges/demo/a/?x=%2F', { method }, answer)
    expect(calls.map(({ method: sent, url }) => [sent, url])).toEqual([
      [method, 'https://demo.example.com/base/a/?x=%2F'],
    ])
    expect([response.status, response.headers.get('etag')]).toEqual([418, '"1"'])
    expect(await response.text()).toBe(method === 'HEAD' ? '' : 'own answer')
    expect(logged).toMatchObject([
      { route: '/challenges/:challenge/*', outcome: 'ok', slug: 'demo', status: 418, origin_status: 418 },
    ])
  })

  const TARGETS: [path: string, url: string][] = [
    ['/challenges/demo', 'https://demo.example.com/base/'],
    ['/challenges/demo/', 'https://demo.example.com/base/'],
    ['/challenges/demo?x', 'https://demo.example.com/base/?x'],
    ['/%63hallenges/Demo%20Challenge/%78', 'https://demo.example.com/base/x'],
    ['/challenges/prism/leaderboard/?x=1', 'https://prism.example.com/v1/leaderboard?x=1'],
    ['/challenges/Prism%20One/leaderboard', 'https://prism.example.com/v1/leaderboard'],
    ['/challenges/agent-challenge/leaderboard', 'https://agent.example.com/leaderboard'],
    ['/challenges/listed/scores/1', 'https://listed.example.com/scores/1'],
  ]
  test.each(TARGETS)('%s goes to %s', async (path, url) => {
    const { calls } = await ask(path)
    expect(calls.map((call) => call.url)).toEqual([url])
  })

  test.each([200, 204, 206, 301, 304, 400, 404, 500, 502, 503])('%i of the challenge', async (status) => {
    const answer = new Response([204, 304].includes(status) ? null : 'text', { status })
    expect((await ask('/challenges/demo/x', {}, answer)).response.status).toBe(status)
  })

  test('a redirect to the origin leads to its public place', async () => {
    const answer = new Response(null, {
      status: 307,
      headers: { location: 'https://demo.example.com/base/b?c' },
    })
    const { response } = await ask('/challenges/Demo%20Challenge/a', {}, answer)
    expect([response.status, response.headers.get('location')]).toEqual([307, '/challenges/demo/b?c'])
  })

  test('cookies one by one, the marker not at all', async () => {
    const answer = new Response('x', { headers: { 'x-origin': 'marked' } })
    answer.headers.append('set-cookie', 'a=1; Path=/')
    answer.headers.append('set-cookie', 'b=2')
    const { response, calls } = await ask('/challenges/marked/x', {}, answer)
    expect(response.headers.getSetCookie()).toEqual([
      'a=1; Path=/challenges/marked',
      'b=2; Path=/challenges/marked',
    ])
    expect([response.headers.has('x-origin'), calls[0]?.marker]).toEqual([false, 'X-Origin'])
  })

  test('under the request id of the log line', async () => {
    const { response, calls, logged } = await ask('/challenges/demo/x', {
      headers: { 'x-request-id': 'mine' },
    })
    const id = response.headers.get('x-request-id')
    expect(logged).toMatchObject([{ request_id: id }])
    expect(calls[0]?.headers.get('x-request-id')).toBe(id)
  })
})

describe('signature headers', () => {
  const KEPT: [method: string, path: string, kept: boolean][] = [
    ['POST', '/challenges/agent-challenge/submissions', true],
    ['POST', '/challenges/Agent%20Challenge/submissions/', true],
    ['PUT', '/challenges/agent-challenge/submissions/1/env', true],
    ['GET', '/challenges/agent-challenge/submissions', false],
    ['POST', '/challenges/demo/submissions', false],
  ]
  test.each(KEPT)('%s %s: %s', async (method, path, kept) => {
    const { calls } = await ask(path, { method, headers: { ...SIGNATURE, authorization: 'Bearer x' } })
    const names = Object.keys(Object.fromEntries(calls[0]?.headers ?? []))
    expect(Object.keys(SIGNATURE).every((name) => names.includes(name) === kept)).toBe(true)
    expect(names).not.toContain('authorization')
  })
})

describe('refused', () => {
  const REFUSED: [path: string, status: number, code: string][] = [
    ['/challenges', 404, 'not_found'],
    ['/challenges/', 404, 'not_found'],
    ['/challenges//x', 404, 'not_found'],
    ['/challenges/nope/x', 404, 'challenge_not_found'],
    ['/challenges/asleep/x', 404, 'challenge_not_found'],
    ['/challenges/DEMO/x', 404, 'challenge_not_found'],
    ['/challenges/nope/internal/x', 403, 'path_not_allowed'],
    ['/challenges/asleep/health', 403, 'path_not_allowed'],
    ['/challenges/demo%2Fhealth', 403, 'path_not_allowed'],
    ['/challenges/demo//x', 403, 'path_not_allowed'],
    ['/challenges/listed/other', 403, 'path_not_allowed'],
  ]
  test.each(REFUSED)('%s: %i %s', async (path, status, code) => {
    const { response, calls, logged } = await ask(path)
    expect([response.status, calls.length]).toEqual([status, 0])
    expect(await response.json()).toMatchObject({ code })
    expect(logged).toMatchObject([{ outcome: code, status }])
  })

  test.each(['TRACE', 'PROPFIND'])(
    '%s is 405 with the seven methods, before the path is judged',
    async (method) => {
      const { response, calls } = await ask('/challenges/nope/internal', { method })
      expect([response.status, calls.length]).toEqual([405, 0])
      expect(response.headers.get('allow')?.split(', ').sort()).toEqual([...METHODS].sort())
    },
  )

  test.each(['websocket', 'WebSocket', 'h2c, websocket'])('an upgrade to %s is 403', async (upgrade) => {
    const headers = { connection: 'Upgrade', upgrade }
    const { response, calls, logged } = await ask('/challenges/demo/ws', { headers })
    expect([response.status, calls.length]).toEqual([403, 0])
    expect(logged).toMatchObject([{ outcome: 'path_not_allowed', cause: 'websocket' }])
  })

  test.each(['script', 'Script'])('the script of a service worker (%s) is 403', async (kind) => {
    const { response, calls, logged } = await ask('/challenges/demo/sw.js', {
      headers: { 'service-worker': kind },
    })
    expect([response.status, calls.length]).toEqual([403, 0])
    expect(logged).toMatchObject([{ outcome: 'path_not_allowed', cause: 'service worker' }])
    const read = await ask('/v1/challenges/demo/submissions/1', { headers: { 'service-worker': kind } })
    expect([read.response.status, read.calls.length]).toEqual([403, 0])
  })

  test('any other upgrade is not taken up, as HTTP allows', async () => {
    const { response, calls } = await ask('/challenges/demo/x', {
      headers: { connection: 'Upgrade', upgrade: 'h2c' },
    })
    expect([response.status, calls[0]?.headers.has('upgrade')]).toEqual([200, false])
  })
})

describe('the challenge cannot be reached', () => {
  const FAILED: [method: string, path: string, status: number][] = [
    ['GET', '/challenges/demo/x', 502],
    ['POST', '/challenges/agent-challenge/submissions', 502],
    ['HEAD', '/challenges/agent-challenge/submissions/1/env', 502],
    ['GET', '/challenges/agent-challenge/submissions/1/env', 503],
    ['PUT', '/challenges/agent-challenge/submissions/1/env/', 503],
    ['POST', '/challenges/agent-challenge/submissions/1/env/confirm-empty', 503],
    ['POST', '/challenges/Agent%20Challenge/submissions/1/launch', 503],
    ['PUT', '/challenges/demo/submissions/1/env', 502],
  ]
  test.each(FAILED)('%s %s: %i', async (method, path, status) => {
    const { response, calls, logged } = await ask(path, { method }, DOWN)
    expect([response.status, calls.length]).toEqual([status, 1])
    expect(logged).toMatchObject([{ outcome: 'challenge_unavailable', cause: 'thrown Error', status }])
    if (method === 'HEAD') return
    const body = await response.text()
    expect(JSON.parse(body)).toMatchObject({
      code: 'challenge_unavailable',
      detail: 'Challenge unavailable',
      status,
    })
    expect(body).not.toMatch(/example\.com|thrown/)
  })
})

describe('a body', () => {
  /** A request whose body comes in pieces, through the platform's own stream. */
  function inPieces(pieces: readonly string[], headers: Record<string, string>): RequestInit {
    const pipe = new IdentityTransformStream()
    const writer = pipe.writable.getWriter()
    const write = async () => {
      for (const piece of pieces) await writer.write(new TextEncoder().encode(piece))
      await writer.close()
    }
    write().catch(() => {})
    return { method: 'POST', body: pipe.readable, headers }
  }

  const GATHERED: [name: string, headers: Record<string, string>][] = [
    ['without a length', {}],
    ['in chunks', { 'transfer-encoding': 'chunked' }],
    ['declared both ways', { 'transfer-encoding': 'chunked', 'content-length': '3' }],
    ['of a length that is no number', { 'content-length': 'x' }],
    ['of a length that no number can be', { 'content-length': '9007199254740993' }],
  ]
  test.each(GATHERED)('%s is gathered', async (_, headers) => {
    const { response, calls } = await ask('/challenges/demo/x', inPieces(['hel', 'lo'], headers))
    const body = calls[0]?.body
    const content = body !== undefined && 'content' in body ? body.content : undefined
    expect([response.status, new TextDecoder().decode(content)]).toEqual([200, 'hello'])
    expect(calls[0]?.headers.has('transfer-encoding')).toBe(false)
  })

  test('of a declared length streams', async () => {
    const { calls } = await ask('/challenges/demo/x', inPieces(['hello'], { 'content-length': '5' }))
    expect(calls[0]?.body).toMatchObject({ bytes: 5, stream: expect.any(ReadableStream) })
  })

  test.each(['GET', 'HEAD'])('of %s is dropped', async (method) => {
    expect((await ask('/challenges/demo/x', { method })).calls[0]?.body).toBeUndefined()
  })

  test('that finds no room is 503, and the room is free again after each', async () => {
    const { app, calls } = appOf(CONFIG, { now: NOW, roomBytes: 400_000 })
    const send = (bytes: number) => askApp(app, '/challenges/demo/x', inPieces(['x'.repeat(bytes)], {}))
    for (const [bytes, status] of [
      [100_000, 200],
      [500_000, 503],
      [100_000, 200],
    ] as const) {
      const answer = await send(bytes)
      expect(answer.status).toBe(status)
      if (status === 503) expect(await answer.json()).toMatchObject({ code: 'over_capacity' })
    }
    expect(calls).toHaveLength(2)
  })

  test('keeps its room for as long as a challenge takes pieces of it, however slowly', async () => {
    let clock = NOW
    const statuses: number[] = []
    const send = () => askApp(app, '/challenges/demo/x', inPieces(['x'.repeat(100_000)], {}))
    const { app, calls } = appOf(CONFIG, {
      now: () => clock,
      roomBytes: 200_000,
      answer: async () => {
        const body = calls.at(-1)?.body
        // The room's `abandonedSeconds` are 600. The origin confirms it with each piece.
        for (const end = NOW + 6000; clock < end; clock += 500)
          if (body !== undefined && 'held' in body) body.held.grow(0)
        if (calls.length === 1) statuses.push((await send()).status)
        return new Response()
      },
    })
    statuses.push((await send()).status, (await send()).status)
    expect(statuses).toEqual([503, 200, 200])
  })
})
