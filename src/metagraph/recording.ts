/**
 * A recording: one reading of the chain, word for word, and its whole-or-nothing validation.
 *
 * The reader makes recordings, `npm run chain:record` writes them to disk, an operator may push
 * one. All three go through `checkRecording`, so there is one opinion about what is true. Nothing
 * here asks, waits or knows the time.
 */

import { hexToBytes } from '@noble/hashes/utils.js'
import { encodeSs58 } from '../crypto/ss58.ts'
import { isRecord } from '../protocol/json.ts'
import { indexHotkeys, MAX_UIDS, type Metagraph } from '../protocol/metagraph.ts'
import { type Checked, fault } from './fault.ts'
import {
  accountKey,
  BLOCK_NUMBER,
  GENESIS_HASH,
  networkKey,
  TIMESTAMP_NOW,
  uidCountKey,
} from './storage-keys.ts'

const HASH = /^0x[0-9a-f]{64}$/
const HEX = /^0x(?:[0-9a-f]{2})*$/
const ZERO_ACCOUNT = `0x${'00'.repeat(32)}`

export interface Recording {
  readonly netuid: number
  /** Hash of the block that was asked about: the finalized head. */
  readonly head: string
  /** Results of `state_queryStorageAt` at that block, as they came. */
  readonly answers: readonly unknown[]
  /**
   * Result of `chain_getBlockHash(0)`, when the node did not keep the genesis hash in its state.
   */
  readonly genesis?: unknown
}

/** Which chain and subnet an answer must be about. */
export interface ChainTarget {
  readonly netuid: number
  /** `0x` and 64 lower-case hex digits. */
  readonly genesisHash: string
}

/** What a recording says when all of it is true. */
export interface ChainState extends Omit<Metagraph, 'fetchedAt' | 'endpoint'> {
  /** Public key as hex (`0x…`) by uid, as the chain wrote it. */
  readonly accounts: readonly string[]
}

/** Storage values by key; null where the chain holds nothing. */
export type Entries = ReadonlyMap<string, string | null>

/**
 * The state a recording proves, or the first thing wrong with it.
 *
 * `known` holds hotkeys already spelled out, by account: computing 256 addresses costs more than
 * everything else together.
 */
export function checkRecording(
  recording: Recording,
  target: ChainTarget,
  known: ReadonlyMap<string, string>,
): Checked<ChainState> {
  const { netuid } = target
  if (recording.netuid !== netuid) return fault('wrong_netuid')
  const merged = mergeAnswers(recording.head, recording.answers)
  if (!merged.ok) return merged
  const header = readHeader(merged.value, target, recording.genesis)
  if (!header.ok) return header
  const count = readUidCount(merged.value, netuid)
  if (!count.ok) return count
  const accounts = readAccounts(merged.value, netuid, count.value)
  if (!accounts.ok) return accounts
  const hotkeys = accounts.value.map(
    (account) => known.get(account) ?? encodeSs58(hexToBytes(account.slice(2))),
  )
  const uids = indexHotkeys(hotkeys)
  if (uids === undefined) return fault('duplicate_hotkey')
  return {
    ok: true,
    value: { netuid, blockHash: recording.head, ...header.value, accounts: accounts.value, hotkeys, uids },
  }
}

/**
 * All answers as one table. Each must be about block `head` (any, when undefined), and no key may
 * be answered twice.
 */
export function mergeAnswers(head: string | undefined, answers: readonly unknown[]): Checked<Entries> {
  const entries = new Map<string, string | null>()
  for (const answer of answers) {
    const set = Array.isArray(answer) && answer.length === 1 ? answer[0] : undefined
    if (!isRecord(set) || !isBlockHash(set['block']) || !Array.isArray(set['changes']))
      return fault('malformed_answer')
    if (head !== undefined && set['block'] !== head) return fault('wrong_block_hash')
    for (const change of set['changes']) {
      const [key, value] = Array.isArray(change) && change.length === 2 ? change : []
      if (typeof key !== 'string' || !(value === null || isHex(value))) return fault('malformed_answer')
      if (entries.has(key)) return fault('repeated_key')
      entries.set(key, value)
    }
  }
  return { ok: true, value: entries }
}

/** Block number and time (Unix seconds), on the pinned chain and of an existing subnet. */
export function readHeader(
  entries: Entries,
  { netuid, genesisHash }: ChainTarget,
  genesis: unknown,
): Checked<{ readonly block: number; readonly blockTime: number }> {
  const stored = entries.get(GENESIS_HASH)
  const added = entries.get(networkKey(netuid))
  const number = entries.get(BLOCK_NUMBER)
  const time = entries.get(TIMESTAMP_NOW)
  if (stored === undefined || added === undefined || number === undefined || time === undefined)
    return fault('missing_key')
  if ((stored ?? genesis) !== genesisHash) return fault('wrong_genesis')
  if (added !== '0x01') return fault('network_absent')
  const block = readUint(number, 4)
  const milliseconds = readUint(time, 8)
  if (block === undefined || milliseconds === undefined) return fault('wrong_length')
  return { ok: true, value: { block, blockTime: Math.floor(milliseconds / 1000) } }
}

/** `SubnetworkN`: 1 to 4,096. Absent reads as 0. */
export function readUidCount(entries: Entries, netuid: number): Checked<number> {
  const value = entries.get(uidCountKey(netuid))
  if (value === undefined) return fault('missing_key')
  const count = value === null ? 0 : readUint(value, 2)
  if (count === undefined) return fault('wrong_length')
  return count > 0 && count <= MAX_UIDS ? { ok: true, value: count } : fault('uid_count_out_of_range')
}

/**
 * An unsigned little-endian integer of exactly `bytes` bytes, or undefined. Beyond 2^53 it is
 * inexact, and refused as a time.
 */
export function readUint(hex: string | null, bytes: number): number | undefined {
  if (hex?.length !== 2 + 2 * bytes) return undefined
  return Number(`0x${hex.slice(2).match(/../g)?.reverse().join('')}`)
}

export function isBlockHash(value: unknown): value is string {
  return typeof value === 'string' && HASH.test(value)
}

function readAccounts(entries: Entries, netuid: number, count: number): Checked<readonly string[]> {
  const accounts: string[] = []
  for (let uid = 0; uid < count; uid += 1) {
    const account = entries.get(accountKey(netuid, uid))
    if (account === undefined) return fault('missing_key')
    if (account === null) return fault('absent_account')
    if (account.length !== ZERO_ACCOUNT.length) return fault('wrong_length')
    if (account === ZERO_ACCOUNT) return fault('zero_account')
    accounts.push(account)
  }
  return { ok: true, value: accounts }
}

function isHex(value: unknown): value is string {
  return typeof value === 'string' && HEX.test(value)
}

/**
 * A recording from outside (a file, a push), or undefined when it does not have the shape of one.
 */
export function parseRecording(value: unknown): Recording | undefined {
  if (!isRecord(value)) return undefined
  const { netuid, head, answers, genesis } = value
  if (typeof netuid !== 'number' || !isBlockHash(head) || !Array.isArray(answers)) return undefined
  return { netuid, head, answers, genesis }
}
