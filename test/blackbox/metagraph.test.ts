/**
 * The metagraph room against chain processes that lie, over real sockets; and against recorded
 * mainnet exchanges.
 *
 * After every lie the snapshot from before still serves, and the outcome names the reason.
 */

import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { encodeAddress } from '@polkadot/keyring'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { decodeSs58 } from '../../src/crypto/ss58.ts'
import type { FaultReason } from '../../src/metagraph/fault.ts'
import { createMetagraph, type RefreshOutcome } from '../../src/metagraph/kv-metagraph.ts'
import { checkRecording, mergeAnswers, readUidCount, readUint } from '../../src/metagraph/recording.ts'
import {
  BLOCK_NUMBER,
  GENESIS_HASH,
  networkKey,
  TIMESTAMP_NOW,
  uidCountKey,
  uidKey,
} from '../../src/metagraph/storage-keys.ts'
import { type RunningChain, startChain } from '../../tools/dev/chain.ts'
import { developmentMembers, recordedMembers } from '../../tools/dev/chain-members.ts'
import { DEV_GENESIS_HASH } from '../../tools/dev/chain-state.ts'
import { account, memoryLease, NETUID } from '../support/chain-fetch.ts'
import { type Liar, startLiar } from '../support/chain-liar.ts'
import { LIES } from '../support/chain-lies.ts'

/** Unix seconds; the liars' blocks are made by the same clock. */
const clock = () => Math.floor(Date.now() / 1000)
const liars: Liar[] = []
let liar = ''
let secondLiar = ''

beforeAll(async () => {
  liars.push(...(await Promise.all([startLiar(), startLiar()])))
  ;[liar = '', secondLiar = ''] = liars.map(({ url }) => url)
})
afterAll(() => {
  for (const each of liars) each.stop()
})

