/**
 * The alarm: removes what is due and nothing else, a batch at a time, and is set exactly while
 * there is something to remove.
 */

import { evictDurableObject, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { LedgerKey } from '../../src/admission/ports.ts'
import { PURGE_BATCH_ROWS, PURGE_MARGIN_SECONDS } from '../../src/ledger/object.ts'
import { ledger, NOW, newKey, RETENTION_SECONDS, reservation, stubOf, verdict } from './support.worker.ts'

/** Seconds after which the alarm comes again when nothing is due sooner. */
const HOUR = 3600

/**
 * The first second at which the row of a nonce of NOW goes; the nonce is free for a while by then.
 */
const DUE = NOW + RETENTION_SECONDS + 1 + PURGE_MARGIN_SECONDS

beforeEach(() => setClock(NOW))
afterEach(() => vi.useRealTimers())

test('the first reservation sets it for when that nonce is free, later ones leave it', async () => {
  const key = newKey()
  expect(await alarmOf(key)).toBe(undefined)
  await ledger.find(key, reservation())
  expect(await alarmOf(key)).toBe(undefined)
  await Promise.all(['a', 'b'].map((nonce) => ledger.reserve(key, reservation({ nonce }))))
  expect(await alarmOf(key)).toBe(DUE)
  await evictDurableObject(stubOf(key))
  await ledger.reserve(key, reservation({ nonce: 'c', reservedAt: NOW + 1 }))
  expect(await alarmOf(key)).toBe(DUE)
})

const KEPT: [secondsAfterReservation: number, rows: number, alarm: number | undefined][] = [
  [DUE - 1 - NOW, 1, DUE - 1 + HOUR],
  [DUE - NOW, 0, undefined],
]
test.each(KEPT)('%i s after the reservation it keeps %i rows', async (seconds, rows, alarm) => {
  const key = newKey()
  await ledger.reserve(key, reservation())
  await runAlarm(key, NOW + seconds)
  expect(await rowsOf(key)).toBe(rows)
  expect(await alarmOf(key)).toBe(alarm)
})

test('a call that was on its way while the nonce counted finds its row', async () => {
  const key = newKey()
  await ledger.reserve(key, reservation())
  const last = NOW + RETENTION_SECONDS
  await runAlarm(key, last + PURGE_MARGIN_SECONDS)
  const late = async (reservedAt: number) => verdict(await ledger.reserve(key, reservation({ reservedAt })))
  expect([await late(last), await late(last + 1)]).toEqual(['unknown', 'reserved'])
})

const NEXT: [name: string, reservedLater: number, alarm: number][] = [
  ['a second later: an hour later', 1, DUE + HOUR],
  ['within the hour: an hour later', 10, DUE + HOUR],
  ['just past the hour: when it is free', HOUR, DUE + HOUR],
  ['long after: when it is free', 5 * HOUR, DUE + 5 * HOUR],
]
test.each(NEXT)('with the next row due %s', async (_, seconds, alarm) => {
  const key = newKey()
  await ledger.reserve(key, reservation())
  await ledger.reserve(key, reservation({ nonce: 'later', reservedAt: NOW + seconds }))
  await runAlarm(key, DUE)
  expect(await rowsOf(key)).toBe(1)
  expect(await alarmOf(key)).toBe(alarm)
})

test('an empty ledger sets none, and the next reservation sets it again', async () => {
  const key = newKey()
  await ledger.reserve(key, reservation())
  await runAlarm(key, DUE)
  expect(await alarmOf(key)).toBe(undefined)
  expect(await runDurableObjectAlarm(stubOf(key))).toBe(false)
  await ledger.reserve(key, reservation({ reservedAt: DUE }))
  expect(await alarmOf(key)).toBe(DUE + RETENTION_SECONDS + 1 + PURGE_MARGIN_SECONDS)
})

test('one run looks at one batch; reservations between runs stand', async () => {
  const key = newKey()
  await ledger.reserve(key, reservation({ nonce: 'zz-kept', reservedAt: DUE }))
  await fill(key, 2 * PURGE_BATCH_ROWS)
  const rows: (number | undefined)[][] = []
  for (const nonce of ['!before every row', '~after every row', 'row-1']) {
    await runAlarm(key, DUE)
    rows.push([await rowsOf(key), await alarmOf(key)])
    expect(verdict(await ledger.reserve(key, reservation({ nonce, reservedAt: DUE })))).toBe('reserved')
  }
  expect(rows).toEqual([
    [PURGE_BATCH_ROWS + 1, DUE],
    [2, DUE],
    [3, DUE + RETENTION_SECONDS + 1 + PURGE_MARGIN_SECONDS],
  ])
  for (const nonce of ['zz-kept', '!before every row', '~after every row', 'row-1'])
    expect(verdict(await ledger.reserve(key, reservation({ nonce, reservedAt: DUE })))).toBe('in_flight')
})

test('the walk after a finished one starts at the beginning', async () => {
  const key = newKey()
  await ledger.reserve(key, reservation({ nonce: '!', reservedAt: DUE }))
  await fill(key, PURGE_BATCH_ROWS)
  for (const at of [DUE, DUE, DUE + RETENTION_SECONDS + 1 + PURGE_MARGIN_SECONDS]) await runAlarm(key, at)
  expect(await rowsOf(key)).toBe(0)
  expect(await alarmOf(key)).toBe(undefined)
})

test('the next alarm is for the earliest row of all batches', async () => {
  const key = newKey()
  await ledger.reserve(key, reservation({ nonce: '!', reservedAt: NOW + 5 * HOUR }))
  await ledger.reserve(key, reservation({ nonce: 'zz', reservedAt: NOW + 9 * HOUR }))
  await fill(key, PURGE_BATCH_ROWS)
  for (const at of [DUE, DUE]) await runAlarm(key, at)
  expect(await rowsOf(key)).toBe(2)
  expect(await alarmOf(key)).toBe(DUE + 5 * HOUR)
})

test('reservations that come while it runs stand', async () => {
  const key = newKey()
  await fill(key, PURGE_BATCH_ROWS)
  await runInDurableObject(stubOf(key), (_, state) => state.storage.setAlarm(DUE * 1000))
  const fresh = ['!', 'row-5', 'zz'].map((nonce) => reservation({ nonce, reservedAt: DUE }))
  setClock(DUE)
  const [, ...results] = await Promise.all([
    runDurableObjectAlarm(stubOf(key)),
    ...fresh.map((copy) => ledger.reserve(key, copy)),
  ])
  expect(results.map(verdict)).toEqual(['reserved', 'reserved', 'reserved'])
  for (const { nonce } of fresh)
    expect(verdict(await ledger.reserve(key, reservation({ nonce, reservedAt: DUE })))).toBe('in_flight')
})

test('a ledger left with only rows behind the walk keeps its alarm', async () => {
  const key = newKey()
  await fill(key, PURGE_BATCH_ROWS)
  await runInDurableObject(stubOf(key), (_, state) => state.storage.setAlarm(DUE * 1000))
  await runAlarm(key, DUE)
  await ledger.reserve(key, reservation({ nonce: '!', reservedAt: DUE }))
  await runAlarm(key, DUE)
  expect(await rowsOf(key)).toBe(1)
  expect(await alarmOf(key)).toBe(DUE + HOUR)
})

test('an object evicted in the middle of a walk begins it again', async () => {
  const key = newKey()
  await ledger.reserve(key, reservation({ nonce: 'a', reservedAt: DUE }))
  await fill(key, 2 * PURGE_BATCH_ROWS)
  for (let run = 0; run < 4; run++) {
    await runAlarm(key, DUE)
    await evictDurableObject(stubOf(key))
  }
  expect(await rowsOf(key)).toBe(1)
  expect(await alarmOf(key)).toBe(DUE + RETENTION_SECONDS + 1 + PURGE_MARGIN_SECONDS)
})

test('a purge that fails is tried again an hour later', async () => {
  const key = newKey()
  await ledger.reserve(key, reservation())
  await runInDurableObject(
    stubOf(key),
    (_, state) => void state.storage.sql.exec('ALTER TABLE nonces RENAME TO lost'),
  )
  await runAlarm(key, DUE)
  expect(await alarmOf(key)).toBe(DUE + HOUR)
  await runInDurableObject(
    stubOf(key),
    (_, state) => void state.storage.sql.exec('ALTER TABLE lost RENAME TO nonces'),
  )
  await runAlarm(key, DUE + HOUR)
  expect(await rowsOf(key)).toBe(0)
  expect(await alarmOf(key)).toBe(undefined)
})

/** Only the object's alarm reads it: everything else is told the time. */
function setClock(seconds: number): void {
  vi.setSystemTime(seconds * 1000)
}

async function runAlarm(key: LedgerKey, at: number): Promise<void> {
  setClock(at)
  expect(await runDurableObjectAlarm(stubOf(key))).toBe(true)
}

/** When the alarm is set for, in Unix seconds. */
function alarmOf(key: LedgerKey): Promise<number | undefined> {
  return runInDurableObject(stubOf(key), async (_, state) => {
    const at = await state.storage.getAlarm()
    return at === null ? undefined : at / 1000
  })
}

function rowsOf(key: LedgerKey): Promise<number> {
  return runInDurableObject(
    stubOf(key),
    (_, state) => state.storage.sql.exec<{ rows: number }>('SELECT count(*) AS rows FROM nonces').one().rows,
  )
}

/** Adds rows reserved at NOW: row-1, row-2, ... */
async function fill(key: LedgerKey, rows: number): Promise<void> {
  // The first call makes the table.
  await ledger.find(key, reservation())
  await runInDurableObject(stubOf(key), (_, state) => {
    state.storage.sql.exec(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
       INSERT INTO nonces SELECT 'row-' || i, 'request', 'hash', ?, ?, 200 FROM n`,
      rows,
      NOW,
      NOW + RETENTION_SECONDS,
    )
  })
}
