/** `GET /v1/registry`, and challenges that come and go with it. */

import { describe, expect, test } from 'vitest'
import { createChallengeSource } from '../../src/registry/challenge-source.ts'
import type { Registry } from '../../src/registry/kv-registry.ts'
import { ask as askApp } from '../support/ask.worker.ts'
import { appOf, configOf } from '../support/gateway.worker.ts'

const NOW = 1_700_000_000
const REGISTRY: Registry = {
  text: '{"network":"platform","challenges":[]}',
  challenges: [
    { slug: 'demo', name: 'Demo', status: 'active' },
    { slug: 'off', name: 'Off', status: 'inactive' },
  ],
  fetchedAt: NOW - 42,
  etag: '"abc"',
}
const CONFIG = configOf({
  MASTER_ORIGIN: 'https://master.example.com',
  ORIGIN_TEMPLATE: 'https://{slug}.example.com',
})

interface Known {
  readonly current?: Registry
  readonly afterMiss?: Registry
}

async function ask(path: string, init: RequestInit = {}, known: Known | 'no master' = { current: REGISTRY }) {
  const registry =
    known === 'no master'
      ? undefined
      : { current: async () => known.current, afterMiss: async () => known.afterMiss ?? known.current }
  const { app, calls, logged } = appOf(CONFIG, {
    registry,
    challenges: createChallengeSource(CONFIG.challenges, registry, CONFIG),
    now: NOW,
  })
  const response = await askApp(app, path, init)
  return { response, calls, logged }
}

describe('GET /v1/registry', () => {
  test('the public document, with its age and its tag', async () => {
    const { response } = await ask('/v1/registry')
    expect([response.status, await response.text()]).toEqual([200, REGISTRY.text])
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'application/json',
      'cache-control': 'public, max-age=60, stale-if-error=86400',
      etag: '"abc"',
      age: '42',
    })
  })

  test('304 for a client that has it', async () => {
    const { response } = await ask('/v1/registry', { headers: { 'if-none-match': 'W/"abc"' } })
    expect([response.status, await response.text(), response.headers.get('age')]).toEqual([304, '', '42'])
  })

  test('HEAD works, other methods do not', async () => {
    const head = await ask('/v1/registry', { method: 'HEAD' })
    expect([head.response.status, await head.response.text(), head.response.headers.get('etag')]).toEqual([
      200,
      '',
      '"abc"',
    ])
    expect((await ask('/v1/registry', { method: 'POST' })).response.headers.get('allow')).toBe('GET, HEAD')
  })

  test('a clock behind the one that fetched it makes no age below zero', async () => {
    const { response } = await ask('/v1/registry', {}, { current: { ...REGISTRY, fetchedAt: NOW + 5 } })
    expect(response.headers.get('age')).toBe('0')
  })

  test('the first request of all asks for it', async () => {
    expect((await ask('/v1/registry', {}, { afterMiss: REGISTRY })).response.status).toBe(200)
  })

  test('502 while there has never been one, 404 where there is no master', async () => {
    const never = await ask('/v1/registry', {}, {})
    expect([never.response.status, await never.response.json()]).toMatchObject([
      502,
      { code: 'challenge_unavailable' },
    ])
    expect((await ask('/v1/registry', {}, 'no master')).response.status).toBe(404)
  })
})

describe('a registered challenge', () => {
  const ROUTED: [path: string, init: RequestInit, url: string][] = [
    ['/challenges/demo/x', {}, 'https://demo.example.com/x'],
    ['/v1/challenges/DEMO/submissions/1', {}, 'https://demo.example.com/v1/submissions/1'],
  ]
  test.each(ROUTED)('is reached at %s', async (path, init, url) => {
    expect((await ask(path, init)).calls.map((call) => call.url)).toEqual([url])
  })

  test.each(['/challenges/off/x', '/challenges/nope/x', '/v1/challenges/off/submissions/1'])(
    '%s is not there',
    async (path) => {
      const { response, calls } = await ask(path)
      expect([response.status, calls.length]).toEqual([404, 0])
    },
  )

  test('uploads know it too', async () => {
    const answers = await Promise.all(
      ['demo', 'off'].map((slug) => ask(`/v1/challenges/${slug}/submissions`, { method: 'POST', body: '' })),
    )
    expect(answers.map(({ logged }) => logged.map((entry) => 'outcome' in entry && entry.outcome))).toEqual([
      ['missing_header'],
      ['challenge_not_found'],
    ])
  })
})