describe('one endpoint', () => {
  const REASONS: [lie: string, reason: FaultReason][] = [
    ['missing-key', 'missing_key'],
    ['missing-spare-key', 'missing_key'],
    ['missing-header', 'missing_key'],
    ['no-changes', 'missing_key'],
    ['null-account', 'absent_account'],
    ['zero-account', 'zero_account'],
    ['duplicate-hotkey', 'duplicate_hotkey'],
    ['repeated-key', 'repeated_key'],
    ['short-account', 'wrong_length'],
    ['long-account', 'wrong_length'],
    ['odd-hex', 'malformed_answer'],
    ['not-hex', 'malformed_answer'],
    ['short-number', 'wrong_length'],
    ['wrong-genesis', 'wrong_genesis'],
    ['genesis-pruned-wrong', 'wrong_genesis'],
    ['network-absent', 'network_absent'],
    ['network-false', 'network_absent'],
    ['no-uids', 'uid_count_out_of_range'],
    ['too-many-uids', 'uid_count_out_of_range'],
    ['wrong-block', 'wrong_block_hash'],
    ['stale-time', 'stale_block_time'],
    ['stale-head', 'stale_block_time'],
    ['future-time', 'block_time_ahead'],
    ['backwards', 'block_behind'],
    ['far-ahead', 'block_ahead'],
    ['unknown-block', 'unknown_block'],
    ['head-is-null', 'malformed_answer'],
    ['http-429', 'rate_limited'],
    ['429-in-body', 'rate_limited'],
    ['200-too-many', 'rate_limited'],
    ['200-too-many-text', 'rate_limited'],
    ['rpc-32005', 'rate_limited'],
    ['rpc-32004', 'rate_limited'],
    ['rpc-32029', 'rate_limited'],
    ['batch-refused', 'rate_limited'],
    ['rpc-error', 'rpc_error'],
    ['method-missing', 'rpc_error'],
    ['html-page', 'html_page'],
    ['html-503', 'html_page'],
    ['http-500', 'http_error'],
    ['http-503-retry', 'http_error'],
    ['redirect', 'http_error'],
    ['truncated-json', 'not_json'],
    ['empty', 'not_json'],
    ['bare-number', 'malformed_answer'],
    ['wrong-id', 'wrong_id'],
    ['no-id', 'wrong_id'],
    ['array-answer', 'malformed_answer'],
    ['result-is-text', 'malformed_answer'],
    ['cut-off', 'network_error'],
    ['reset', 'network_error'],
    ['ten-megabytes', 'answer_too_long'],
    ['ten-megabytes-head', 'answer_too_long'],
    ['hang', 'time_limit'],
    ['hang-midway', 'time_limit'],
    ['slow-drip', 'time_limit'],
  ]
  const FOLLOW_UPS: [lie: string, reason: FaultReason][] = [
    ['follow-up-null', 'absent_account'],
    ['follow-up-missing', 'missing_key'],
    ['follow-up-zero', 'zero_account'],
  ]

  test.each([
    ...REASONS.map(([lie, reason]) => [lie, reason, 9, 9] as const),
    ...FOLLOW_UPS.map(([lie, reason]) => [lie, reason, 256, 300] as const),
  ])('%s: %s', async (lie, reason, membersBefore, members) => {
    const world = createWorld()
    const before = await world.refresh([`${liar}/${membersBefore}/honest`])
    expect(before.outcome).toBe('stored')
    const limitMs = reason === 'time_limit' ? 400 : 10_000

    const outcome = await world.refresh([`${liar}/${members}/${lie}`], limitMs)

    const faults = [{ endpoint: new URL(liar).host, reason }]
    expect(outcome).toEqual({ ...before, trigger: 'cron', outcome: 'kept', reason, faults })
    const serving = await world.isolate([]).current(clock())
    expect(serving?.block).toBe(before.block)
    expect(serving?.hotkeys).toEqual(hotkeys(membersBefore))
  })

  test('every lie has a row', () => {
    const told = [...REASONS, ...FOLLOW_UPS].map(([lie]) => lie)
    expect(new Set([...told, 'honest', 'genesis-pruned'])).toEqual(new Set(Object.keys(LIES)))
  })

  test.each([1, 255, 256, 257, 4096])('%d members are read whole', async (members) => {
    const world = createWorld()
    expect(await world.refresh([`${liar}/${members}/honest`])).toMatchObject({
      outcome: 'stored',
      faults: [],
    })
    const serving = await world.isolate([]).current(clock())
    expect(serving?.hotkeys).toEqual(hotkeys(members))
    expect(serving?.uids.size).toBe(members)
  })

  test('a node that keeps no genesis hash in its state is asked for block 0', async () => {
    const world = createWorld()
    expect(await world.refresh([`${liar}/9/genesis-pruned`])).toMatchObject({ outcome: 'stored', faults: [] })
  })

  test('another chain behind a good endpoint', async () => {
    const world = createWorld(`0x${'12'.repeat(32)}`)
    expect(await world.refresh([`${liar}/9/honest`])).toMatchObject({
      outcome: 'kept',
      reason: 'wrong_genesis',
    })
    expect(await world.isolate([]).current(clock())).toBeUndefined()
  })

  test('a closed port', async () => {
    const world = createWorld()
    await world.refresh([`${liar}/9/honest`])
    const outcome = await world.refresh(['http://127.0.0.1:1/'])
    expect(outcome).toMatchObject({ outcome: 'kept', reason: 'network_error' })
  })
})

