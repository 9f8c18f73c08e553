/**
 * One lie must not lock everybody out: a first snapshot needs a second endpoint's word, and one
 * that is too old binds no successor.
 */

import { describe, expect, test } from 'vitest'
import { createMetagraph, type RefreshOutcome } from '../../src/metagraph/kv-metagraph.ts'
import { readChain } from '../../src/metagraph/reader.ts'
import { accountKey, BLOCK_NUMBER } from '../../src/metagraph/storage-keys.ts'
import { createChain, DEV_GENESIS_HASH, type DevChain } from '../../tools/dev/chain-state.ts'
import {
  accounts,
  honest,
  memoryLease,
  NETUID,
  NOW,
  type Node,
  network,
  tampered,
} from '../support/chain-fetch.ts'

const MEMBERS = 5
const MAX_AGE = 1200
const NO_CONFIRMATION = { loss: false, back: false }
const LIE = 0xfffffff0

/**
 * One KV, one lease, a clock, and endpoints `{name}.example` in order; isolates as many as wanted.
 */
function createWorld() {
  const world = { now: NOW }
  const chainOf = (options: Partial<Parameters<typeof createChain>[0]> = {}) =>
    createChain({ netuid: NETUID, members: accounts(MEMBERS), now: () => world.now, ...options })
  const chain = chainOf()
  const stored = new Map<string, string>()
  const lease = memoryLease()
  const logged: RefreshOutcome[] = []
  function isolate(nodes: Record<string, Node>) {
    const net = network(nodes)
    const metagraph = createMetagraph({
      ...net,
      kv: {
        get: async (key) => stored.get(key) ?? null,
        put: async (key, value) => void stored.set(key, value),
      },
      lease,
      netuid: NETUID,
      genesisHash: DEV_GENESIS_HASH,
      maxAgeSeconds: MAX_AGE,
      cronPeriodSeconds: 300,
      onRefresh: (outcome) => logged.push(outcome),
      onLookup: () => {},
    })
    return { ...metagraph, calls: net.calls }
  }
  return { world, chain, chainOf, isolate, logged }
}

/** Right in all but the block number, which is the same at every height that is asked for. */
function lyingAbout(chain: DevChain, block: number): Node {
  const number = new Uint8Array(4)
  new DataView(number.buffer).setUint32(0, block, true)
  return tampered(chain, (method, result) => {
    if (method === 'chain_getBlockHash') return chain.blockHash(block)
    return withEntry(result, BLOCK_NUMBER, `0x${number.toHex()}`)
  })
}

/** An answer with another value for one storage key. */
function withEntry(result: unknown, key: string, value: string): unknown {
  return JSON.parse(JSON.stringify(result).replace(new RegExp(`("${key}",)"0x[0-9a-f]*"`), `$1"${value}"`))
}

const dead: Node = () => new Response('', { status: 502 })
const rationing: Node = () => new Response('Too many requests', { status: 429 })

