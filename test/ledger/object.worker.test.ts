/**
 * Reserve, find and settle on a real object: one winner, a truthful account of it, and nothing
 * forgotten.
 */

import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, test } from 'vitest'
import type { LedgerKey, Reservation, Settlement } from '../../src/admission/ports.ts'
import { createLedger } from '../../src/ledger/client.ts'
import type { OriginalUpload } from '../../src/protocol/facts.ts'
import {
  IN_FLIGHT_SECONDS,
  ledger,
  NOW,
  newKey,
  RETENTION_SECONDS,
  reservation,
  stubOf,
  verdict,
} from './support.worker.ts'

const DELIVERED: Settlement = { outcome: 'delivered', status: 200 }

async function originalOf(key: LedgerKey, copy: Reservation): Promise<OriginalUpload | undefined> {
  const result = await ledger.reserve(key, copy)
  return !result.ok && result.rejection.code === 'nonce_already_used'
    ? result.rejection.facts.original
    : undefined
}

describe('one winner', () => {
  test.each([2, 40])('of %i reservations at once', async (copies) => {
    const key = newKey()
    const results = await Promise.all(
      Array.from({ length: copies }, () => ledger.reserve(key, reservation())),
    )
    const verdicts = results.map(verdict).toSorted()
    expect(verdicts).toEqual([...Array(copies - 1).fill('in_flight'), 'reserved'])
  })

  const OTHERS: [name: string, key: Partial<LedgerKey>, copy: Partial<Reservation>][] = [
    ['another nonce', {}, { nonce: 'nonce2' }],
    ['the nonce in other case', {}, { nonce: 'Nonce' }],
    ['the nonce with a blank after it', {}, { nonce: 'nonce ' }],
    ['another challenge', { slug: 'prism' }, {}],
    ['another subnet', { netuid: 101 }, {}],
    ['another hotkey', { hotkey: 'other' }, {}],
  ]
  test.each(OTHERS)('%s is not a replay', async (_, keyChanges, changes) => {
    const key = newKey()
    await ledger.reserve(key, reservation())
    const other = { ...key, ...keyChanges }
    if (keyChanges.hotkey !== undefined) other.hotkey = `${key.hotkey}-other`
    expect(verdict(await ledger.reserve(other, reservation(changes)))).toBe('reserved')
  })

  const HOSTILE = [
    'x'.repeat(256),
    `'; DROP TABLE nonces; --`,
    `"`,
    '%',
    '_',
    '?1',
    '\\',
    '{"nonce":1}',
    '0',
    '00',
    '1e3',
    ' ',
    '~',
    'NULL',
    '__proto__',
  ]
  test('hostile nonces are just names', async () => {
    const key = newKey()
    for (const nonce of HOSTILE)
      expect(verdict(await ledger.reserve(key, reservation({ nonce })))).toBe('reserved')
    for (const nonce of HOSTILE)
      expect(verdict(await ledger.reserve(key, reservation({ nonce })))).toBe('in_flight')
    expect(await runInDurableObject(stubOf(key), nonces)).toEqual(HOSTILE.toSorted())
  })
})