describe('several endpoints', () => {
  test('one that hangs leaves the next its time', async () => {
    const world = createWorld()
    const outcome = await world.refresh([`${liar}/9/hang`, `${secondLiar}/9/honest`], 4000)
    expect(outcome).toMatchObject({
      outcome: 'stored',
      endpoint: new URL(secondLiar).host,
      faults: [{ endpoint: new URL(liar).host, reason: 'time_limit' }],
    })
  })

  test.each([
    ['http-429', 120],
    ['429-in-body', 90],
    ['200-too-many', 60],
    ['200-too-many-text', 60],
    ['rpc-32005', 60],
    ['rpc-32029', 60],
    ['html-page', 60],
    ['http-503-retry', 300],
  ])('after %s an endpoint is left alone for %d s', async (lie, seconds) => {
    const world = createWorld()
    const both = [`${liar}/9/${lie}`, `${secondLiar}/9/honest`]
    const now = clock()
    await world.refresh(both, 10_000, now)
    expect(world.asked()).toEqual([liar, secondLiar, secondLiar])
    await world.refresh(both, 10_000, now + seconds - 1)
    expect(world.asked()).toEqual([secondLiar, secondLiar])
    await world.refresh(both, 10_000, now + seconds)
    expect(world.asked()).toEqual([liar, secondLiar, secondLiar])
  })

  test('all in cool-down: no endpoint is asked', async () => {
    const world = createWorld()
    const now = clock()
    await world.refresh([`${liar}/9/http-429`], 10_000, now)
    world.asked()
    const outcome = await world.refresh([`${liar}/9/honest`], 10_000, now + 30)
    expect(outcome).toMatchObject({ outcome: 'kept', reason: 'no_endpoint_ready' })
    expect(world.asked()).toEqual([])
  })

  const LOSSES: [name: string, endpoints: () => string[], outcome: Partial<RefreshOutcome>][] = [
    ['a quarter may go', () => [`${liar}/60/honest`], { outcome: 'stored', reason: 'members_changed' }],
    ['more needs another', () => [`${liar}/59/honest`], { outcome: 'kept', reason: 'loss_unconfirmed' }],
    [
      'another that says the same',
      () => [`${liar}/59/honest`, `${secondLiar}/59/honest`],
      { outcome: 'stored', reason: 'members_changed' },
    ],
    [
      'another that says something else',
      () => [`${liar}/59/honest`, `${secondLiar}/58/honest`],
      { outcome: 'kept', reason: 'loss_unconfirmed' },
    ],
    [
      'another that knows better',
      () => [`${liar}/59/honest`, `${secondLiar}/80/honest`],
      { outcome: 'unchanged', reason: 'same_members' },
    ],
    [
      'another that cannot say',
      () => [`${liar}/59/honest`, `${secondLiar}/59/http-429`],
      { outcome: 'kept', reason: 'loss_unconfirmed' },
    ],
    [
      'the same host twice is one endpoint',
      () => [`${liar}/59/honest`, `${liar}/59/honest?again`],
      { outcome: 'kept', reason: 'loss_unconfirmed' },
    ],
  ]
  test.each(LOSSES)('loss of members: %s', async (_, endpoints, expected) => {
    const world = createWorld()
    await world.refresh([`${liar}/80/honest`])
    const outcome = await world.refresh(endpoints())
    expect(outcome).toMatchObject(expected)
    const count =
      expected.reason === 'members_changed' ? (await world.isolate([]).current(clock()))?.hotkeys.length : 80
    expect((await world.isolate([]).current(clock()))?.hotkeys.length).toBe(count)
  })
})

describe('an upload that waits', () => {
  test('gets the first snapshot, together with all that came at once', async () => {
    const world = createWorld()
    const isolate = world.isolate([`${liar}/9/honest`])
    const served = await Promise.all(Array.from({ length: 40 }, () => isolate.current(clock())))
    expect(served.every((metagraph) => metagraph?.hotkeys.length === 9)).toBe(true)
    expect(world.asked()).toEqual([liar, liar])
  })

  test('waits for five seconds at most', async () => {
    const world = createWorld()
    const started = performance.now()
    expect(await world.isolate([`${liar}/9/slow-drip`]).current(clock())).toBeUndefined()
    expect(performance.now() - started).toBeLessThan(5000)
  })
})

describe('fresh registrations', () => {
  const registered = encodeAddress(account(5), 42)
  const stranger = encodeAddress(account(5000), 42)

  test('found at the best head', async () => {
    const isolate = createWorld().isolate([`${liar}/9/honest`])
    expect(await isolate.lookup(registered, clock())).toEqual({ uid: 5, block: expect.any(Number) })
    expect(await isolate.lookup(stranger, clock())).toBe('unregistered')
  })

  test.each([
    'wrong-genesis',
    'genesis-pruned-wrong',
    'missing-header',
    'stale-time',
    'future-time',
    'network-false',
  ])('a node that lies about %s is not believed', async (lie) => {
    const isolate = createWorld().isolate([`${liar}/9/${lie}`])
    expect(await isolate.lookup(registered, clock())).toEqual({ retryAfterSeconds: 30 })
  })
})

