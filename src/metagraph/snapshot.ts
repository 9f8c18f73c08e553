/**
 * The last good snapshot as KV keeps it: one JSON text, which is checked like a stranger's when it
 * is read.
 *
 * A value that is damaged, of another subnet or of another chain is no snapshot; it never becomes
 * "not registered".
 */

import { isRecord, parseJson } from '../protocol/json.ts'
import { indexHotkeys, type Metagraph } from '../protocol/metagraph.ts'
import { type ChainState, type ChainTarget, isBlockHash } from './recording.ts'

/** A metagraph, with what the next reading is compared against. */
export interface Snapshot extends Metagraph {
  /** Public key as hex (`0x…`) by uid. */
  readonly accounts: readonly string[]
}

export function toSnapshot(state: ChainState, fetchedAt: number, endpoint: string): Snapshot {
  return { ...state, fetchedAt, endpoint }
}

export function serializeSnapshot({ uids: _, ...snapshot }: Snapshot, genesisHash: string): string {
  return JSON.stringify({ genesisHash, ...snapshot })
}

/**
 * The snapshot in `text` when every field of it is sound and it is about this chain and subnet;
 * else undefined.
 */
export function parseSnapshot(text: string, target: ChainTarget): Snapshot | undefined {
  const value = parseJson(text)
  if (!isRecord(value) || value['netuid'] !== target.netuid || value['genesisHash'] !== target.genesisHash)
    return undefined
  const { block, blockHash, blockTime, fetchedAt, endpoint, hotkeys, accounts } = value
  if (!isCount(block) || !isCount(blockTime) || !isCount(fetchedAt)) return undefined
  if (!isBlockHash(blockHash) || typeof endpoint !== 'string') return undefined
  if (!Array.isArray(hotkeys) || !Array.isArray(accounts) || accounts.length !== hotkeys.length)
    return undefined
  const uids = indexHotkeys(hotkeys)
  if (uids === undefined || !accounts.every(isBlockHash)) return undefined
  return { netuid: target.netuid, block, blockHash, blockTime, fetchedAt, endpoint, hotkeys, accounts, uids }
}

/** Hotkeys by account, for `checkRecording`. */
export function knownHotkeys(snapshot: Snapshot | undefined): ReadonlyMap<string, string> {
  const known = new Map<string, string>()
  for (const [uid, account] of snapshot?.accounts.entries() ?? []) {
    const hotkey = snapshot?.hotkeys[uid]
    if (hotkey !== undefined) known.set(account, hotkey)
  }
  return known
}

function isCount(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
