/**
 * The registry over real KV: what is kept, what serves when the master or KV cannot, and how often
 * the master is asked.
 */

import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, test } from 'vitest'
import type { TextStore } from '../../src/kv-memo.ts'
import { accepted } from '../../src/protocol/result.ts'
import { createRegistry, type MasterAnswer, type SyncOutcome } from '../../src/registry/kv-registry.ts'

const NOW = 1_700_000_000
const NETUID = 100
const KEY = `registry:${NETUID}`
const DOWN: MasterAnswer = { ok: false, cause: 'thrown Error' }

beforeEach(() => env.CACHE.delete(KEY))

function registryText(...slugs: string[]): string {
  const challenges = slugs.map((slug) => ({
    slug,
    name: slug,
    image: 'image',
    version: '1',
    emission_percent: '1.0',
    status: 'active',
    description: null,
    metadata: {},
    required_capabilities: [],
    resources: {},
    volumes: {},
    env: { SECRET: 'canary-env-value' },
    secrets: [],
  }))
  return JSON.stringify({ network: 'platform', api_version: '1.0', master_uid: 0, challenges })
}

const saying = (...slugs: string[]): MasterAnswer => accepted({ text: registryText(...slugs) })

/** One isolate; `master.answer` is what the master says now. */
function isolate(
  answer: MasterAnswer,
  { kv = env.CACHE, turns = true }: { kv?: TextStore; turns?: boolean } = {},
) {
  const master = { answer, asked: 0 }
  const synced: SyncOutcome[] = []
  const registry = createRegistry({
    netuid: NETUID,
    kv,
    ask: async () => {
      master.asked += 1
      return master.answer
    },
    takeTurn: async () => turns,
    onSync: (outcome) => synced.push(outcome),
  })
  const slugsAt = async (now: number) => (await registry.current(now))?.challenges.map(({ slug }) => slug)
  return { ...registry, master, synced, slugsAt }
}

const brokenKv: TextStore = {
  get: () => Promise.reject(new Error('KV')),
  put: () => Promise.reject(new Error('KV')),
}

describe('the cron', () => {
  test('keeps what the master says, without values, for other isolates', async () => {
    const one = isolate(saying('demo'))
    expect(await one.refresh(NOW)).toEqual({
      trigger: 'cron',
      outcome: 'stored',
      reason: 'changed',
      challenges: 1,
    })
    const other = isolate(DOWN)
    expect(await other.current(NOW)).toEqual(await one.current(NOW))
    expect(await other.current(NOW)).toMatchObject({
      fetchedAt: NOW,
      etag: expect.stringMatching(/^"[0-9a-f]{32}"$/),
    })
    expect(await env.CACHE.get(KEY)).not.toContain('canary')
    expect(one.synced).toHaveLength(1)
  })

  test('writes a change, and an unchanged one only after ten minutes', async () => {
    const one = isolate(saying('demo'))
    await one.refresh(NOW)
    expect((await one.refresh(NOW + 300)).outcome).toBe('unchanged')
    expect((await one.current(NOW + 300))?.fetchedAt).toBe(NOW + 300)
    expect((await isolate(DOWN).current(NOW + 300))?.fetchedAt).toBe(NOW)
    expect(await one.refresh(NOW + 600)).toMatchObject({ outcome: 'stored', reason: 'confirmed' })
    one.master.answer = saying('demo', 'second')
    expect(await one.refresh(NOW + 601)).toMatchObject({
      outcome: 'stored',
      reason: 'changed',
      challenges: 2,
    })
  })

  const FAULTS: [name: string, answer: MasterAnswer, reason: string][] = [
    ['down', DOWN, 'thrown Error'],
    ['not JSON', accepted({ text: '<html>' }), 'malformed'],
    ['another shape', accepted({ text: '{"detail":"Not Found"}' }), 'malformed'],
    ['half a registry', accepted({ text: registryText('demo', 'demo') }), 'malformed'],
  ]
  test.each(FAULTS)('master %s: the last good one serves, with its age', async (_, answer, reason) => {
    const one = isolate(saying('demo'))
    await one.refresh(NOW)
    one.master.answer = answer
    expect(await one.refresh(NOW + 300)).toEqual({ trigger: 'cron', outcome: 'kept', reason, challenges: 1 })
    expect(await one.current(NOW + 999_999)).toMatchObject({ fetchedAt: NOW })
    expect(await isolate(DOWN).slugsAt(NOW + 999_999)).toEqual(['demo'])
  })

  test('KV down: this isolate still has it', async () => {
    const one = isolate(saying('demo'), { kv: brokenKv })
    expect(await one.refresh(NOW)).toMatchObject({ outcome: 'kept', reason: 'kv_write_failed' })
    expect(await one.slugsAt(NOW + 60)).toEqual(['demo'])
  })
})

describe('the memo', () => {
  test('answers for 30 seconds, then looks again', async () => {
    const one = isolate(DOWN)
    expect(await one.current(NOW)).toBeUndefined()
    await isolate(saying('demo')).refresh(NOW)
    expect(await one.current(NOW + 29)).toBeUndefined()
    expect(await one.slugsAt(NOW + 30)).toEqual(['demo'])
  })

  test('gives way to nothing older', async () => {
    const one = isolate(saying('new'))
    await isolate(saying('old')).refresh(NOW)
    const old = await env.CACHE.get(KEY)
    await one.refresh(NOW + 10)
    await env.CACHE.put(KEY, old ?? '')
    expect(await one.slugsAt(NOW + 60)).toEqual(['new'])
  })

  const DAMAGED = [
    'garbage',
    'null',
    '{}',
    `{"fetchedAt":"${NOW}","registry":${registryText('demo')}}`,
    `{"fetchedAt":-1,"registry":${registryText('demo')}}`,
    `{"fetchedAt":${NOW},"registry":{}}`,
    registryText('demo'),
  ]
  test.each(DAMAGED)('a damaged value in KV is none: %.40s', async (value) => {
    await env.CACHE.put(KEY, value)
    expect(await isolate(DOWN).current(NOW)).toBeUndefined()
  })
})

describe('a miss', () => {
  test('asks the master, once a minute', async () => {
    const one = isolate(saying('demo'))
    expect((await one.afterMiss(NOW))?.challenges).toHaveLength(1)
    for (const later of [0, 1, 59]) await one.afterMiss(NOW + later)
    expect(one.master.asked).toBe(1)
    await one.afterMiss(NOW + 60)
    expect(one.master.asked).toBe(2)
    expect(one.synced.map(({ trigger }) => trigger)).toEqual(['miss', 'miss'])
  })

  test('where it is another’s turn, looks at what that one found', async () => {
    const other = isolate(saying('wrong'), { turns: false })
    expect(await other.current(NOW)).toBeUndefined()
    await isolate(saying('demo')).refresh(NOW)
    expect((await other.afterMiss(NOW + 1))?.challenges[0]?.slug).toBe('demo')
    expect(other.master.asked).toBe(0)
  })

  test('a clock that was set back delays no question', async () => {
    const one = isolate(saying('demo'))
    await one.afterMiss(NOW)
    await one.afterMiss(NOW - 1000)
    expect(one.master.asked).toBe(2)
  })
})
