/**
 * The quota: exact over any hour, counted with the reservation, and no row more than the nonces
 * themselves.
 */

import { evictDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, test } from 'vitest'
import type { LedgerKey, Reservation } from '../../src/admission/ports.ts'
import { createLedger } from '../../src/ledger/client.ts'
import { shieldLedger } from '../../src/ledger/shield.ts'
import {
  IN_FLIGHT_SECONDS,
  NOW,
  newKey,
  RETENTION_SECONDS,
  reservation,
  stubOf,
  verdict,
} from './support.worker.ts'

const HOUR = 3600

function ledgerOf(uploadsPerHour: number) {
  return createLedger(env.NONCES, {
    retentionSeconds: RETENTION_SECONDS,
    inFlightSeconds: IN_FLIGHT_SECONDS,
    uploadsPerHour,
  })
}

const three = ledgerOf(3)

/** The answer to one reservation, and what came to light with it. */
async function ask(key: LedgerKey, changes: Partial<Reservation> = {}, ledger = three) {
  const result = await ledger.reserve(key, reservation(changes))
  const retryAfter =
    result.ok || !('retry_after_seconds' in result.rejection.facts)
      ? undefined
      : result.rejection.facts.retry_after_seconds
  return {
    verdict: verdict(result),
    remaining: result.found.quota?.remaining,
    reset: result.found.quota?.resetSeconds,
    retryAfter,
  }
}

async function fill(key: LedgerKey, times: readonly number[]): Promise<void> {
  for (const [index, time] of times.entries()) await ask(key, { nonce: `n${index}`, reservedAt: NOW + time })
}

test('counts down, then refuses, and the refused nonce is free when there is room', async () => {
  const key = newKey()
  const remaining = []
  for (const nonce of ['a', 'b', 'c']) remaining.push((await ask(key, { nonce })).remaining)
  expect(remaining).toEqual([2, 1, 0])
  const late = { nonce: 'd', reservedAt: NOW + 10 }
  expect(await ask(key, late)).toEqual({
    verdict: 'rate_limited',
    remaining: 0,
    reset: HOUR - 10,
    retryAfter: HOUR - 10,
  })
  expect(await three.find(key, reservation(late))).toMatchObject({ rejection: { code: 'rate_limited' } })
  expect(await ask(key, { nonce: 'd', reservedAt: NOW + HOUR })).toMatchObject({
    verdict: 'reserved',
    remaining: 2,
  })
})

test('of 40 at once as many as there is room for', async () => {
  const key = newKey()
  const answers = await Promise.all(Array.from({ length: 40 }, (_, n) => ask(key, { nonce: `n${n}` })))
  const verdicts = answers.map((answer) => answer.verdict).toSorted()
  expect(verdicts).toEqual([...Array(37).fill('rate_limited'), ...Array(3).fill('reserved')])
})

const EDGES: [second: number, verdict: string, retryAfter: number | undefined][] = [
  [HOUR - 1, 'rate_limited', 1],
  [HOUR, 'reserved', undefined],
]
test.each(EDGES)('the hour slides: %i s after the first of three', async (second, expected, retryAfter) => {
  const key = newKey()
  await fill(key, [0, 1800, 1801])
  expect(await ask(key, { nonce: 'next', reservedAt: NOW + second })).toMatchObject({
    verdict: expected,
    retryAfter,
  })
})

test('survives eviction: the rows are the record', async () => {
  const key = newKey()
  await fill(key, [0, 1, 2])
  await evictDurableObject(stubOf(key))
  expect(await ask(key, { nonce: 'next', reservedAt: NOW + 3 })).toMatchObject({
    verdict: 'rate_limited',
    retryAfter: HOUR - 3,
  })
  await evictDurableObject(stubOf(key))
  expect(await ask(key, { nonce: 'next', reservedAt: NOW + HOUR })).toMatchObject({
    verdict: 'reserved',
    remaining: 0,
  })
})

test('a replay stays a replay beyond the quota, and a lost answer may be asked again', async () => {
  const key = newKey()
  const first = reservation({ nonce: 'n0' })
  await three.reserve(key, first)
  await fill(key, [0, 0, 0])
  expect(await ask(key, { nonce: 'n0' })).toMatchObject({ verdict: 'in_flight', remaining: 0 })
  expect(verdict(await three.reserve(key, first))).toBe('reserved')
})

