/**
 * A snapshot that an operator pushes, for gateways that cannot reach a chain node themselves.
 *
 * What is pushed is a recording (`npm run chain:record` prints one), so it passes the same checks as an endpoint's answer. Only
 * the second endpoint that a sudden loss needs is missing: there the holder of the admin token vouches, explicitly.
 */

import { continuityFault, isSuddenLoss } from './continuity.ts'
import { type Checked, fault } from './fault.ts'
import { type ChainTarget, checkRecording, parseRecording } from './recording.ts'
import { knownHotkeys, type Snapshot, toSnapshot } from './snapshot.ts'

/** What a pushed snapshot names as its endpoint. */
const PUSHED = 'push'

export interface PushTerms extends ChainTarget {
  /** Take the snapshot even when more than a quarter of the members are gone. */
  readonly confirmLoss: boolean
}

/** The snapshot in `value` (parsed JSON of unknown shape) when it may replace `previous` at `now`; else what is wrong with it. */
export function acceptPushed(
  value: unknown,
  previous: Snapshot | undefined,
  now: number,
  terms: PushTerms,
): Checked<Snapshot> {
  const recording = parseRecording(value)
  if (recording === undefined) return fault('malformed_answer')
  const state = checkRecording(recording, terms, knownHotkeys(previous))
  if (!state.ok) return state
  const broken = continuityFault(state.value, previous, now)
  if (broken !== undefined) return fault(broken)
  if (isSuddenLoss(state.value, previous) && !terms.confirmLoss) return fault('loss_unconfirmed')
  return { ok: true, value: toSnapshot(state.value, now, PUSHED) }
}
