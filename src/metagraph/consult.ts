/**
 * Asks the endpoints, in their order, until one gives an answer that can be believed.
 *
 * One attempt each. Endpoints that asked to be left alone are skipped. The first may take half of the time, the next a quarter
 * and so on, the last what is left, so that one that hangs does not cost the next its turn. A sudden loss of members needs a
 * second endpoint that says the same.
 */

import type { CoolDowns } from '../lease/rules.ts'
import { continuityFault, isSuddenLoss, sameMembers } from './continuity.ts'
import type { Checked, FaultReason } from './fault.ts'
import { callRpc, type Endpoint, endpointName, type Fetch } from './json-rpc.ts'
import { type Ask, readChain, readSighting, type Sighting } from './reader.ts'
import { type ChainState, type ChainTarget, checkRecording } from './recording.ts'
import { knownHotkeys, type Snapshot, toSnapshot } from './snapshot.ts'

export interface Chain extends ChainTarget {
  readonly fetch: Fetch
  /** In order of preference; may be empty when snapshots are pushed. */
  readonly endpoints: readonly Endpoint[]
}

export interface Attempt {
  readonly endpoint: string
  readonly reason: FaultReason
}

export interface Consultation<T> {
  /** Undefined when no endpoint could be believed. */
  readonly value: T | undefined
  /** What was wrong with those that were asked before. */
  readonly faults: readonly Attempt[]
  /** Those that were given plus those that were earned. */
  readonly coolDowns: CoolDowns
}

/** A snapshot that may replace `previous`. Takes at most `limitMs`. */
export async function consultForSnapshot(
  chain: Chain,
  previous: Snapshot | undefined,
  coolDowns: CoolDowns,
  now: number,
  limitMs: number,
): Promise<Consultation<Snapshot>> {
  const known = knownHotkeys(previous)
  const suspects: { readonly endpoint: string; readonly state: ChainState }[] = []
  const isConfirmed = (state: ChainState, endpoint: string): boolean =>
    suspects.some((other) => other.endpoint !== endpoint && sameMembers(other.state, state))
  return consult(chain, coolDowns, now, limitMs, async (ask, endpoint) => {
    const recording = await readChain(ask, chain.netuid, previous?.hotkeys.length)
    if (!recording.ok) return recording
    const state = checkRecording(recording.value, chain, known)
    if (!state.ok) return state
    const broken = continuityFault(state.value, previous, now)
    if (broken !== undefined) return { ok: false, reason: broken }
    if (isSuddenLoss(state.value, previous) && !isConfirmed(state.value, endpoint)) {
      suspects.push({ endpoint, state: state.value })
      return { ok: false, reason: 'loss_unconfirmed' }
    }
    return { ok: true, value: toSnapshot(state.value, now, endpoint) }
  })
}

/** Where a hotkey stands at the best head. Takes at most `limitMs`. */
export function consultForHotkey(
  chain: Chain,
  publicKey: Uint8Array,
  previous: Snapshot | undefined,
  coolDowns: CoolDowns,
  now: number,
  limitMs: number,
): Promise<Consultation<Sighting>> {
  return consult(chain, coolDowns, now, limitMs, async (ask) => {
    const sighting = await readSighting(ask, chain, publicKey)
    if (!sighting.ok) return sighting
    const broken = continuityFault(sighting.value, previous, now)
    return broken === undefined ? sighting : { ok: false, reason: broken }
  })
}

async function consult<T>(
  chain: Chain,
  coolDowns: CoolDowns,
  now: number,
  limitMs: number,
  attempt: (ask: Ask, endpoint: string) => Promise<Checked<T>>,
): Promise<Consultation<T>> {
  const waiting: Record<string, number> = { ...coolDowns }
  const faults: Attempt[] = []
  const whole = startDeadline(limitMs)
  const ready = chain.endpoints.filter((endpoint) => (waiting[endpointName(endpoint)] ?? 0) <= now)
  for (const [index, endpoint] of ready.entries()) {
    const name = endpointName(endpoint)
    if ((waiting[name] ?? 0) > now || whole.signal.aborted) continue
    const last = index === ready.length - 1
    const share = last ? whole : startDeadline(limitMs / 2 ** (index + 1))
    const answer = await attempt(askEndpoint(chain.fetch, endpoint, share.signal), name)
    share.clear()
    if (answer.ok) {
      whole.clear()
      return { value: answer.value, faults, coolDowns: waiting }
    }
    faults.push({ endpoint: name, reason: answer.reason })
    if (answer.coolDownSeconds !== undefined) waiting[name] = now + answer.coolDownSeconds
  }
  whole.clear()
  return { value: undefined, faults, coolDowns: waiting }
}

function askEndpoint(fetch: Fetch, endpoint: Endpoint, signal: AbortSignal): Ask {
  let id = 0
  return (method, params, maxBytes) => {
    id += 1
    return callRpc(fetch, endpoint, { id, method, params, maxBytes, signal })
  }
}

/** Not `AbortSignal.timeout`: its timer does not keep the signal alive. */
function startDeadline(ms: number): { readonly signal: AbortSignal; clear(): void } {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(), ms)
  return { signal: controller.signal, clear: () => clearTimeout(timer) }
}
