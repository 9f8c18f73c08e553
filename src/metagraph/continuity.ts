/**
 * Does a chain state follow from what is known already?
 *
 * A node that is behind, forked or lying gives answers that are well-formed; time and the previous snapshot show them up.
 */

import type { Metagraph } from '../protocol/metagraph.ts'
import type { ContinuityFault } from './fault.ts'
import type { ChainState } from './recording.ts'

/** A finalized head is 24 to 60 s old; beyond five minutes finality or the node has stopped. */
const MAX_BLOCK_AGE_SECONDS = 300
/** A block's author may run ahead of us by its clock; Substrate itself allows 30 s. */
const MAX_BLOCK_LEAD_SECONDS = 60
/** The runtime refuses blocks closer than half a slot (12 s); a number that grows faster is made up, and would lock out the truth. */
const MIN_BLOCK_SECONDS = 6
/** Share of the members that may vanish at once on one endpoint's word. */
const SUDDEN_LOSS = 1 / 4

/** Why the state cannot be taken at `now` (Unix seconds) after `previous`, or undefined. */
export function continuityFault(
  state: Pick<ChainState, 'block' | 'blockTime'> & { readonly blockHash?: string },
  previous: Metagraph | undefined,
  now: number,
): ContinuityFault | undefined {
  if (now - state.blockTime > MAX_BLOCK_AGE_SECONDS) return 'stale_block_time'
  if (state.blockTime - now > MAX_BLOCK_LEAD_SECONDS) return 'block_time_ahead'
  if (previous === undefined) return undefined
  if (state.block < previous.block) return 'block_behind'
  const blocks = state.block - previous.block
  if (blocks * MIN_BLOCK_SECONDS > state.blockTime - previous.blockTime) return 'block_ahead'
  if (blocks === 0 && state.blockHash !== undefined && state.blockHash !== previous.blockHash)
    return 'block_hash_changed'
  return undefined
}

/** More than a quarter of the previous hotkeys are gone. Rare (a trim), and what an endpoint would do to lock miners out. */
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
