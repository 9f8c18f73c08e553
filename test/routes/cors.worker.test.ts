/** Which pages may read what, and what no page may do. */

import { describe, expect, test } from 'vitest'
import { ask } from '../support/ask.worker.ts'
import { appOf, configOf } from '../support/gateway.worker.ts'

const SITE = 'https://site.example.com'
const CHALLENGES = { demo: { origin: 'https://demo.example.com' } }
const OWN_CORS = {
  'access-control-allow-origin': 'https://own.example.com',
  'access-control-allow-credentials': 'true',
}

function appFor(origins: readonly string[], headers: Record<string, string> = {}) {
  const config = configOf({
    CHALLENGES,
    CORS_ORIGINS: origins,
    ADMIN_TOKEN: 'token',
    MASTER_ORIGIN: 'https://master.example.com',
  })
  return appOf(config, { now: 0, answer: () => new Response('own answer', { headers }) })
}

function corsOf(answer: Response): Record<string, string | null> {
  const names = ['access-control-allow-origin', 'access-control-allow-credentials', 'vary']
  return Object.fromEntries(names.map((name) => [name, answer.headers.get(name)]))
}

const READS = [
  '/v1/time',
  '/v1/limits',
  '/version',
  '/v1/metagraph',
  '/v1/registry',
  '/v1/weights/latest',
  '/v1/challenges/dashboard.svg',
  '/v1/challenges/demo/submissions/1',
  '/challenges/demo/x',
  '/challenges/nope/x',
]

describe.each(READS)('GET %s', (path) => {
  test('a listed page reads it, also when it is a refusal', async () => {
    const answer = await ask(appFor([SITE]).app, path, { headers: { origin: SITE } })
    expect(corsOf(answer)).toEqual({
      'access-control-allow-origin': SITE,
      'access-control-allow-credentials': null,
      vary: 'Origin',
    })
    expect(answer.headers.get('access-control-expose-headers')).toBe('age, etag, retry-after, x-request-id')
  })

  const STRANGERS = [
    'https://site.example.com.evil.com',
    'https://sub.site.example.com',
    'http://site.example.com',
    'HTTPS://SITE.EXAMPLE.COM',
    'null',
    '*',
    '',
  ]
  test.each(STRANGERS)('%j does not', async (origin) => {
    const answer = await ask(appFor([SITE]).app, path, { headers: { origin } })
    expect(corsOf(answer)).toMatchObject({ 'access-control-allow-origin': null, vary: 'Origin' })
  })

  test('with * everybody does, and nothing varies', async () => {
    const answer = await ask(appFor(['*']).app, path, { headers: { origin: 'https://any.example.com' } })
    expect(corsOf(answer)).toMatchObject({ 'access-control-allow-origin': '*', vary: null })
  })

  test('without a listed origin no header is sent', async () => {
    const answer = await ask(appFor([]).app, path, { headers: { origin: SITE } })
    expect(corsOf(answer)).toMatchObject({ 'access-control-allow-origin': null, vary: null })
  })

  test('a preflight of a read is answered here', async () => {
    const { app, calls } = appFor([SITE])
    const headers = {
      origin: SITE,
      'access-control-request-method': 'GET',
      'access-control-request-headers': 'if-none-match',
    }
    const answer = await ask(app, path, { method: 'OPTIONS', headers })
    expect([
      answer.status,
      answer.headers.get('access-control-allow-methods'),
      answer.headers.get('access-control-allow-origin'),
    ]).toEqual([204, 'GET, HEAD', SITE])
    expect(calls).toEqual([])
  })
})

describe('never', () => {
  const PREFLIGHTS: [path: string, method: string][] = [
    ['/v1/challenges/demo/submissions', 'POST'],
    ['/v1/challenges/demo/submissions', 'GET'],
    ['/v1/time', 'POST'],
    ['/v1/registry', 'DELETE'],
    ['/admin', 'GET'],
    ['/v1/admin/challenges', 'POST'],
    ['/v1/admin/challenges/demo', 'GET'],
    ['/v1/admin/metagraph', 'PUT'],
  ]
  test.each(PREFLIGHTS)('a preflight of %s by %s', async (path, method) => {
    for (const origins of [[SITE], ['*']]) {
      const headers = { origin: SITE, 'access-control-request-method': method }
      const answer = await ask(appFor(origins).app, path, { method: 'OPTIONS', headers })
      expect(answer.status).toBeGreaterThan(400)
      expect(corsOf(answer)['access-control-allow-origin']).toBeNull()
    }
  })

  const ANSWERS: [method: string, path: string][] = [
    ['GET', '/admin'],
    ['GET', '/v1/admin/challenges/demo'],
    ['POST', '/v1/challenges/demo/submissions'],
    ['PUT', '/v1/admin/metagraph'],
  ]
  test.each(ANSWERS)('an answer to %s %s', async (method, path) => {
    const headers = { origin: SITE, 'x-admin-token': 'token' }
    const answer = await ask(appFor(['*']).app, path, { method, headers })
    expect(corsOf(answer)['access-control-allow-origin']).toBeNull()
  })
})

describe('a challenge that speaks for itself', () => {
  test('is overruled where we answer', async () => {
    const { app, calls } = appFor([SITE], OWN_CORS)
    const answer = await ask(app, '/challenges/demo/x', { headers: { origin: SITE } })
    expect(corsOf(answer)).toEqual({
      'access-control-allow-origin': SITE,
      'access-control-allow-credentials': null,
      vary: 'Origin',
    })
    expect(calls[0]?.headers.has('origin')).toBe(false)
  })

  const OWN: [origins: readonly string[], method: string][] = [
    [[], 'GET'],
    [[SITE], 'GET'],
    [[], 'OPTIONS'],
    [[SITE], 'OPTIONS'],
  ]
  test.each(OWN)('is heard by a page we do not list (%j, %s)', async (origins, method) => {
    const { app, calls } = appFor(origins, OWN_CORS)
    const headers = { origin: 'https://own.example.com', 'access-control-request-method': 'GET' }
    const answer = await ask(app, '/challenges/demo/x', { method, headers })
    expect(corsOf(answer)).toMatchObject(OWN_CORS)
    expect(calls[0]?.headers.get('origin')).toBe('https://own.example.com')
  })

  test('is asked about a preflight of anything but a read', async () => {
    const { app, calls } = appFor([SITE], OWN_CORS)
    const headers = { origin: SITE, 'access-control-request-method': 'PUT' }
    await ask(app, '/challenges/demo/x', { method: 'OPTIONS', headers })
    expect(calls).toHaveLength(1)
  })
})
