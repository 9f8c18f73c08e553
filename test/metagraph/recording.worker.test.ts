/**
 * Whole or not at all, on recordings changed in one place; the lies themselves are in
 * `test/blackbox/metagraph.test.ts`.
 */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { readChain } from '../../src/metagraph/reader.ts'
import { checkRecording, parseRecording, type Recording, readUint } from '../../src/metagraph/recording.ts'
import { parseSnapshot } from '../../src/metagraph/snapshot.ts'
import { uidCountKey } from '../../src/metagraph/storage-keys.ts'
import { DEV_GENESIS_HASH } from '../../tools/dev/chain-state.ts'
import { accounts, chainAt, NETUID, NOW } from '../support/chain-fetch.ts'
import { seeded } from '../support/seed.ts'

type Change = [key: string, value: string | null]

const TARGET = { netuid: NETUID, genesisHash: DEV_GENESIS_HASH }
const MEMBERS = 5
const RECORDING = await record(MEMBERS)

async function record(members: number): Promise<Recording> {
  const chain = chainAt(() => NOW, accounts(members))
  const recording = await readChain(async (method, params) => {
    const reply = chain.answer(method, params)
    if (!('result' in reply)) throw new Error(reply.error.message)
    return { ok: true, value: reply.result }
  }, NETUID)
  if (!recording.ok) throw new Error(recording.reason)
  return recording.value
}

/** The recording with its storage entries changed. */
function changed(change: (changes: Change[]) => Change[]): Recording {
  const answers: [{ block: string; changes: Change[] }][] = JSON.parse(JSON.stringify(RECORDING.answers))
  for (const [set] of answers) set.changes = change(set.changes)
  return { ...RECORDING, answers }
}

const check = (recording: Recording) => checkRecording(recording, TARGET, new Map())

test('an honest recording', () => {
  const state = check(RECORDING)
  expect(state).toMatchObject({ ok: true, value: { netuid: NETUID, blockHash: RECORDING.head } })
  if (!state.ok) return
  expect(state.value.hotkeys.length).toBe(MEMBERS)
  expect(state.value.block * 12).toBe(state.value.blockTime)
  expect([...state.value.uids.values()]).toEqual([0, 1, 2, 3, 4])
})

test('a hotkey that is known already is not spelled out again', () => {
  const plain = check(RECORDING)
  if (!plain.ok) throw new Error(plain.reason)
  const known = new Map(plain.value.accounts.map((account, uid) => [account, plain.value.hotkeys[uid] ?? '']))
  expect(checkRecording(RECORDING, TARGET, known)).toEqual(plain)
})

test('another subnet', () => {
  expect(checkRecording(RECORDING, { ...TARGET, netuid: 101 }, new Map())).toEqual({
    ok: false,
    reason: 'wrong_netuid',
  })
})

test('a subnet count above what was recorded', () => {
  const more = changed((changes) =>
    changes.map(([key, value]) => [key, key === uidCountKey(NETUID) ? '0x0601' : value]),
  )
  expect(check(more)).toEqual({ ok: false, reason: 'absent_account' })
})

test('leaving out any entry that matters is noticed', () => {
  const needed = 5 + MEMBERS
  for (let left = 0; left < needed; left += 1) {
    const recording = changed((changes) => changes.filter((_, index) => index !== left))
    expect(check(recording)).toEqual({ ok: false, reason: 'missing_key' })
  }
})

test('property: one changed entry is refused, or changes exactly what it says', () => {
  const honest = check(RECORDING)
  if (!honest.ok) throw new Error(honest.reason)
  const value = fc.oneof(
    fc.constant(null),
    fc.constant(`0x${'00'.repeat(32)}`),
    fc.uint8Array({ maxLength: 40 }).map((bytes) => `0x${bytes.toHex()}`),
    fc.string(),
  )
  fc.assert(
    fc.property(fc.nat({ max: 4 + MEMBERS }), value, (place, to) => {
      const state = check(
        changed((changes) => changes.map(([key, held], at) => [key, at === place ? to : held])),
      )
      if (!state.ok) return
      const uid = place - 5
      const others = (list: readonly string[]) => list.filter((_, index) => index !== uid)
      expect(others(state.value.hotkeys).slice(0, MEMBERS)).toEqual(
        others(honest.value.hotkeys).slice(0, state.value.hotkeys.length),
      )
      expect(new Set(state.value.hotkeys).size).toBe(state.value.hotkeys.length)
    }),
    seeded,
  )
})

test('property: nothing thrown at it makes it throw', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.array(fc.jsonValue()), (value, answers) => {
      parseRecording(value)
      check({ ...RECORDING, answers })
      parseSnapshot(JSON.stringify(value), TARGET)
      return true
    }),
    seeded,
  )
})

describe('parseRecording', () => {
  test('takes what the recorder writes, with more beside it', () => {
    const written = JSON.parse(JSON.stringify({ ...RECORDING, endpoint: 'x', blockTime: 1 }))
    expect(parseRecording(written)).toEqual(RECORDING)
  })
  test.each([
    ['nothing', null],
    ['a list', []],
    ['no netuid', { ...RECORDING, netuid: '100' }],
    ['no head', { ...RECORDING, head: '0x12' }],
    ['a head in upper case', { ...RECORDING, head: RECORDING.head.toUpperCase() }],
    ['no answers', { ...RECORDING, answers: {} }],
  ])('refuses %s', (_, value) => {
    expect(parseRecording(value)).toBeUndefined()
  })
})

test.each([
  ['0x0500', 2, 5],
  ['0x1d00', 2, 29],
  ['0x0010', 2, 4096],
  ['0xffffffff', 4, 4_294_967_295],
  ['0x00e8764817000000', 8, 100_000_000_000],
  ['0x05', 2, undefined],
  ['0x050000', 2, undefined],
  [null, 2, undefined],
])('readUint(%s, %d) is %s', (hex, bytes, value) => {
  expect(readUint(hex, bytes)).toBe(value)
})
