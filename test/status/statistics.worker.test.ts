/** What an isolate counts, and how often it says so. */

import { expect, test } from 'vitest'
import type { RequestEntry } from '../../src/log.ts'
import { type Batch, createStatistics, type Sightings } from '../../src/status/statistics.ts'

const ENTRY: RequestEntry = {
  request_id: '',
  method: 'POST',
  route: '',
  status: 201,
  outcome: 'ok',
  slug: 'demo',
  hotkey: '5canary',
  origin_status: 201,
  origin_ms: 10,
  ledger_ms: 4,
  ms: 20,
}

/** Time passes only while the code sleeps, or when the test sets it. */
function counting(send: (batch: Batch) => Promise<unknown> = async () => {}) {
  const sent: { at: number; batch: Batch }[] = []
  const clock = { now: 1_700_000_000_000 }
  const statistics = createStatistics(
    (batch) => {
      sent.push({ at: clock.now, batch })
      return send(batch)
    },
    () => clock.now,
    async (ms) => {
      clock.now += ms
    },
  )
  return { sent, clock, statistics }
}

test('at most one batch in ten seconds, and nothing is left behind', async () => {
  const { sent, clock, statistics } = counting()
  await statistics.count(ENTRY)
  expect(sent).toHaveLength(1)
  const planned = statistics.count(ENTRY)
  expect(statistics.count(ENTRY)).toBeUndefined()
  clock.now += 1
  await planned
  expect(sent.map(({ batch }) => batch.tallies['demo']?.outcomes)).toEqual([{ accepted: 1 }, { accepted: 2 }])
  expect((sent[1]?.at ?? 0) - (sent[0]?.at ?? 0)).toBeGreaterThanOrEqual(10_000)
})

test('a planned batch that was lost with its request is planned again', () => {
  const { clock, statistics } = counting()
  expect(statistics.count(ENTRY)).toBeInstanceOf(Promise)
  clock.now += 30_000
  expect(statistics.count(ENTRY)).toBeInstanceOf(Promise)
})

test('a challenge may be called as every object’s property is', async () => {
  const { sent, statistics } = counting()
  await statistics.count({ ...ENTRY, slug: 'constructor' })
  expect(Object.keys(sent[0]?.batch.tallies ?? {})).toEqual(['constructor'])
})

test('a board that fails loses a batch and nothing else', async () => {
  const { sent, statistics } = counting(() => Promise.reject(new Error('down')))
  await statistics.count(ENTRY)
  await statistics.count(ENTRY)
  expect(sent).toHaveLength(2)
})

const AT = 1_700_000_000
const OUTCOMES: [entry: Partial<RequestEntry>, outcome: string, sighting: Sightings][] = [
  [{}, 'accepted', { success: AT }],
  [{ origin_status: 302 }, 'accepted', { success: AT }],
  [{ origin_status: 422 }, 'challenge_4xx', { success: AT }],
  [{ origin_status: 401 }, 'challenge_4xx', { failure: AT, kind: 'token' }],
  [{ origin_status: 503 }, 'challenge_5xx', { failure: AT, kind: 'error' }],
  [{ outcome: 'challenge_unavailable' }, 'challenge_unavailable', { failure: AT, kind: 'no_answer' }],
]
test.each(OUTCOMES)('%j', async (changes, outcome, sighting) => {
  const { sent, statistics } = counting()
  await statistics.count({ ...ENTRY, ...changes })
  // What failed on the way took no time of the challenge's.
  const times = outcome === 'challenge_unavailable' ? {} : { 0: 1 }
  const { tallies, sightings, ledger } = sent[0]?.batch ?? {}
  expect(tallies).toEqual({ demo: { outcomes: { [outcome]: 1 }, times } })
  expect(sightings).toEqual({ demo: sighting })
  expect(ledger).toEqual({ ms: 4, answeredAt: AT })
  expect(JSON.stringify(sent)).not.toContain('canary')
})

test('which of two came later is seen within a second', async () => {
  const { sent, clock, statistics } = counting()
  await statistics.count(ENTRY)
  const planned = statistics.count(ENTRY)
  clock.now += 400
  statistics.count({ ...ENTRY, outcome: 'challenge_unavailable' })
  await planned
  expect(sent[1]?.batch.sightings).toEqual({ demo: { success: AT, failure: AT + 10.4, kind: 'no_answer' } })
})

test('the nonce store: its mean time, and when it failed', async () => {
  const { sent, clock, statistics } = counting()
  await statistics.count(ENTRY)
  const planned = statistics.count({ ...ENTRY, ledger_ms: 2 })
  statistics.count({ ...ENTRY, ledger_ms: 4 })
  clock.now += 1000
  statistics.count({ ...ENTRY, outcome: 'nonce_store_unavailable', ledger_ms: 3000 })
  await planned
  expect(sent[1]?.batch.ledger).toEqual({ ms: 3, answeredAt: AT + 10, failedAt: AT + 11 })
})

const TIMES: [ms: number, bucket: number][] = [
  [0, 0],
  [10, 0],
  [11, 1],
  [15, 1],
  [74_818, 22],
  [1e9, 22],
]
test.each(TIMES)('%i ms', async (ms, bucket) => {
  const { sent, statistics } = counting()
  await statistics.count({ ...ENTRY, origin_ms: ms })
  expect(sent[0]?.batch.tallies['demo']?.times).toEqual({ [bucket]: 1 })
})

test('a refusal before any challenge is known', async () => {
  const { sent, statistics } = counting()
  await statistics.count({
    request_id: '',
    method: 'POST',
    route: '',
    status: 404,
    outcome: 'challenge_not_found',
    ms: 1,
  })
  expect(sent[0]?.batch).toEqual({
    tallies: { '': { outcomes: { challenge_not_found: 1 }, times: {} } },
    sightings: {},
    ledger: {},
  })
})
