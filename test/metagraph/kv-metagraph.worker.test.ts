/** What an upload sees of the metagraph, and who asks the chain when; on real KV. */

import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, test } from 'vitest'
import { createMetagraph, type RefreshOutcome } from '../../src/metagraph/kv-metagraph.ts'
import { DEV_GENESIS_HASH } from '../../tools/dev/chain-state.ts'
import {
  accounts,
  chainAt,
  honest,
  memoryLease,
  NETUID,
  NOW,
  type Node,
  network,
} from '../support/chain-fetch.ts'

const KEY = `metagraph:${NETUID}`
const REFUSING: Node = () => new Response('Too many requests', { status: 429 })

beforeEach(() => env.CACHE.delete(KEY))

/** One subnet, one lease, real KV, and isolates. */
function createWorld(members = 5) {
  const world = { now: NOW }
  const chain = chainAt(() => world.now, accounts(members))
  const nodes: Record<string, Node> = { 'a.example': honest(chain) }
  const net = network(nodes)
  const lease = memoryLease()
  const logged: RefreshOutcome[] = []
  const isolate = () =>
    createMetagraph({
      ...net,
      kv: env.CACHE,
      lease,
      netuid: NETUID,
      genesisHash: DEV_GENESIS_HASH,
      maxAgeSeconds: 1200,
      cronPeriodSeconds: 300,
      onRefresh: (outcome) => logged.push(outcome),
      onLookup: () => {},
    })
  return { world, chain, nodes, net, lease, logged, isolate }
}

describe('current', () => {
  test('a fresh snapshot out of KV, without asking the chain', async () => {
    const { isolate, net } = createWorld()
    await isolate().refresh(NOW)
    const asked = net.calls.length
    expect((await isolate().current(NOW))?.hotkeys.length).toBe(5)
    expect(net.calls.length).toBe(asked)
  })

  test('one as old as allowed is used; one second older it is not', async () => {
    const { isolate, nodes } = createWorld()
    const metagraph = isolate()
    const { block = 0 } = await metagraph.refresh(NOW)
    nodes['a.example'] = REFUSING
    expect((await metagraph.current(block * 12 + 1200))?.block).toBe(block)
    expect(await metagraph.current(block * 12 + 1201)).toBeUndefined()
  })

  test.each([
    ['missing', null],
    ['malformed', '{"netuid":100'],
    ['of an older shape', '{"netuid":100,"hotkeys":[]}'],
  ])('%s in KV: the chain is asked', async (_, value) => {
    const { isolate, logged } = createWorld()
    if (value !== null) await env.CACHE.put(KEY, value)
    expect((await isolate().current(NOW))?.hotkeys.length).toBe(5)
    expect(logged).toEqual([expect.objectContaining({ trigger: 'inline', outcome: 'stored' })])
  })

  test('one too old: the chain is asked', async () => {
    const { isolate, world } = createWorld()
    await isolate().refresh(NOW)
    world.now = NOW + 3600
    expect((await isolate().current(world.now))?.blockTime).toBeGreaterThan(NOW + 3500)
  })

  test('forty at once ask the chain once and are all served', async () => {
    const { isolate, net } = createWorld()
    const metagraph = isolate()
    const served = await Promise.all(Array.from({ length: 40 }, () => metagraph.current(NOW)))
    expect(served.every((current) => current?.hotkeys.length === 5)).toBe(true)
    expect(net.calls).toEqual(['a.example chain_getFinalizedHead', 'a.example state_queryStorageAt'])
  })

  test('after a vain attempt the chain is left alone for ten seconds, by all isolates', async () => {
    const { isolate, nodes, net } = createWorld()
    nodes['a.example'] = () => new Response('', { status: 500 })
    const [one, other] = [isolate(), isolate()]
    expect(await one.current(NOW)).toBeUndefined()
    expect(await one.current(NOW + 9)).toBeUndefined()
    expect(await other.current(NOW + 9)).toBeUndefined()
    expect(net.calls.length).toBe(1)
    await one.current(NOW + 10)
    expect(net.calls.length).toBe(2)
  })
})

