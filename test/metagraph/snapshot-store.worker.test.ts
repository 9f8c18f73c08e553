/** The memo over real KV. */

import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, test } from 'vitest'
import { encodeSs58 } from '../../src/crypto/ss58.ts'
import type { TextStore } from '../../src/kv-memo.ts'
import { parseSnapshot, type Snapshot, serializeSnapshot } from '../../src/metagraph/snapshot.ts'
import { createSnapshotStore } from '../../src/metagraph/snapshot-store.ts'
import { DEV_GENESIS_HASH } from '../../tools/dev/chain-state.ts'
import { accounts, NETUID, NOW } from '../support/chain-fetch.ts'

const TARGET = { netuid: NETUID, genesisHash: DEV_GENESIS_HASH }
const KEY = `metagraph:${NETUID}`
const MAX_AGE = 1200

function snapshot(block: number, members = 3, blockTime = NOW): Snapshot {
  const keys = accounts(members)
  const hotkeys = keys.map((key) => encodeSs58(key))
  return {
    netuid: NETUID,
    block,
    blockHash: `0x${block.toString(16).padStart(64, '0')}`,
    blockTime,
    // In the order of their blocks.
    fetchedAt: blockTime - 100 + block,
    endpoint: 'node.example',
    hotkeys,
    accounts: keys.map((key) => `0x${key.toHex()}`),
    uids: new Map(hotkeys.map((hotkey, uid) => [hotkey, uid])),
  }
}

const text = (of: Snapshot) => serializeSnapshot(of, DEV_GENESIS_HASH)
const store = (kv: TextStore = env.CACHE) => createSnapshotStore(kv, TARGET, MAX_AGE)

beforeEach(() => env.CACHE.delete(KEY))

describe('read', () => {
  test('what another isolate kept', async () => {
    await store().keep(snapshot(7), NOW)
    expect(await store().read(NOW)).toEqual(snapshot(7))
  })

  test('nothing there', async () => {
    expect(await store().read(NOW)).toBeUndefined()
  })

  test('KV is asked again after 30 s, not before', async () => {
    const isolate = store()
    await env.CACHE.put(KEY, text(snapshot(7)))
    await isolate.read(NOW)
    await env.CACHE.put(KEY, text(snapshot(8)))
    expect((await isolate.read(NOW + 29))?.block).toBe(7)
    expect((await isolate.read(NOW + 30))?.block).toBe(8)
  })

  const BEHIND_THE_MEMO: [name: string, value: string | null][] = [
    ['nothing', null],
    ['an older snapshot', text(snapshot(6))],
    ['a damaged value', text(snapshot(9)).slice(0, -10)],
    ['another chain', serializeSnapshot(snapshot(9), `0x${'00'.repeat(32)}`)],
  ]
  test.each(BEHIND_THE_MEMO)('KV that says %s does not displace the memo', async (_, value) => {
    const isolate = store()
    await isolate.keep(snapshot(7), NOW)
    if (value === null) await env.CACHE.delete(KEY)
    else await env.CACHE.put(KEY, value)
    expect((await isolate.read(NOW + 31))?.block).toBe(7)
    expect(await store().read(NOW)).toEqual(value === text(snapshot(6)) ? snapshot(6) : undefined)
  })

  test('KV that fails: the memo, and no second try for 30 s', async () => {
    let reads = 0
    const isolate = store({
      async get() {
        reads += 1
        throw new Error('KV GET failed: 503')
      },
      put: async () => {},
    })
    expect(await isolate.read(NOW)).toBeUndefined()
    await isolate.keep(snapshot(7), NOW)
    expect((await isolate.read(NOW + 10))?.block).toBe(7)
    expect((await isolate.read(NOW + 31))?.block).toBe(7)
    expect(reads).toBe(2)
  })
})

describe('keep', () => {
  test('writes what is new, and half-way through the maximum age', async () => {
    const isolate = store()
    expect(await isolate.keep(snapshot(7), NOW)).toBe('first_snapshot')
    expect(await isolate.keep(snapshot(8), NOW + 599)).toBe('same_members')
    expect((await store().read(NOW))?.block).toBe(7)
    expect(await isolate.keep(snapshot(9), NOW + 600)).toBe('half_of_maximum_age')
    expect((await store().read(NOW))?.block).toBe(9)
    expect(await isolate.keep(snapshot(10, 4), NOW + 601)).toBe('members_changed')
    expect((await store().read(NOW))?.hotkeys.length).toBe(4)
  })

  test('a confirmed snapshot serves here, though KV was not written', async () => {
    const isolate = store()
    await isolate.keep(snapshot(7), NOW)
    await isolate.keep(snapshot(8), NOW + 300)
    expect(isolate.peek()?.block).toBe(8)
  })

  test('a failed write: this isolate still serves it', async () => {
    const isolate = store({
      get: async () => null,
      async put() {
        throw new Error('KV PUT failed: 429')
      },
    })
    expect(await isolate.keep(snapshot(7), NOW)).toBe('kv_write_failed')
    expect(isolate.peek()?.block).toBe(7)
  })
})

describe('parseSnapshot', () => {
  const sound: Record<string, unknown> = JSON.parse(text(snapshot(7)))

  test('gives back what was written', () => {
    expect(parseSnapshot(text(snapshot(7)), TARGET)).toEqual(snapshot(7))
  })

  const DAMAGED: [name: string, change: Record<string, unknown>][] = [
    ['another subnet', { netuid: 101 }],
    ['another chain', { genesisHash: `0x${'11'.repeat(32)}` }],
    ['no chain', { genesisHash: undefined }],
    ['a negative block', { block: -1 }],
    ['half a block', { block: 0.5 }],
    ['a block in words', { block: '7' }],
    ['no block time', { blockTime: null }],
    ['an endless block time', { blockTime: 1e300 }],
    ['no fetch time', { fetchedAt: undefined }],
    ['a short hash', { blockHash: '0x12' }],
    ['no endpoint', { endpoint: 7 }],
    ['no hotkeys', { hotkeys: [] }],
    ['hotkeys that are no list', { hotkeys: { 0: 'x' } }],
    [
      'one hotkey twice',
      { hotkeys: [snapshot(7).hotkeys[0], snapshot(7).hotkeys[0], snapshot(7).hotkeys[1]] },
    ],
    ['one account too few', { accounts: snapshot(7).accounts.slice(1) }],
    ['an account that is no key', { accounts: ['0x12', ...snapshot(7).accounts.slice(1)] }],
  ]
  test.each(DAMAGED)('%s', (_, change) => {
    expect(parseSnapshot(JSON.stringify({ ...sound, ...change }), TARGET)).toBeUndefined()
  })

  test.each(['', 'null', '[]', '"text"', '{', `${text(snapshot(7))}x`])('%s', (damaged) => {
    expect(parseSnapshot(damaged, TARGET)).toBeUndefined()
  })
})
