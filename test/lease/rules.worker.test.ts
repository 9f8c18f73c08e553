/** The rules, and the careful answers when the object behind them fails. */

import { describe, expect, test } from 'vitest'
import { createDurableLease, type LeaseStub } from '../../src/lease/client.ts'
import {
  applyReport,
  claimLookup,
  claimRefresh,
  LOOKUPS_PER_MINUTE,
  NEW_LEASE,
} from '../../src/lease/rules.ts'

const NOW = 1_800_000_000
const TERMS = { sinceClaimSeconds: 60, sinceSuccessSeconds: 300 }
const GRANTED = { granted: true, coolDowns: {} }

describe('claimRefresh', () => {
  const ROWS: [name: string, claimedAt: number, refreshedAt: number, claim: object][] = [
    ['never before', 0, 0, GRANTED],
    ['one began 59 s ago', NOW - 59, 0, { granted: false, retryAfterSeconds: 1 }],
    ['one began 60 s ago', NOW - 60, 0, GRANTED],
    ['one succeeded 299 s ago', NOW - 299, NOW - 299, { granted: false, retryAfterSeconds: 1 }],
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
      const [next, claim] = claimLookup(state, NOW + 13)
      expect(claim).toEqual(GRANTED)
      state = next
    }
    expect(claimLookup(state, NOW + 13)[1]).toEqual({ granted: false, retryAfterSeconds: 47 })
    expect(claimLookup(state, NOW + 59)[1]).toEqual({ granted: false, retryAfterSeconds: 1 })
    expect(claimLookup(state, NOW + 60)[1]).toEqual(GRANTED)
  })
})

describe('applyReport', () => {
  test('a success is remembered, a failure leaves the last one', () => {
    const succeeded = applyReport(NEW_LEASE, NOW, { succeeded: true, coolDowns: {} })
    expect(succeeded.refreshedAt).toBe(NOW)
    expect(applyReport(succeeded, NOW + 9, { succeeded: false, coolDowns: {} }).refreshedAt).toBe(NOW)
  })

  test('cool-downs join those of others and end', () => {
    const before = { ...NEW_LEASE, coolDowns: { a: NOW + 100, b: NOW } }
    const after = applyReport(before, NOW, { succeeded: false, coolDowns: { c: NOW + 60 } })
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
  expect(await lease.claimLookup(NOW)).toEqual({ granted: false, retryAfterSeconds: 60 })
  await lease.report(NOW, { succeeded: true, coolDowns: {} })
})
