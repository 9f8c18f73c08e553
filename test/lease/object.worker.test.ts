/** The Durable Object itself, on real SQLite. */

import { evictDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, test } from 'vitest'
import { createDurableLease, type LeaseNamespace } from '../../src/lease/client.ts'
import type { MetagraphLease } from '../../src/lease/object.ts'
import { LOOKUPS_PER_CLIENT, LOOKUPS_PER_MINUTE } from '../../src/lease/rules.ts'

const NOW = 1_800_000_000
const TERMS = { sinceClaimSeconds: 60, sinceSuccessSeconds: 0 }

const namespace: DurableObjectNamespace<MetagraphLease> = env.LEASE
const leases: LeaseNamespace = namespace

test('of forty isolates at once one refreshes', async () => {
  const claims = await Promise.all(
    Array.from({ length: 40 }, () => createDurableLease(leases, '1').claimRefresh(NOW, TERMS)),
  )
  expect(claims.filter((claim) => claim.granted).length).toBe(1)
})

test('forty lookups at once stay within the budget', async () => {
  const claims = await Promise.all(
    Array.from({ length: 40 }, () => createDurableLease(leases, '2').claimLookup(NOW, '')),
  )
  expect(claims.filter((claim) => claim.granted).length).toBe(LOOKUPS_PER_MINUTE)
})

test('one client of many keys leaves the others their share', async () => {
  const lease = createDurableLease(leases, '6')
  const claims = await Promise.all(Array.from({ length: 40 }, () => lease.claimLookup(NOW, '2001:db8:0:1')))
  expect(claims.filter((claim) => claim.granted).length).toBe(LOOKUPS_PER_CLIENT)
  expect(await lease.claimLookup(NOW, '203.0.113.5')).toMatchObject({ granted: true })
  expect(await lease.claimLookup(NOW + 60, '2001:db8:0:1')).toMatchObject({ granted: true })
})

test('subnets do not wait for each other', async () => {
  expect((await createDurableLease(leases, '3').claimRefresh(NOW, TERMS)).granted).toBe(true)
  expect((await createDurableLease(leases, '4').claimRefresh(NOW, TERMS)).granted).toBe(true)
})

describe('eviction', () => {
  test('claims and cool-downs outlive the object in memory', async () => {
    const lease = createDurableLease(leases, '5')
    await lease.claimRefresh(NOW, TERMS)
    await lease.report(NOW, { coolDowns: { 'node.example': NOW + 100 } })
    await evictDurableObject(namespace.getByName('5'))
    expect(await lease.claimRefresh(NOW + 59, TERMS)).toEqual({
      granted: false,
      retryAfterSeconds: 1,
      contradicting: [],
    })
    expect(await lease.claimRefresh(NOW + 60, TERMS)).toEqual({
      granted: true,
      coolDowns: { 'node.example': NOW + 100 },
    })
  })
})
