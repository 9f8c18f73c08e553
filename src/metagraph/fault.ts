/**
 * Everything that can be wrong with what a chain endpoint says, as a closed vocabulary.
 *
 * The words go into log lines, so they never hold a URL, a header or anything an endpoint wrote.
 */

import type { Result } from '../protocol/result.ts'

/** The endpoint did not give a JSON-RPC result. */
const TRANSPORT_FAULTS = [
  'network_error',
  'time_limit',
  'answer_too_long',
  'rate_limited',
  'http_error',
  'html_page',
  'not_json',
  'wrong_id',
  'unknown_block',
  'rpc_error',
] as const
type TransportFault = (typeof TRANSPORT_FAULTS)[number]

/** The endpoint gave a result, but it is not a snapshot of this subnet. */
type ContentFault =
  | 'malformed_answer'
  | 'wrong_block_hash'
  | 'missing_key'
  | 'repeated_key'
  | 'wrong_length'
  | 'wrong_genesis'
  | 'network_absent'
  | 'uid_count_out_of_range'
  | 'absent_account'
  | 'zero_account'
  | 'duplicate_hotkey'

/** The result is a snapshot, but it does not follow from the previous one. */
export type ContinuityFault =
  | 'wrong_netuid'
  | 'stale_block_time'
  | 'block_time_ahead'
  | 'block_behind'
  | 'block_ahead'
  | 'block_hash_changed'
  | 'loss_unconfirmed'
  | 'block_unconfirmed'

export type FaultReason = TransportFault | ContentFault | ContinuityFault

export interface Fault {
  readonly ok: false
  readonly reason: FaultReason
  /** How long to leave the endpoint alone; absent when it may be asked again at once. */
  readonly coolDownSeconds?: number
}

/** A value, or the fault. */
export type Checked<T> = Result<T, Omit<Fault, 'ok'>>

export function fault(reason: FaultReason, coolDownSeconds?: number): Fault {
  return coolDownSeconds === undefined ? { ok: false, reason } : { ok: false, reason, coolDownSeconds }
}

/** Whether the endpoint said nothing, as opposed to something that was refused. */
export function isTransportFault(reason: FaultReason): reason is TransportFault {
  return TRANSPORT_FAULTS.some((each) => each === reason)
}
