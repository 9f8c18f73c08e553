/**
 * Reads one subnet from one endpoint: finalized head, then everything at that block.
 *
 * Two calls, three when the subnet has more uids than were expected. The block is pinned by its
 * hash, so a load balancer cannot mix two heads, and only a finalized block is read: no
 * reorganisation takes a uid back.
 */

import { MAX_UIDS } from '../protocol/metagraph.ts'
import { type Checked, fault } from './fault.ts'
import {
  type ChainTarget,
  type Entries,
  isBlockHash,
  mergeAnswers,
  type Recording,
  readHeader,
  readUidCount,
  readUint,
} from './recording.ts'
import {
  accountKey,
  BLOCK_NUMBER,
  GENESIS_HASH,
  networkKey,
  TIMESTAMP_NOW,
  uidCountKey,
  uidKey,
} from './storage-keys.ts'

/** Uids asked for at first; the usual size of a full subnet. */
const FIRST_UIDS = 256
/** A block hash in its envelope. */
const SMALL_ANSWER_BYTES = 4096
/** 4,096 uids answer with about 610 KB. */
const STORAGE_ANSWER_BYTES = 1_048_576

/** One call to an endpoint that is already chosen. */
export type Ask = (method: string, params: readonly unknown[], maxBytes: number) => Promise<Checked<unknown>>

/** A hotkey's place at one block; `uid` undefined when it has none. */
export interface Sighting {
  readonly uid: number | undefined
  readonly block: number
  /** Unix seconds. */
  readonly blockTime: number
}

interface StorageAnswer {
  /** As it came. */
  readonly result: unknown
  readonly entries: Entries
}

/** Everything needed to judge the subnet at the finalized head; `checkRecording` then does. */
export async function readChain(ask: Ask, netuid: number, expectedUids = 0): Promise<Checked<Recording>> {
  const head = await ask('chain_getFinalizedHead', [], SMALL_ANSWER_BYTES)
  if (!head.ok) return head
  if (!isBlockHash(head.value)) return fault('malformed_answer')
  const asked = Math.max(FIRST_UIDS, expectedUids)
  const keys = [...headerKeys(netuid), uidCountKey(netuid), ...accountKeys(netuid, 0, asked)]
  const first = await readStorage(ask, keys, head.value)
  if (!first.ok) return first
  const count = readUidCount(first.value.entries, netuid)
  const answers = [first.value.result]
  if (count.ok && count.value > asked) {
    const rest = await readStorage(ask, accountKeys(netuid, asked, count.value), head.value)
    if (!rest.ok) return rest
    answers.push(rest.value.result)
  }
  const genesis = await readGenesis(ask, first.value.entries)
  if (!genesis.ok) return genesis
  return { ok: true, value: { netuid, head: head.value, answers, genesis: genesis.value } }
}

/**
 * Where one hotkey stands at the endpoint's best block: one call, for a registration too fresh to
 * be finalized.
 */
export async function readSighting(
  ask: Ask,
  target: ChainTarget,
  publicKey: Uint8Array,
): Promise<Checked<Sighting>> {
  const key = uidKey(target.netuid, publicKey)
  const answer = await readStorage(ask, [...headerKeys(target.netuid), key], undefined)
  if (!answer.ok) return answer
  const { entries } = answer.value
  const genesis = await readGenesis(ask, entries)
  if (!genesis.ok) return genesis
  const header = readHeader(entries, target, genesis.value)
  if (!header.ok) return header
  const value = entries.get(key) ?? null
  const uid = readUint(value, 2)
  if (value !== null && uid === undefined) return fault('wrong_length')
  if (uid !== undefined && uid >= MAX_UIDS) return fault('uid_count_out_of_range')
  return { ok: true, value: { uid, ...header.value } }
}

/** What the endpoint knows the block of that number by; null when it has none. One call. */
export async function readBlockHash(ask: Ask, block: number): Promise<Checked<string | null>> {
  const answer = await ask('chain_getBlockHash', [block], SMALL_ANSWER_BYTES)
  if (!answer.ok) return answer
  if (answer.value !== null && !isBlockHash(answer.value)) return fault('malformed_answer')
  return { ok: true, value: answer.value }
}

/**
 * All of `keys` at one block (the best one when `at` is undefined), or a fault: a key left out is
 * not a key without a value.
 */
async function readStorage(
  ask: Ask,
  keys: readonly string[],
  at: string | undefined,
): Promise<Checked<StorageAnswer>> {
  const answer = await ask(
    'state_queryStorageAt',
    at === undefined ? [keys] : [keys, at],
    STORAGE_ANSWER_BYTES,
  )
  if (!answer.ok) return answer
  const merged = mergeAnswers(at, [answer.value])
  if (!merged.ok) return merged
  if (!keys.every((key) => merged.value.has(key))) return fault('missing_key')
  return { ok: true, value: { result: answer.value, entries: merged.value } }
}

/** Nodes keep block 0 in `System.BlockHash`; should one not, it is asked for by number. */
async function readGenesis(ask: Ask, entries: Entries): Promise<Checked<unknown>> {
  if (entries.get(GENESIS_HASH) !== null) return { ok: true, value: undefined }
  return ask('chain_getBlockHash', [0], SMALL_ANSWER_BYTES)
}

function headerKeys(netuid: number): string[] {
  return [GENESIS_HASH, BLOCK_NUMBER, TIMESTAMP_NOW, networkKey(netuid)]
}

function accountKeys(netuid: number, from: number, to: number): string[] {
  return Array.from({ length: to - from }, (_, index) => accountKey(netuid, from + index))
}
