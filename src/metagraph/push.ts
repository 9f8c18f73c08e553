/**
 * A snapshot that an operator pushes, for gateways that cannot reach a chain node themselves.
 *
 * What is pushed is a recording (`npm run chain:record` prints one), so it passes the same checks
 * as an endpoint's answer. Only the second endpoint that a sudden loss needs is missing: the
 * holder of the admin token must confirm the loss instead. The holder must also confirm a lower
 * block, where the snapshot in use is itself wrong.
 */

import { continuityFault, isSuddenLoss, usableAt } from './continuity.ts'
import { type Checked, fault } from './fault.ts'
import { type ChainTarget, checkRecording, parseRecording } from './recording.ts'
import { knownHotkeys, type Snapshot, toSnapshot } from './snapshot.ts'

/** The name of the endpoint of a pushed snapshot. */
const PUSHED = 'push'

/** What the holder of the admin token confirms. */
export interface Confirmations {
  /** Take the snapshot even when more than a quarter of the members are gone. */
  readonly loss: boolean
  /** Take it whatever block the one in use claims to be of: that one is wrong. */
  readonly back: boolean
}

export interface PushTerms extends ChainTarget {
  readonly now: number
  readonly maxAgeSeconds: number
  readonly confirm: Confirmations
}

/**
 * The snapshot in `value` (parsed JSON of unknown shape) when it may replace `held`; else what is
 * wrong with it.
 */
export function acceptPushed(
  value: unknown,
  held: Snapshot | undefined,
  terms: PushTerms,
): Checked<Snapshot> {
  const { now, confirm } = terms
  const recording = parseRecording(value)
  if (recording === undefined) return fault('malformed_answer')
  const state = checkRecording(recording, terms, knownHotkeys(held))
  if (!state.ok) return state
  const previous = usableAt(held, now, terms.maxAgeSeconds)
  const broken = continuityFault(state.value, confirm.back ? undefined : previous, now, terms.genesisHash)
  if (broken !== undefined) return fault(broken)
  if (isSuddenLoss(state.value, previous) && !confirm.loss) return fault('loss_unconfirmed')
  return { ok: true, value: toSnapshot(state.value, now, PUSHED) }
}