describe('refresh', () => {
  test('two at once do no harm', async () => {
    const { isolate } = createWorld()
    const outcomes = await Promise.all([isolate().refresh(NOW), isolate().refresh(NOW)])
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(['stored', 'stored'])
    expect((await isolate().current(NOW))?.hotkeys.length).toBe(5)
  })

  test('the endpoint that served is remembered', async () => {
    const { isolate, nodes, net, chain } = createWorld()
    nodes['a.example'] = REFUSING
    nodes['b.example'] = honest(chain)
    const endpoints = [...net.endpoints, { url: new URL('https://b.example/secret-key') }]
    const metagraph = createMetagraph({
      ...net,
      endpoints,
      kv: env.CACHE,
      lease: memoryLease(),
      netuid: NETUID,
      genesisHash: DEV_GENESIS_HASH,
      maxAgeSeconds: 1200,
      cronPeriodSeconds: 300,
      onRefresh: () => {},
      onLookup: () => {},
    })
    expect(await metagraph.refresh(NOW)).toEqual({
      trigger: 'cron',
      outcome: 'stored',
      reason: 'first_snapshot',
      endpoint: 'b.example',
      block: 149_999_997,
      faults: [{ endpoint: 'a.example', reason: 'rate_limited' }],
    })
    expect((await isolate().current(NOW))?.endpoint).toBe('b.example')
  })

  test('a large subnet takes three calls at first, two from then on', async () => {
    const { isolate, net, world } = createWorld(300)
    await isolate().refresh(NOW)
    expect(net.calls.length).toBe(3)
    world.now += 300
    await isolate().refresh(NOW + 300)
    expect(net.calls.length).toBe(5)
  })

  test('a day of unchanged refreshes costs KV one write in ten minutes', async () => {
    const { isolate, world, logged } = createWorld()
    const metagraph = isolate()
    for (; world.now < NOW + 86_400; world.now += 300) await metagraph.refresh(world.now)
    expect(logged.filter(({ outcome }) => outcome === 'stored').length).toBe(144)
    expect(logged.filter(({ outcome }) => outcome === 'unchanged').length).toBe(144)
  }, 60_000)
})

describe('refreshIfOverdue', () => {
  const overdueAt = NOW + 600

  test('not while the snapshot is younger than two cron periods', async () => {
    const { isolate } = createWorld()
    const metagraph = isolate()
    expect(metagraph.refreshIfOverdue(NOW)).toBeUndefined()
    const { block = 0 } = await metagraph.refresh(NOW)
    expect(metagraph.refreshIfOverdue(block * 12 + 600)).toBeUndefined()
    expect(metagraph.refreshIfOverdue(block * 12 + 601)).toBeDefined()
  })

  test('one per isolate in a minute', async () => {
    const { isolate, nodes, net } = createWorld()
    const metagraph = isolate()
    await metagraph.refresh(NOW)
    nodes['a.example'] = () => new Response('', { status: 500 })
    expect(await metagraph.refreshIfOverdue(overdueAt)).toMatchObject({
      outcome: 'kept',
      reason: 'http_error',
    })
    expect(metagraph.refreshIfOverdue(overdueAt + 59)).toBeUndefined()
    const asked = net.calls.length
    await metagraph.refreshIfOverdue(overdueAt + 60)
    expect(net.calls.length).toBe(asked + 1)
  })

  test('one in the whole subnet, and the others keep what they have', async () => {
    const { isolate, world, net, logged } = createWorld()
    await isolate().refresh(NOW)
    const isolates = Array.from({ length: 10 }, isolate)
    for (const each of isolates) await each.current(NOW)
    const asked = net.calls.length
    world.now = overdueAt
    const outcomes = await Promise.all(isolates.map((each) => each.refreshIfOverdue(overdueAt)))
    expect(outcomes.filter((outcome) => outcome?.reason === 'not_our_turn').length).toBe(9)
    expect(net.calls.length).toBe(asked + 2)
    expect(logged.length).toBe(2)
    for (const each of isolates) expect((await each.current(overdueAt))?.hotkeys.length).toBe(5)
  })

  test('not when the cron confirmed the snapshot without writing it', async () => {
    const { isolate, world, net } = createWorld()
    const reader = isolate()
    await isolate().refresh(NOW)
    await reader.current(NOW)
    world.now = NOW + 400
    await isolate().refresh(NOW + 400)
    const asked = net.calls.length
    expect(await reader.refreshIfOverdue(overdueAt)).toMatchObject({ reason: 'not_our_turn' })
    expect(net.calls.length).toBe(asked)
  })
})