describe('the development chain', () => {
  let chain: RunningChain
  beforeAll(async () => {
    chain = await startChain()
  })
  afterAll(() => chain.close())

  const rpc = async (body: unknown) =>
    (await fetch(chain.url, { method: 'POST', body: JSON.stringify(body) })).json()
  const members = developmentMembers().map((member) => member.hotkey)

  test('is a subnet of the well-known keys', async () => {
    const world = createWorld()
    await world.refresh([chain.url])
    const current = await world.isolate([]).current(clock())
    expect(current?.hotkeys).toEqual(members)
    expect(current?.hotkeys[1]).toBe('5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY')
  })

  test('a registration shows at the next block, and in a snapshot three blocks later', async () => {
    let now = clock()
    const stepping = await startChain({ now: () => now })
    const newcomer = encodeAddress(account(900), 42)
    const isolate = createWorld().isolate([stepping.url])
    await isolate.current(now)

    const body = JSON.stringify({ hotkey: newcomer })
    const answer = await fetch(`${stepping.url}/dev/register`, { method: 'POST', body })
    const place = { uid: members.length, block: Math.floor(now / 12) + 1 }
    expect(await answer.json()).toEqual(place)
    expect(stepping.register(newcomer)).toEqual(place)
    expect(await isolate.lookup(newcomer, now)).toBe('unregistered')
    now += 60
    expect(await isolate.lookup(newcomer, now)).toEqual({ ...place, block: place.block + 4 })
    await isolate.refresh(now)
    expect((await isolate.current(now))?.hotkeys).toEqual([...members, newcomer])
    await stepping.close()
  })

  test.each([
    [{ id: 1, method: 'author_submit', params: [] }, -32601],
    [{ id: 1, method: 'state_getStorage', params: [7] }, -32602],
    [{ id: 1, method: 'state_getStorage', params: ['0x12', `0x${'ab'.repeat(32)}`] }, 4003],
    [{ id: 1, params: [] }, -32600],
    [[{ id: 1, method: 'chain_getFinalizedHead', params: [] }], -32005],
    ['text', -32700],
  ])('%j: %d', async (body, code) => {
    expect(await rpc(body)).toMatchObject({ jsonrpc: '2.0', error: { code } })
  })

  test('one item, and a block by its number', async () => {
    const count = await rpc({ id: 1, method: 'state_getStorage', params: [uidCountKey(NETUID)] })
    expect(count).toMatchObject({ id: 1, result: expect.stringMatching(/^0x0[9a]00$/) })
    const genesis = await rpc({ id: 2, method: 'chain_getBlockHash', params: [0] })
    expect(genesis).toEqual({ jsonrpc: '2.0', id: 2, result: DEV_GENESIS_HASH })
    const future = await rpc({ id: 3, method: 'chain_getBlockHash', params: [4_000_000_000] })
    expect(future).toMatchObject({ result: null })
  })

  test('what the recorder writes is served again, and may be pushed', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'chain-record-'))
    const file = path.join(directory, 'recording.json')
    const recorder = [path.resolve(import.meta.dirname, '../../tools/dev/record.ts')]
    const args = ['--endpoint', chain.url, '--netuid', String(NETUID), '--out', file]
    await promisify(execFile)(process.execPath, [...recorder, ...args])
    const recorded = (await recordedMembers(file)).map((key) => encodeAddress(key, 42))
    const recording = JSON.parse(await readFile(file, 'utf8'))
    await rm(directory, { recursive: true })

    expect(recorded).toEqual(members)
    expect(recording).toMatchObject({ netuid: NETUID, genesisHash: DEV_GENESIS_HASH })
    const pushed = await createWorld().isolate([]).push(recording, clock(), { loss: false, back: false })
    expect(pushed).toMatchObject({ outcome: 'stored', block: recording.block })
  })

  test('the recorder writes nothing that is not whole', async () => {
    const recorder = path.resolve(import.meta.dirname, '../../tools/dev/record.ts')
    const args = ['--endpoint', `${liar}/9/zero-account`, '--netuid', String(NETUID)]
    const run = promisify(execFile)(process.execPath, [recorder, ...args])
    await expect(run).rejects.toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('zero_account'),
    })
  })
})

const VECTORS = path.resolve(import.meta.dirname, '../../../shared/vectors')
const present = existsSync(VECTORS)
const WITHOUT = present ? '' : ' (skipped: ../shared/vectors is missing)'

test.runIf(process.env['CI'] !== undefined)('the vectors are here', () => {
  expect(present).toBe(true)
})

