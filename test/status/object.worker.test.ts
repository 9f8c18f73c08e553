/** The sums of all isolates, on a real object. */

import { evictDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { createBoard } from '../../src/status/client.ts'
import type { Batch } from '../../src/status/statistics.ts'

const NOW = 1_700_000_100

let boards = 0
const newStub = () => env.STATUS.getByName(`board-${++boards}`)

function batch(outcomes: Record<string, number>, slug = 'demo'): Batch {
  return {
    tallies: { [slug]: { outcomes, times: { 3: 1 } } },
    sightings: { [slug]: { success: NOW } },
    ledgerMs: 5,
  }
}

test('sums isolates, keeps challenges apart', async () => {
  const stub = newStub()
  await stub.record(NOW, batch({ accepted: 2 }))
  await stub.record(NOW + 1, batch({ accepted: 1, rate_limited: 4 }))
  await stub.record(NOW, batch({ challenge_not_found: 1 }, ''))
  const { hour, day, totals, ledger } = await stub.read(NOW + 2)
  expect(hour).toEqual({
    demo: { outcomes: { accepted: 3, rate_limited: 4 }, times: { 3: 2 } },
    '': { outcomes: { challenge_not_found: 1 }, times: { 3: 1 } },
  })
  expect(day).toEqual(hour)
  expect(totals).toEqual({ demo: { accepted: 3, rate_limited: 4 }, '': { challenge_not_found: 1 } })
  expect(ledger).toEqual({ ms: 5, at: NOW })
})

test('a challenge may be called as every object’s property is', async () => {
  const stub = newStub()
  for (const slug of ['demo', 'constructor', 'constructor'])
    await stub.record(NOW, batch({ accepted: 1 }, slug))
  const { day, totals, sightings } = await stub.read(NOW + 1)
  expect(Object.entries(totals)).toEqual([
    ['demo', { accepted: 1 }],
    ['constructor', { accepted: 2 }],
  ])
  expect([Object.keys(day), Object.keys(sightings)]).toEqual([
    ['demo', 'constructor'],
    ['demo', 'constructor'],
  ])
})

const AGES: [seconds: number, hour: number | undefined, day: number | undefined][] = [
  [0, 1, 1],
  [3300, 1, 1],
  [3900, undefined, 1],
  [86_100, undefined, 1],
  [86_700, undefined, undefined],
]
test.each(AGES)('after %i s', async (seconds, hour, day) => {
  const stub = newStub()
  await stub.record(NOW, batch({ accepted: 1 }))
  const board = await stub.read(NOW + seconds)
  expect([board.hour['demo']?.outcomes['accepted'], board.day['demo']?.outcomes['accepted']]).toEqual([
    hour,
    day,
  ])
  expect(board.totals).toEqual({ demo: { accepted: 1 } })
})

test('the first batch is on disk at once, and old buckets leave', async () => {
  const stub = newStub()
  await stub.record(NOW, batch({ accepted: 1 }))
  await evictDurableObject(stub)
  expect((await stub.read(NOW)).hour['demo']?.outcomes).toEqual({ accepted: 1 })
  await stub.record(NOW + 100_000, batch({ accepted: 1 }))
  await evictDurableObject(stub)
  expect((await stub.read(NOW)).day).toEqual({ demo: { outcomes: { accepted: 1 }, times: { 3: 1 } } })
})

test('probes are what was seen last, and the later sighting stays', async () => {
  const stub = newStub()
  await stub.probed({ demo: { at: NOW, reachable: false }, gone: { at: NOW, reachable: true } })
  await stub.record(NOW, { tallies: {}, sightings: { demo: { success: NOW - 50, failure: NOW - 60 } } })
  await stub.probed({ demo: { at: NOW + 300, reachable: true } })
  const { probes, sightings } = await stub.read(NOW)
  expect(probes).toEqual({ demo: { at: NOW + 300, reachable: true } })
  expect(sightings['demo']).toEqual({ success: NOW + 300, failure: NOW })
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