describe('what a replay hears', () => {
  const SETTLED: [settlement: Settlement | undefined, expected: Partial<OriginalUpload>][] = [
    [undefined, { outcome: 'in_flight' }],
    [
      { outcome: 'delivered', status: 200 },
      { outcome: 'delivered', status: 200 },
    ],
    [
      { outcome: 'delivered', status: 599 },
      { outcome: 'delivered', status: 599 },
    ],
    [
      { outcome: 'delivered', status: 100 },
      { outcome: 'delivered', status: 100 },
    ],
    [{ outcome: 'delivered', status: 0 }, { outcome: 'unknown' }],
    [{ outcome: 'not_delivered' }, { outcome: 'not_delivered' }],
    [{ outcome: 'unknown' }, { outcome: 'unknown' }],
  ]
  test.each(SETTLED)('settled as %o', async (settlement, expected) => {
    const key = newKey()
    const first = reservation()
    await ledger.reserve(key, first)
    if (settlement !== undefined) await ledger.settle(key, first.nonce, first.requestId, settlement)
    const facts = { request_id: first.requestId, reserved_at: NOW, ...expected }
    const other = reservation({ bodyHash: 'b'.repeat(64), reservedAt: NOW + 1 })
    expect(await originalOf(key, reservation({ reservedAt: NOW + 1 }))).toEqual({
      ...facts,
      body_matches: true,
    })
    expect(await originalOf(key, other)).toEqual({ ...facts, body_matches: false })
    expect(await ledger.find(key, other)).toMatchObject({
      ok: true,
      value: { ...facts, body_matches: false },
    })
  })

  test('the same request asking again is reserved, the row stays as it was', async () => {
    const key = newKey()
    const first = reservation()
    expect(verdict(await ledger.reserve(key, first))).toBe('reserved')
    expect(verdict(await ledger.reserve(key, { ...first, reservedAt: NOW + 3 }))).toBe('reserved')
    expect(await originalOf(key, reservation())).toMatchObject({
      request_id: first.requestId,
      reserved_at: NOW,
    })
  })

  test('find reserves nothing', async () => {
    const key = newKey()
    expect(await ledger.find(key, reservation())).toMatchObject({ ok: true, value: undefined })
    expect(verdict(await ledger.reserve(key, reservation()))).toBe('reserved')
  })
})

describe('settle', () => {
  const VOID: [name: string, nonce: string, requestId: string | undefined][] = [
    ['by a stranger', 'nonce', 'stranger'],
    ['of a nonce that is not reserved', 'other', undefined],
  ]
  test.each(VOID)('%s changes nothing', async (_, nonce, requestId) => {
    const key = newKey()
    const first = reservation()
    await ledger.reserve(key, first)
    await ledger.settle(key, nonce, requestId ?? first.requestId, DELIVERED)
    expect(verdict(await ledger.reserve(key, reservation()))).toBe('in_flight')
    expect(await runInDurableObject(stubOf(key), nonces)).toEqual(['nonce'])
  })

  test('twice keeps the first', async () => {
    const key = newKey()
    const first = reservation()
    await ledger.reserve(key, first)
    await ledger.settle(key, first.nonce, first.requestId, { outcome: 'not_delivered' })
    await ledger.settle(key, first.nonce, first.requestId, DELIVERED)
    expect(verdict(await ledger.reserve(key, reservation()))).toBe('not_delivered')
  })

  test('after its row was taken over changes nothing', async () => {
    const key = newKey()
    const first = reservation()
    await ledger.reserve(key, first)
    await ledger.reserve(key, reservation({ reservedAt: NOW + RETENTION_SECONDS + 1 }))
    await ledger.settle(key, first.nonce, first.requestId, DELIVERED)
    const later = reservation({ reservedAt: NOW + RETENTION_SECONDS + 2 })
    expect(verdict(await ledger.reserve(key, later))).toBe('in_flight')
  })
})

