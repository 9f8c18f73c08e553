import { describe, expect, test } from 'vitest'
import { encodeSs58 } from '../../src/crypto/ss58.ts'
import { LOOKUPS_PER_CLIENT, LOOKUPS_PER_MINUTE } from '../../src/lease/rules.ts'
import type { LookupOutcome } from '../../src/metagraph/fresh-registrations.ts'
import { createMetagraph } from '../../src/metagraph/kv-metagraph.ts'
import { uidOf, ZERO_HOTKEY } from '../../src/protocol/metagraph.ts'
import { DEV_GENESIS_HASH } from '../../tools/dev/chain-state.ts'
import {
  account,
  accounts,
  chainAt,
  honest,
  memoryLease,
  NETUID,
  NOW,
  type Node,
  network,
  tampered,
} from '../support/chain-fetch.ts'

const NEWCOMER = encodeSs58(account(77))

/** A subnet of five, its clock, and as many isolates as needed over one lease and one KV. */
function createWorld(nodes?: (chain: ReturnType<typeof chainAt>) => Record<string, Node>) {
  const world = { now: NOW }
  const chain = chainAt(() => world.now, accounts(5))
  const net = network(nodes?.(chain) ?? { 'a.example': honest(chain) })
  const stored = new Map<string, string>()
  const lookups: LookupOutcome[] = []
  const lease = memoryLease()
  const isolate = () =>
    createMetagraph({
      ...net,
      kv: {
        get: async (key) => stored.get(key) ?? null,
        put: async (key, value) => void stored.set(key, value),
      },
      lease,
      netuid: NETUID,
      genesisHash: DEV_GENESIS_HASH,
      maxAgeSeconds: 1200,
      cronPeriodSeconds: 300,
      onRefresh: () => {},
      onLookup: (outcome) => lookups.push(outcome),
    })
  return { world, chain, net, lookups, isolate, lease }
}

test('a newcomer is found at the best head, once; the next snapshot takes over', async () => {
  const { world, chain, net, isolate, lookups } = createWorld()
  const metagraph = isolate()
  await metagraph.refresh(NOW)
  const { uid, block } = chain.register(account(77))
  world.now = block * 12

  expect(metagraph.recall(NEWCOMER, world.now)).toBeUndefined()
  expect(await metagraph.lookup(NEWCOMER, world.now)).toEqual({ uid, block })
  const asked = net.calls.length
  expect(await metagraph.lookup(NEWCOMER, world.now + 1)).toEqual({ uid, block })
  expect(metagraph.recall(NEWCOMER, world.now + 1)).toEqual({ uid, block })
  expect(net.calls.length).toBe(asked)
  expect(lookups).toEqual([{ outcome: 'found', uid, faults: [] }])

  world.now += 61
  expect(await metagraph.refreshIfOverdue(world.now)).toMatchObject({ trigger: 'overdue', outcome: 'stored' })
  const current = await metagraph.current(world.now)
  expect(current === undefined ? undefined : uidOf(current, NEWCOMER)).toBe(uid)
  expect(metagraph.recall(NEWCOMER, world.now)).toBeUndefined()
  expect(metagraph.refreshIfOverdue(world.now + 61)).toBeUndefined()
})

test('a refresh that is too early for the newcomer is followed by another', async () => {
  const { world, chain, isolate } = createWorld()
  const metagraph = isolate()
  await metagraph.refresh(NOW)
  const { block } = chain.register(account(77))
  world.now = block * 12
  await metagraph.lookup(NEWCOMER, world.now)
  expect(await metagraph.refreshIfOverdue(NOW + 60)).toMatchObject({ outcome: 'unchanged' })
  expect(metagraph.refreshIfOverdue(NOW + 119)).toBeUndefined()
  world.now = NOW + 120
  expect(await metagraph.refreshIfOverdue(NOW + 120)).toMatchObject({ outcome: 'stored' })
})

test('a stranger is looked up once a minute, and meanwhile told when the chain is asked again', async () => {
  const { net, isolate } = createWorld()
  const metagraph = isolate()
  await metagraph.refresh(NOW)
  const before = net.calls.length
  expect(await metagraph.lookup(NEWCOMER, NOW)).toBe('unregistered')
  expect(await metagraph.lookup(NEWCOMER, NOW)).toEqual({ retryAfterSeconds: 60 })
  expect(await metagraph.lookup(NEWCOMER, NOW + 59)).toEqual({ retryAfterSeconds: 1 })
  expect(net.calls.length).toBe(before + 1)
  expect(await metagraph.lookup(NEWCOMER, NOW + 60)).toBe('unregistered')
  expect(net.calls.length).toBe(before + 2)
})

test('a hotkey that registers after it was not found is never called unknown for good', async () => {
  const { world, chain, isolate } = createWorld()
  const metagraph = isolate()
  await metagraph.refresh(NOW)
  expect(await metagraph.lookup(NEWCOMER, NOW)).toBe('unregistered')
  const { uid, block } = chain.register(account(77))
  world.now = block * 12
  const answer = await metagraph.lookup(NEWCOMER, world.now)
  expect(answer).toEqual({ retryAfterSeconds: NOW + 60 - world.now })
  world.now = NOW + 60
  expect(await metagraph.lookup(NEWCOMER, world.now)).toMatchObject({ uid })
})

