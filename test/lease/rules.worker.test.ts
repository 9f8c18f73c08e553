/** The rules, and the careful answers when the object behind them fails. */

import { describe, expect, test } from 'vitest'
import { createDurableLease, type LeaseStub } from '../../src/lease/client.ts'
import {
  applyReport,
  claimLookup,
  claimRefresh,
  LOOKUPS_PER_CLIENT,
  LOOKUPS_PER_MINUTE,
  NEW_LEASE,
} from '../../src/lease/rules.ts'

const NOW = 1_800_000_000
const TERMS = { sinceClaimSeconds: 60, sinceSuccessSeconds: 300 }
const DENIED = { granted: false, retryAfterSeconds: 1, contradicting: [] }
const GRANTED = { granted: true, coolDowns: {} }

describe('claimRefresh', () => {
  const ROWS: [name: string, claimedAt: number, refreshedAt: number, claim: object][] = [
    ['never before', 0, 0, GRANTED],
    ['one began 59 s ago', NOW - 59, 0, DENIED],
    ['one began 60 s ago', NOW - 60, 0, GRANTED],
    ['one succeeded 299 s ago', NOW - 299, NOW - 299, DENIED],
    ['one succeeded 300 s ago', NOW - 300, NOW - 300, GRANTED],
    ['the clock was set back', NOW + 1, NOW + 1, GRANTED],
  ]
  test.each(ROWS)('%s', (_, claimedAt, refreshedAt, expected) => {
    const [state, claim] = claimRefresh({ ...NEW_LEASE, claimedAt, refreshedAt }, NOW, TERMS)
    expect(claim).toEqual(expected)
    expect(state.claimedAt).toBe(claim.granted ? NOW : claimedAt)
  })

  test('hands out the cool-downs', () => {
    const [, claim] = claimRefresh({ ...NEW_LEASE, coolDowns: { a: NOW + 5 } }, NOW, TERMS)
    expect(claim).toEqual({ granted: true, coolDowns: { a: NOW + 5 } })
  })
})

describe('claimLookup', () => {
  test('a budget per minute, then when to come back', () => {
    let state = NEW_LEASE
    for (let spent = 0; spent < LOOKUPS_PER_MINUTE; spent += 1) {
      const [next, claim] = claimLookup(state, NOW + 13, 0)
      expect(claim).toEqual(GRANTED)
      state = next
    }
    expect(claimLookup(state, NOW + 13, 0)[1]).toEqual({
      granted: false,
      retryAfterSeconds: 47,
      spentBy: 'subnet',
    })
    expect(claimLookup(state, NOW + 59, 0)[1]).toMatchObject({ retryAfterSeconds: 1 })
    expect(claimLookup(state, NOW + 60, 0)[1]).toEqual(GRANTED)
  })
})

test('a client that spent its share leaves the rest to others', () => {
  const [left, granted] = claimLookup(NEW_LEASE, NOW, LOOKUPS_PER_CLIENT - 1)
  expect(granted).toEqual(GRANTED)
  const [same, denied] = claimLookup(left, NOW, LOOKUPS_PER_CLIENT)
  expect(denied).toMatchObject({ granted: false, spentBy: 'client' })
  expect(same).toBe(left)
})

describe('applyReport', () => {
  const reportOf = (succeeded: boolean, contradicting: string[] = []) => ({
    coolDowns: {},
    refresh: { succeeded, contradicting },
  })

  test('endpoints that contradict each other are named until a refresh finds otherwise', () => {
    const contradicting = ['a.example', 'b.example']
    const found = applyReport({ ...NEW_LEASE, claimedAt: NOW }, NOW, reportOf(false, contradicting))
    const afterLookup = applyReport(found, NOW, { coolDowns: {} })
    expect(claimRefresh(afterLookup, NOW + 1, TERMS)[1]).toMatchObject({ granted: false, contradicting })
    expect(applyReport(afterLookup, NOW + 2, reportOf(true)).contradicting).toEqual([])
  })

  test('a success is remembered, a failure leaves the last one', () => {
    const succeeded = applyReport(NEW_LEASE, NOW, reportOf(true))
    expect(succeeded.refreshedAt).toBe(NOW)
    expect(applyReport(succeeded, NOW + 9, reportOf(false)).refreshedAt).toBe(NOW)
  })

  test('cool-downs join those of others and end', () => {
    const before = { ...NEW_LEASE, coolDowns: { a: NOW + 100, b: NOW } }
    const after = applyReport(before, NOW, { coolDowns: { c: NOW + 60 } })
    expect(after.coolDowns).toEqual({ a: NOW + 100, c: NOW + 60 })
  })
})

test('when the object fails, refreshes are granted and lookups are not', async () => {
  const fail = async () => {
    throw new Error('Network connection lost.')
  }
  const stub: LeaseStub = { claimRefresh: fail, claimLookup: fail, report: fail }
  const lease = createDurableLease({ getByName: () => stub }, '100')
  expect(await lease.claimRefresh(NOW, TERMS)).toEqual(GRANTED)
  expect(await lease.claimLookup(NOW, '')).toEqual({
    granted: false,
    retryAfterSeconds: 60,
    spentBy: 'subnet',
  })
  await lease.report(NOW, { coolDowns: {} })
})