describe('time', () => {
  const RETAINED: [seconds: number, reserve: string, found: boolean][] = [
    [RETENTION_SECONDS - 1, 'delivered', true],
    [RETENTION_SECONDS, 'delivered', true],
    [RETENTION_SECONDS + 1, 'reserved', false],
  ]
  test.each(RETAINED)('%i s after its reservation: %s', async (seconds, expected, found) => {
    const key = newKey()
    const first = reservation()
    await ledger.reserve(key, first)
    await ledger.settle(key, first.nonce, first.requestId, DELIVERED)
    const later = reservation({ reservedAt: NOW + seconds })
    const original = await ledger.find(key, later)
    expect(original.ok && original.value !== undefined).toBe(found)
    expect(verdict(await ledger.reserve(key, later))).toBe(expected)
  })

  test('of forty that find an expired row, one takes it over', async () => {
    const key = newKey()
    const first = reservation()
    await ledger.reserve(key, first)
    await ledger.settle(key, first.nonce, first.requestId, DELIVERED)
    const copies = Array.from({ length: 40 }, () => reservation({ reservedAt: NOW + RETENTION_SECONDS + 1 }))
    const verdicts = (await Promise.all(copies.map((copy) => ledger.reserve(key, copy)))).map(verdict)
    expect(verdicts.filter((one) => one === 'reserved')).toHaveLength(1)
    const winner = copies[verdicts.indexOf('reserved')]
    const facts = { request_id: winner?.requestId, reserved_at: winner?.reservedAt, outcome: 'in_flight' }
    expect(await originalOf(key, reservation({ reservedAt: NOW + RETENTION_SECONDS + 1 }))).toMatchObject(
      facts,
    )
  })

  const AGES: [seconds: number, outcome: string][] = [
    [IN_FLIGHT_SECONDS, 'in_flight'],
    [IN_FLIGHT_SECONDS + 1, 'unknown'],
  ]
  test.each(AGES)('in flight for %i s is reported as %s', async (seconds, outcome) => {
    const key = newKey()
    const first = reservation()
    await ledger.reserve(key, first)
    const later = reservation({ reservedAt: NOW + seconds })
    expect(await ledger.find(key, later)).toMatchObject({ value: { outcome } })
    expect(verdict(await ledger.reserve(key, later))).toBe(outcome)
    await ledger.settle(key, first.nonce, first.requestId, DELIVERED)
    expect(verdict(await ledger.reserve(key, later))).toBe('delivered')
  })

  const CHANGED: [name: string, retentionSeconds: number][] = [
    ['a shorter', 600],
    ['a longer', 10 * RETENTION_SECONDS],
  ]
  test.each(CHANGED)('%s retention holds for the reservations made under it', async (_, retentionSeconds) => {
    const key = newKey()
    const changed = createLedger(env.NONCES, { retentionSeconds, inFlightSeconds: IN_FLIGHT_SECONDS })
    await ledger.reserve(key, reservation({ nonce: 'before' }))
    await changed.reserve(key, reservation({ nonce: 'after' }))
    const ask = async (nonce: string, seconds: number) =>
      await changed.find(key, reservation({ nonce, reservedAt: NOW + seconds }))
    expect(await ask('before', RETENTION_SECONDS)).toMatchObject({ value: { outcome: 'unknown' } })
    expect(await ask('before', RETENTION_SECONDS + 1)).toMatchObject({ ok: true, value: undefined })
    expect(await ask('after', retentionSeconds)).toMatchObject({ value: { outcome: 'unknown' } })
    expect(await ask('after', retentionSeconds + 1)).toMatchObject({ ok: true, value: undefined })
  })
})

describe('an object that goes away', () => {
  test('between a reservation and its replay', async () => {
    const key = newKey()
    const first = reservation()
    await ledger.reserve(key, first)
    await evictDurableObject(stubOf(key))
    expect(await originalOf(key, reservation())).toMatchObject({
      request_id: first.requestId,
      outcome: 'in_flight',
    })
  })

  test('between a reservation and its settlement', async () => {
    const key = newKey()
    const first = reservation()
    await ledger.reserve(key, first)
    await evictDurableObject(stubOf(key))
    await ledger.settle(key, first.nonce, first.requestId, DELIVERED)
    await evictDurableObject(stubOf(key))
    expect(await originalOf(key, reservation())).toMatchObject({ outcome: 'delivered', status: 200 })
  })

  test('after the write and before the answer: its request asks again, all others are replays', async () => {
    const key = newKey()
    const first = reservation()
    const call = { ...first, retentionSeconds: RETENTION_SECONDS, inFlightSeconds: IN_FLIGHT_SECONDS }
    const lost = runInDurableObject(stubOf(key), async (object, state) => {
      await object.reserve(call)
      await state.storage.sync()
      state.abort('lost')
    })
    await expect(lost).rejects.toThrow('lost')
    expect(await originalOf(key, reservation())).toMatchObject({ request_id: first.requestId })
    expect(verdict(await ledger.reserve(key, first))).toBe('reserved')
  })
})

function nonces(_: unknown, state: DurableObjectState): string[] {
  const rows = state.storage.sql.exec<{ nonce: string }>('SELECT nonce FROM nonces ORDER BY nonce').toArray()
  return rows.map((row) => row.nonce)
}
