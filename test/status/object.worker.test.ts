/**
 * The sums of all isolates, on a real object: when they are written, what is lost with it, and how
 * they are asked for.
 */

import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { createBoard } from '../../src/status/client.ts'
import { type Batch, BOUNDS_MS } from '../../src/status/statistics.ts'

const NOW = 1_700_000_100

let boards = 0
const newStub = () => env.STATUS.getByName(`board-${++boards}`)

function batch(outcomes: Record<string, number>, slug = 'demo'): Batch {
  return { tallies: { [slug]: { outcomes, times: { 3: 1 } } }, sightings: {}, ledger: {} }
}

/**
 * What an object counts that was written, then called after so many seconds each, then forgotten
 * by memory.
 */
const CALLS: [name: string, seconds: readonly number[], kept: number][] = [
  ['the first call is written at once', [0], 1],
  ['nine seconds later nothing is', [0, 9], 1],
  ['ten seconds later everything is', [0, 9, 10], 3],
  ['ten seconds are counted from the last write', [0, 9, 10, 19], 3],
  ['a caller whose clock is behind loses nothing', [0, -5, 10], 3],
]
test.each(CALLS)('%s', async (_, seconds, kept) => {
  const stub = newStub()
  for (const after of seconds) await stub.record(NOW + after, batch({ accepted: 1 }))
  const last = NOW + (seconds.at(-1) ?? 0)
  expect((await stub.read(last)).hour).toEqual({ demo: { accepted: seconds.length } })
  await evictDurableObject(stub)
  expect((await stub.read(last)).hour).toEqual({ demo: { accepted: kept } })
})

test('a page that is read writes what is due', async () => {
  const stub = newStub()
  for (const after of [0, 1]) await stub.record(NOW + after, batch({ accepted: 1 }))
  await stub.read(NOW + 11)
  await evictDurableObject(stub)
  expect((await stub.read(NOW)).hour).toEqual({ demo: { accepted: 2 } })
})

test('a total never falls, whatever is lost', async () => {
  const stub = newStub()
  await stub.record(NOW, batch({ accepted: 1 }))
  await stub.record(NOW + 1, batch({ accepted: 1 }))
  expect((await stub.read(NOW + 1)).totals).toEqual({ demo: { accepted: 1 } })
  await evictDurableObject(stub)
  expect((await stub.read(NOW + 2)).totals).toEqual({ demo: { accepted: 1 } })
})

test('all is one row, and no alarm', async () => {
  const stub = newStub()
  for (const after of [0, 10, 4000, 8000]) await stub.record(NOW + after, batch({ accepted: 1 }))
  await stub.probed(NOW + 9000, { demo: { at: NOW + 9000, reachable: true } })
  await runInDurableObject(stub, async (_, { storage }) => {
    expect([...storage.kv.list()].map(([key]) => key)).toEqual(['sums'])
    expect(await storage.getAlarm()).toBeNull()
  })
})

test('a full day of fifty challenges fits into the row', async () => {
  const stub = newStub()
  const slugs = Array.from({ length: 50 }, (_, index) => `${'long-slug-'.repeat(6)}${index}`)
  const outcomes = Object.fromEntries(
    Array.from({ length: 28 }, (_, code) => [`challenge_token_unavailable_${code}`, 1_000_000]),
  )
  const times = Object.fromEntries(BOUNDS_MS.map((_, bucket) => [bucket, 1_000_000]))
  const tallies = Object.fromEntries(slugs.map((slug) => [slug, { outcomes, times }]))
  for (let hour = 0; hour < 24; hour++) {
    await stub.record(NOW + hour * 3600, { tallies, sightings: {}, ledger: {} })
  }
  await evictDurableObject(stub)
  const { hours } = await stub.read(NOW + 23 * 3600)
  expect(hours.map((hour) => Object.keys(hour.tallies).length)).toEqual(Array(24).fill(50))
})

test('a row of an older version is no fault', async () => {
  const stub = newStub()
  await runInDurableObject(stub, (_, { storage }) =>
    storage.kv.put('sums', { totals: { demo: { accepted: 5 } } }),
  )
  await evictDurableObject(stub)
  await stub.record(NOW, batch({ accepted: 1 }))
  expect((await stub.read(NOW)).totals).toEqual({ demo: { accepted: 6 } })
})

test('a board that fails is missing, one that answers is asked once in five seconds', async () => {
  let now = 0
  let asked = 0
  const never = () => Promise.reject(new Error('down'))
  expect(
    await createBoard(
      () => ({ record: never, probed: never, read: never }),
      () => now,
    ).read(),
  ).toBeUndefined()
  const stub = newStub()
  const board = createBoard(
    () => {
      asked += 1
      return stub
    },
    () => now,
  )
  for (const at of [0, 4999, 5000]) {
    now = at
    expect(await board.read()).toMatchObject({ hour: {} })
  }
  expect(asked).toBe(2)
})