describe.runIf(present)(`recorded mainnet${WITHOUT}`, () => {
  const MAINNET = '0x2f0555cc76fc2840a25a6ea3b9637146806f1f44b090c175ffde2a7e5ab36c03'

  test('1,024 hotkeys of subnet 1', async () => {
    const derived = await vector('bittensor-rpc/derived_netuid1_storage.json')
    const [set] = derived.state_queryStorageAt
    // The recording has no header items: they are added as the chain would give them.
    const header = [
      [GENESIS_HASH, MAINNET],
      [networkKey(1), '0x01'],
      [BLOCK_NUMBER, '0x52906800'],
      [TIMESTAMP_NOW, '0x00e8764817000000'],
    ]
    const answers = [[{ block: derived.block_hash, changes: [...header, ...set.changes] }]]
    const target = { netuid: 1, genesisHash: MAINNET }
    const state = checkRecording({ netuid: 1, head: derived.block_hash, answers }, target, new Map())
    if (!state.ok) throw new Error(state.reason)
    const spelled = derived.uids.map(({ hotkey }: { hotkey: string }) => encodeAddress(hotkey, 42))
    expect(state.value.hotkeys).toEqual(spelled)
    expect(state.value.block).toBe(Number(derived.header.result.number))
    expect(state.value.blockTime).toBe(100_000_000)
  })

  test('every recorded state_queryStorageAt answer is taken apart', async () => {
    for (const name of [
      'get_all_subnets_netuid',
      'neurons',
      'get_netuids_for_hotkey',
      'is_hotkey_registered',
    ]) {
      for (const { params, response } of await exchanges(name, 'state_queryStorageAt')) {
        const head = response.result[0].block
        expect(params[1] ?? head).toBe(head)
        const merged = mergeAnswers(head, [response.result])
        if (!merged.ok) throw new Error(`${name}: ${merged.reason}`)
        expect([...merged.value.keys()]).toEqual(params[0])
      }
    }
  })

  test('recorded items of single subnets', async () => {
    const reads = await exchanges('subnetwork_n', 'state_getStorageAt')
    const entries = new Map<string, string | null>()
    for (const { params, response } of reads) entries.set(params[0], response.result)
    expect(entries.get(networkKey(1))).toBe('0x01')
    expect(readUidCount(entries, 1)).toEqual({ ok: true, value: 1024 })
  })

  test('keys and values that other software made', async () => {
    const { vectors } = await vector('storage_keys.json')
    const uids = vectors.filter(({ what }: { what: string }) => what.startsWith('Uids('))
    expect(uids.length).toBe(2)
    for (const { what, key, value } of uids) {
      const [, netuid = '', hotkey = ''] = /^Uids\((\d+), (\w+)\)$/.exec(what) ?? []
      expect(uidKey(Number(netuid), decodeSs58(hotkey)?.publicKey ?? new Uint8Array())).toBe(key)
      expect(readUint(value, 2)).toBe({ 23: 5, 14: 29 }[netuid])
    }
  })

  async function vector(name: string) {
    return JSON.parse(await readFile(path.join(VECTORS, name), 'utf8'))
  }

  async function exchanges(name: string, method: string) {
    const recorded = await vector(`bittensor-rpc/${name}.json`)
    const found = recorded.exchanges.filter((exchange: { method: string }) => exchange.method === method)
    expect(found.length).toBeGreaterThan(0)
    return found
  }
})

/** One KV and one lease, shared by as many isolates as a test wants. */
function createWorld(genesisHash = DEV_GENESIS_HASH) {
  const stored = new Map<string, string>()
  const lease = memoryLease()
  let asked: string[] = []

  const isolate = (endpoints: readonly string[], refreshLimitMs = 10_000) =>
    createMetagraph({
      kv: {
        get: async (key) => stored.get(key) ?? null,
        put: async (key, value) => void stored.set(key, value),
      },
      lease,
      fetch(request) {
        asked.push(new URL(request.url).origin)
        return fetch(request)
      },
      endpoints: endpoints.map((url) => ({ url: new URL(url) })),
      netuid: NETUID,
      genesisHash,
      maxAgeSeconds: 1200,
      cronPeriodSeconds: 300,
      refreshLimitMs,
      onRefresh: () => {},
      onLookup: () => {},
    })

  return {
    isolate,
    /** The cron's refresh in an isolate of its own. */
    refresh: (endpoints: readonly string[], limitMs?: number, at = clock()) =>
      isolate(endpoints, limitMs).refresh(at),
    /** Origins asked since the last call. */
    asked() {
      const before = asked
      asked = []
      return before
    },
  }
}

function hotkeys(count: number): string[] {
  return Array.from({ length: count }, (_, uid) => encodeAddress(account(uid), 42))
}
