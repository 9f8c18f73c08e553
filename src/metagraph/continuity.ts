/**
 * Does a chain state follow from what is known already?
 *
 * A node that is behind, forked or lying gives well-formed answers. The time and the previous
 * snapshot expose them.
 */

import { ageSeconds, MAINNET_GENESIS, type Metagraph, TESTNET_GENESIS } from '../protocol/metagraph.ts'
import type { ContinuityFault } from './fault.ts'
import type { ChainState } from './recording.ts'

/** A finalized head is 24 to 60 s old; beyond five minutes finality or the node has stopped. */
const MAX_BLOCK_AGE_SECONDS = 300
/** A block's author may run ahead of us by its clock; Substrate itself allows 30 s. */
const MAX_BLOCK_LEAD_SECONDS = 60
/**
 * Runtimes refuse blocks closer than half a slot; a number that grows faster is made up. Mainnet's
 * and testnet's slots have 12 s.
 */
const PACED_CHAINS: readonly string[] = [MAINNET_GENESIS, TESTNET_GENESIS]
const MIN_BLOCK_SECONDS = 6
/** Any other chain may be a local node, whose "fast blocks" have slots of 250 ms. */
const MIN_FAST_BLOCK_SECONDS = 0.125
/** Share of the members that may vanish at once on one endpoint's word. */
const SUDDEN_LOSS = 1 / 4

/**
 * The snapshot when it is young enough at `now` (Unix seconds) to serve, and so to be compared
 * against; else undefined.
 */
export function usableAt<T extends Metagraph>(
  snapshot: T | undefined,
  now: number,
  maxAgeSeconds: number,
): T | undefined {
  return snapshot !== undefined && ageSeconds(snapshot, now) <= maxAgeSeconds ? snapshot : undefined
}

/**
 * Why the state of the chain `genesisHash` cannot be taken at `now` after `previous`, a usable
 * snapshot; or undefined.
 */
export function continuityFault(
  state: Pick<ChainState, 'block' | 'blockTime'> & { readonly blockHash?: string },
  previous: Metagraph | undefined,
  now: number,
  genesisHash: string,
): ContinuityFault | undefined {
  if (now - state.blockTime > MAX_BLOCK_AGE_SECONDS) return 'stale_block_time'
  if (state.blockTime - now > MAX_BLOCK_LEAD_SECONDS) return 'block_time_ahead'
  if (previous === undefined) return undefined
  if (state.block < previous.block) return 'block_behind'
  const blocks = state.block - previous.block
  const leastSeconds = PACED_CHAINS.includes(genesisHash) ? MIN_BLOCK_SECONDS : MIN_FAST_BLOCK_SECONDS
  // Times are whole seconds: up to one more may have passed.
  if (blocks * leastSeconds >= state.blockTime - previous.blockTime + 1) return 'block_ahead'
  if (blocks === 0 && state.blockHash !== undefined && state.blockHash !== previous.blockHash)
    return 'block_hash_changed'
  return undefined
}

/**
 * More than a quarter of the previous hotkeys are gone. Rare (a trim), and what an endpoint would
 * do to lock miners out.
 */
export function isSuddenLoss(state: ChainState, previous: Metagraph | undefined): boolean {
  if (previous === undefined) return false
  const lost = previous.hotkeys.filter((hotkey) => !state.uids.has(hotkey)).length
  return lost > previous.hotkeys.length * SUDDEN_LOSS
}

/** The same hotkeys under the same uids. */
export function sameMembers(one: Pick<Metagraph, 'hotkeys'>, other: Pick<Metagraph, 'hotkeys'>): boolean {
  return (
    one.hotkeys.length === other.hotkeys.length &&
    one.hotkeys.every((hotkey, uid) => hotkey === other.hotkeys[uid])
  )
}