describe('nothing in KV', () => {
  test('a second endpoint confirms, at the price of one question', async () => {
    const { chain, isolate } = createWorld()
    const nodes = { 'a.example': honest(chain), 'b.example': honest(chain), 'c.example': honest(chain) }
    const gateway = isolate(nodes)
    expect(await gateway.refresh(NOW)).toMatchObject({ outcome: 'stored', endpoint: 'a.example', faults: [] })
    expect(gateway.calls).toEqual([
      'a.example chain_getFinalizedHead',
      'a.example state_queryStorageAt',
      'b.example chain_getBlockHash',
    ])
    expect((await gateway.refresh(NOW + 12)).outcome).toBe('unchanged')
    expect(gateway.calls.length).toBe(5)
  })

  test('a lie about the block is outvoted by two', async () => {
    const { chain, isolate, world } = createWorld()
    const gateway = isolate({
      'liar.example': lyingAbout(chain, LIE),
      'b.example': honest(chain),
      'c.example': honest(chain),
    })
    expect(await gateway.refresh(NOW)).toMatchObject({
      outcome: 'stored',
      endpoint: 'b.example',
      faults: [{ endpoint: 'liar.example', reason: 'block_unconfirmed' }],
    })
    expect((await gateway.current(NOW))?.block).toBeLessThan(LIE)
    world.now += 300
    expect(await gateway.refresh(world.now)).toMatchObject({ endpoint: 'b.example' })
  })

  test('two that contradict each other leave no snapshot and are named, in every isolate', async () => {
    const { chain, isolate, logged } = createWorld()
    const nodes = { 'liar.example': lyingAbout(chain, LIE), 'b.example': honest(chain) }
    const [one, other] = [isolate(nodes), isolate(nodes)]
    const names = ['liar.example', 'b.example']
    expect(await one.current(NOW)).toBeUndefined()
    expect(logged).toEqual([
      expect.objectContaining({
        outcome: 'kept',
        reason: 'endpoints_contradict',
        faults: names.map((endpoint) => ({ endpoint, reason: 'block_unconfirmed' })),
      }),
    ])
    expect(one.contradicting(NOW)).toEqual(names)
    expect(await other.current(NOW + 1)).toBeUndefined()
    expect(other.calls).toEqual([])
    expect(other.contradicting(NOW + 1)).toEqual(names)

    expect(await other.push(await record(chain), NOW + 1, NO_CONFIRMATION)).toMatchObject({
      outcome: 'stored',
    })
    expect(other.contradicting(NOW + 1)).toEqual([])
    expect(await other.refresh(NOW + 2)).toMatchObject({ endpoint: 'b.example' })
  })

  const OTHERS: [name: string, other: (world: ReturnType<typeof createWorld>) => Node, reason: string][] = [
    ['rations', () => rationing, 'rate_limited'],
    ['is dead', () => dead, 'http_error'],
    [
      'is of another chain',
      ({ chainOf }) => honest(chainOf({ genesisHash: `0x${'12'.repeat(32)}` })),
      'wrong_genesis',
    ],
    ['stopped an hour ago', ({ chainOf }) => honest(chainOf({ now: () => NOW - 3600 })), 'stale_block_time'],
    [
      'has an account of zeros',
      ({ chain }) =>
        tampered(chain, (method, result) =>
          method === 'chain_getBlockHash'
            ? null
            : withEntry(result, accountKey(NETUID, 1), `0x${'00'.repeat(32)}`),
        ),
      'zero_account',
    ],
  ]
  test.each(OTHERS)('one that %s has no say: the single other suffices', async (_, other, reason) => {
    const world = createWorld()
    for (const order of [0, 1]) {
      const both: [string, Node][] = [
        ['a.example', honest(world.chain)],
        ['b.example', other(world)],
      ]
      const gateway = createWorldLike(world).isolate(Object.fromEntries(order === 0 ? both : both.reverse()))
      const outcome = await gateway.refresh(NOW)
      expect(outcome).toMatchObject({ outcome: 'stored', endpoint: 'a.example' })
      expect(outcome.faults).toContainEqual({ endpoint: 'b.example', reason })
    }
  })

  test('one that is a little behind is no contradiction', async () => {
    const { chain, chainOf, isolate } = createWorld()
    const behind = honest(chainOf({ now: () => NOW - 120 }))
    const gateway = isolate({ 'a.example': honest(chain), 'b.example': behind })
    expect(await gateway.refresh(NOW)).toMatchObject({ outcome: 'stored', endpoint: 'b.example' })
  })

  test('one that denies and then falls silent leaves the question open', async () => {
    const { chain, isolate } = createWorld()
    const silent: Node = (request, call) =>
      call.method === 'chain_getBlockHash' ? honest(chain)(request, call) : rationing(request, call)
    const gateway = isolate({ 'liar.example': lyingAbout(chain, LIE), 'b.example': silent })
    expect(await gateway.refresh(NOW)).toMatchObject({ outcome: 'kept', reason: 'endpoints_contradict' })
    expect(gateway.contradicting(NOW)).toEqual(['liar.example', 'b.example'])
  })

  test('two URLs of one host are one party', async () => {
    const { chain, world } = createWorld()
    const net = network({ 'liar.example': lyingAbout(chain, LIE), 'b.example': honest(chain) })
    const [liar, other] = net.endpoints
    if (liar === undefined || other === undefined) throw new Error('two endpoints')
    const endpoints = [liar, { url: new URL('https://liar.example/again') }, other]
    const gateway = createMetagraph({
      ...net,
      endpoints,
      kv: { get: async () => null, put: async () => {} },
      lease: memoryLease(),
      netuid: NETUID,
      genesisHash: DEV_GENESIS_HASH,
      maxAgeSeconds: MAX_AGE,
      cronPeriodSeconds: 300,
      onRefresh: () => {},
      onLookup: () => {},
    })
    expect(await gateway.refresh(world.now)).toMatchObject({
      outcome: 'kept',
      reason: 'endpoints_contradict',
    })
  })
})