test('copies of one upload at once ask once', async () => {
  const { net, isolate } = createWorld()
  const metagraph = isolate()
  const answers = await Promise.all(Array.from({ length: 40 }, () => metagraph.lookup(NEWCOMER, NOW)))
  expect(net.calls.length).toBe(1)
  expect(answers.filter((answer) => answer === 'unregistered').length).toBe(1)
  expect(answers[39]).toEqual({ retryAfterSeconds: 5 })
})

test('over the budget it says when to come back, in every isolate', async () => {
  const { net, isolate } = createWorld()
  const [one, other] = [isolate(), isolate()]
  for (let spent = 0; spent < LOOKUPS_PER_MINUTE; spent += 1) {
    expect(await one.lookup(encodeSs58(account(1000 + spent)), NOW)).toBe('unregistered')
  }
  const left = 60 - (NOW % 60)
  expect(await one.lookup(NEWCOMER, NOW)).toEqual({ retryAfterSeconds: left })
  expect(await other.lookup(NEWCOMER, NOW)).toEqual({ retryAfterSeconds: left })
  expect(net.calls.length).toBe(LOOKUPS_PER_MINUTE)
  expect(await other.lookup(NEWCOMER, NOW + left)).toBe('unregistered')
})

test('an isolate that knows the budget is spent does not ask the lease again', async () => {
  const { isolate, lease } = createWorld()
  let claims = 0
  lease.claimLookup = async () => {
    claims += 1
    return { granted: false, retryAfterSeconds: 20, spentBy: 'subnet' }
  }
  const metagraph = isolate()
  await metagraph.lookup(encodeSs58(account(1)), NOW)
  expect(await metagraph.lookup(encodeSs58(account(2)), NOW + 5)).toEqual({ retryAfterSeconds: 15 })
  expect(claims).toBe(1)
})

describe('endpoints', () => {
  test('the next one answers when the first cannot', async () => {
    const refusing: Node = () => new Response('Too many requests', { status: 429 })
    const { net, isolate, lease } = createWorld((chain) => ({
      'a.example': refusing,
      'b.example': honest(chain),
    }))
    const metagraph = isolate()
    expect(await metagraph.lookup(NEWCOMER, NOW)).toBe('unregistered')
    expect(net.calls).toEqual(['a.example state_queryStorageAt', 'b.example state_queryStorageAt'])
    expect(lease.state.coolDowns).toEqual({ 'a.example': NOW + 60 })
  })

  test('when none can, the hotkey is neither in nor out', async () => {
    const failing = createWorld(() => ({ 'a.example': () => new Response('', { status: 502 }) }))
    const metagraph = failing.isolate()
    expect(await metagraph.lookup(NEWCOMER, NOW)).toEqual({ retryAfterSeconds: 30 })
    expect(await metagraph.lookup(NEWCOMER, NOW + 10)).toEqual({ retryAfterSeconds: 20 })
    expect(failing.lookups).toEqual([
      { outcome: 'failed', uid: undefined, faults: [{ endpoint: 'a.example', reason: 'http_error' }] },
    ])
  })

  test('without endpoints the hotkey is neither in nor out', async () => {
    const { isolate, lookups } = createWorld(() => ({}))
    expect(await isolate().lookup(NEWCOMER, NOW)).toEqual({ retryAfterSeconds: 60 })
    expect(lookups).toEqual([])
  })

  test.each([
    ['0x0010', 'uid_count_out_of_range'],
    ['0x05', 'wrong_length'],
    ['0x050000', 'wrong_length'],
  ])('a uid of %s: %s', async (value, reason) => {
    const { isolate, lookups } = createWorld((chain) => ({
      'a.example': tampered(chain, (_, result) => {
        const text = JSON.stringify(result)
        return JSON.parse(text.replace(/null/, `"${value}"`))
      }),
    }))
    await isolate().lookup(NEWCOMER, NOW)
    expect(lookups[0]?.faults).toEqual([{ endpoint: 'a.example', reason }])
  })
})

test.each([
  ['the zero account', ZERO_HOTKEY],
  ['another prefix', encodeSs58(account(1), 0)],
  ['no address', 'hotkey'],
  ['nothing', ''],
])('%s is not asked about', async (_, hotkey) => {
  const { net, isolate } = createWorld()
  expect(await isolate().lookup(hotkey, NOW)).toBe('unregistered')
  expect(net.calls).toEqual([])
})

test('one client of many keys leaves other clients their lookups', async () => {
  const { net, isolate } = createWorld()
  const metagraph = isolate()
  const strangers = Array.from({ length: 40 }, (_, index) => encodeSs58(account(1000 + index)))
  for (const stranger of strangers) await metagraph.lookup(stranger, NOW, '203.0.113.5')
  expect(net.calls.length).toBe(LOOKUPS_PER_CLIENT)
  const left = 60 - (NOW % 60)
  expect(await metagraph.lookup(NEWCOMER, NOW, '203.0.113.5')).toEqual({ retryAfterSeconds: left })
  expect(await metagraph.lookup(NEWCOMER, NOW, '198.51.100.7')).toBe('unregistered')
})