test('an expired row is no way around it', async () => {
  const key = newKey()
  const later = RETENTION_SECONDS + 1
  await ask(key, { nonce: 'old' })
  await fill(key, [later, later, later])
  expect(await ask(key, { nonce: 'old', reservedAt: NOW + later })).toMatchObject({ verdict: 'rate_limited' })
})

test('a changed quota counts what was reserved under another, and under none', async () => {
  const key = newKey()
  for (const nonce of ['a', 'b', 'c', 'd'])
    await ask(key, { nonce, reservedAt: NOW + nonce.charCodeAt(0) - 97 }, ledgerOf(0))
  expect(await ask(key, { nonce: 'e', reservedAt: NOW + 4 }, ledgerOf(5))).toMatchObject({
    verdict: 'reserved',
    remaining: 0,
  })
  // Of five, three have to leave before there is room: the third is of NOW + 2.
  expect(await ask(key, { nonce: 'f', reservedAt: NOW + 10 })).toMatchObject({ retryAfter: HOUR + 2 - 10 })
  expect(await ask(key, { nonce: 'f' }, ledgerOf(0))).toEqual({ verdict: 'reserved', remaining: undefined })
})

test('challenges and hotkeys are counted apart', async () => {
  const key = newKey()
  await fill(key, [0, 0, 0])
  expect(await ask({ ...key, slug: 'prism' })).toMatchObject({ verdict: 'reserved', remaining: 2 })
  expect(await ask(newKey())).toMatchObject({ verdict: 'reserved', remaining: 2 })
})

describe('the limiter by hotkey', () => {
  /** The three-an-hour ledger behind a limiter that allows so many. */
  function shielded(allowed: number) {
    const asked: string[] = []
    const allows = async (hotkey: string) => asked.push(hotkey) <= allowed
    return { ledger: shieldLedger(three, allows, { requests: 60, seconds: 60 }), asked }
  }

  test('is asked for a new nonce only, which is free again when it refuses', async () => {
    const key = newKey()
    const { ledger, asked } = shielded(1)
    expect(await ask(key, { nonce: 'a' }, ledger)).toMatchObject({ verdict: 'reserved', remaining: 2 })
    const facts = { limit: 'hotkey', limit_requests: 60, limit_seconds: 60, retry_after_seconds: 60 }
    expect(await ledger.reserve(key, reservation({ nonce: 'b' }))).toMatchObject({
      rejection: { code: 'rate_limited', facts },
      found: { quota: { remaining: 2 } },
    })
    expect(asked).toEqual([key.hotkey, key.hotkey])
    expect(await ask(key, { nonce: 'b' })).toMatchObject({ verdict: 'reserved', remaining: 1 })
  })

  test('is not asked for replays and dry runs: copies cost their hotkey nothing', async () => {
    const key = newKey()
    const { ledger, asked } = shielded(1)
    await ask(key, { nonce: 'a' }, ledger)
    for (let copy = 0; copy < 100; copy += 1) {
      expect((await ask(key, { nonce: 'a' }, ledger)).verdict).toBe('in_flight')
      expect((await ledger.find(key, reservation({ nonce: 'new' }))).ok).toBe(true)
    }
    expect(asked).toEqual([key.hotkey])
  })
})

describe('a nonce that is given back', () => {
  test('is free and counts no more, also after an eviction', async () => {
    const key = newKey()
    const first = reservation({ nonce: 'a' })
    await fill(key, [0, 0])
    await three.reserve(key, first)
    await three.free(key, 'a', first.requestId)
    await evictDurableObject(stubOf(key))
    expect(await ask(key, { nonce: 'a' })).toMatchObject({ verdict: 'reserved', remaining: 0 })
  })

  test('only by the request that reserved it, and only while it is in flight', async () => {
    const key = newKey()
    const first = reservation({ nonce: 'a' })
    await three.reserve(key, first)
    await three.free(key, 'a', 'another request')
    expect(await ask(key, { nonce: 'a' })).toMatchObject({ verdict: 'in_flight', remaining: 2 })
    await three.settle(key, 'a', first.requestId, { outcome: 'delivered', status: 201 })
    await three.free(key, 'a', first.requestId)
    expect(await ask(key, { nonce: 'a' })).toMatchObject({ verdict: 'delivered', remaining: 2 })
  })
})