describe('a snapshot that was a lie', () => {
  test('ends with its own age, also for isolates that held it', async () => {
    const { world, chain, isolate } = createWorld()
    const held = isolate({ 'a.example': honest(chain), 'b.example': honest(chain) })
    expect(await isolate({ 'liar.example': lyingAbout(chain, LIE) }).refresh(NOW)).toMatchObject({
      outcome: 'stored',
    })
    expect((await held.current(NOW))?.block).toBe(LIE)
    world.now = NOW + 600
    expect(await held.refresh(world.now)).toMatchObject({ outcome: 'kept', reason: 'block_behind' })
    world.now = NOW + MAX_AGE + 60
    expect((await held.current(world.now))?.block).toBe(Math.floor(world.now / 12) - 3)
    expect((await isolate({}).current(world.now))?.block).toBe(Math.floor(world.now / 12) - 3)
  })

  test('a liar at double speed locks no one out when it falls silent', async () => {
    const { world, chain, chainOf, isolate } = createWorld()
    const twice = chainOf({ blockSeconds: 6, startedAt: NOW - chain.bestBlock() * 6 })
    const nodes = { 'liar.example': honest(twice), 'b.example': honest(chain), 'c.example': honest(chain) }
    await isolate({ 'b.example': honest(chain) }).refresh(NOW)
    for (; world.now < NOW + 4 * 3600; world.now += 300) {
      expect((await isolate(nodes).refresh(world.now)).endpoint).toBe('liar.example')
    }
    nodes['liar.example'] = dead
    const survivor = isolate(nodes)
    for (const end = world.now + 3600; world.now < end; world.now += 60) {
      expect(await survivor.current(world.now)).toBeDefined()
      if (world.now % 300 < 60) await survivor.refresh(world.now)
    }
    expect((await survivor.current(world.now))?.endpoint).toBe('b.example')
  }, 60_000)

  test('a node that began again at block 0 is believed once the old snapshot is too old', async () => {
    const { world, chain, chainOf, isolate } = createWorld()
    await isolate({ 'node.example': honest(chain) }).refresh(NOW)
    const again = isolate({ 'node.example': honest(chainOf({ startedAt: NOW })) })
    world.now = NOW + MAX_AGE - 60
    expect(await again.refresh(world.now)).toMatchObject({ outcome: 'kept', reason: 'block_behind' })
    world.now = NOW + MAX_AGE + 60
    expect(await again.refresh(world.now)).toMatchObject({ outcome: 'stored', reason: 'block_went_back' })
    expect((await isolate({}).current(world.now))?.block).toBe(102)
  })

  test('an operator goes back at once, for all isolates, and says so', async () => {
    const { world, chain, isolate } = createWorld()
    const nodes = { 'a.example': honest(chain) }
    await isolate({ 'liar.example': lyingAbout(chain, LIE) }).refresh(NOW)
    const [one, other] = [isolate(nodes), isolate(nodes)]
    expect((await other.current(NOW))?.block).toBe(LIE)
    world.now = NOW + 60
    const recording = await record(chain)
    expect(await one.push(recording, world.now, NO_CONFIRMATION)).toMatchObject({ reason: 'block_behind' })
    expect(await one.push(recording, world.now, { loss: false, back: true })).toMatchObject({
      outcome: 'stored',
      reason: 'block_went_back',
    })
    expect((await other.current(world.now))?.endpoint).toBe('push')
    world.now = NOW + 72
    expect(await other.refresh(world.now)).toMatchObject({ outcome: 'unchanged', endpoint: 'a.example' })
  })

  test('an operator who goes back still confirms a loss', async () => {
    const { world, chain, chainOf, isolate } = createWorld()
    const gateway = isolate({ 'liar.example': lyingAbout(chain, LIE) })
    await gateway.refresh(NOW)
    world.now = NOW + 12
    const recording = await record(chainOf({ members: accounts(3) }))
    expect(await gateway.push(recording, world.now, { loss: false, back: true })).toMatchObject({
      reason: 'loss_unconfirmed',
    })
    expect(await gateway.push(recording, world.now, { loss: true, back: true })).toMatchObject({
      outcome: 'stored',
    })
  })
})

describe('a chain with blocks of 250 ms', () => {
  test('keeps its snapshot fresh for an hour', async () => {
    const { world, chainOf, isolate } = createWorld()
    const fast = chainOf({ blockSeconds: 0.25, startedAt: NOW - 600 })
    const gateway = isolate({ 'node.example': honest(fast) })
    for (; world.now <= NOW + 3600; world.now += 60) {
      if ((world.now - NOW) % 300 === 0)
        expect(await gateway.refresh(world.now)).toMatchObject({ faults: [] })
      const current = await gateway.current(world.now)
      expect(world.now - (current?.blockTime ?? 0)).toBeLessThanOrEqual(302)
    }
  })

  test('and a registration on it is found at the best head', async () => {
    const { world, chainOf, isolate } = createWorld()
    const fast = chainOf({ blockSeconds: 0.25, startedAt: NOW - 600 })
    const gateway = isolate({ 'node.example': honest(fast) })
    await gateway.refresh(NOW)
    world.now += 30
    expect(await gateway.lookup('5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY', world.now)).toBe(
      'unregistered',
    )
  })
})

/** The same chain over a KV and a lease of their own. */
function createWorldLike({ world }: ReturnType<typeof createWorld>) {
  const other = createWorld()
  other.world.now = world.now
  return other
}

/** What `npm run chain:record` prints, parsed. */
async function record(chain: DevChain): Promise<unknown> {
  const recording = await readChain(async (method, params) => {
    const reply = chain.answer(method, params)
    return 'result' in reply ? { ok: true, value: reply.result } : { ok: false, reason: 'rpc_error' }
  }, NETUID)
  if (!recording.ok) throw new Error(recording.reason)
  return recording.value
}
