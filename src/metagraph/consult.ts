/**
 * Asks the endpoints, in their order, until one gives an answer that can be believed.
 *
 * With a usable snapshot at hand one endpoint suffices: its state must follow from that snapshot,
 * and a sudden loss of members needs a second endpoint that says the same. Without one, see
 * `agreement.ts`. A snapshot too old to serve binds no successor, so that a lie that once passed
 * ends with its own age.
 */

import type { CoolDowns } from '../lease/rules.ts'
import { type Agreement, agree, type Voiced } from './agreement.ts'
import { continuityFault, isSuddenLoss, sameMembers, usableAt } from './continuity.ts'
import { type Checked, fault } from './fault.ts'
import { endpointName } from './json-rpc.ts'
import { type Ask, readChain, readSighting, type Sighting } from './reader.ts'
import { type ChainState, checkRecording } from './recording.ts'
import { type Attempt, type Chain, type Round, type RoundTerms, shareOf, startRound } from './round.ts'
import { knownHotkeys, type Snapshot, toSnapshot } from './snapshot.ts'

export interface Consultation<T> {
  /** Undefined when no endpoint could be believed. */
  readonly value: T | undefined
  /** What was wrong with those that were asked before. */
  readonly faults: readonly Attempt[]
  /** Those that were given plus those that were earned. */
  readonly coolDowns: CoolDowns
  /** Names of endpoints that contradict each other, so that there is no first snapshot. */
  readonly contradicting: readonly string[]
}

/**
 * A snapshot that may replace `held`, the last one, however old. Takes at most `terms.limitMs`.
 */
export async function consultForSnapshot(
  chain: Chain,
  held: Snapshot | undefined,
  terms: RoundTerms,
): Promise<Consultation<Snapshot>> {
  const { now } = terms
  const known = knownHotkeys(held)
  const previous = usableAt(held, now, chain.maxAgeSeconds)
  const read = async (ask: Ask): Promise<Checked<ChainState>> => {
    const recording = await readChain(ask, chain.netuid, held?.hotkeys.length)
    if (!recording.ok) return recording
    const state = checkRecording(recording.value, chain, known)
    if (!state.ok) return state
    const broken = continuityFault(state.value, previous, now, chain.genesisHash)
    return broken === undefined ? state : fault(broken)
  }
  const round = startRound(chain, terms)
  const { agreed, contradicting } =
    previous === undefined ? await agree(round, read) : await follow(round, previous, read)
  round.end()
  const value = agreed && toSnapshot(agreed.state, now, agreed.endpoint)
  return { value, faults: round.faults, coolDowns: round.coolDowns, contradicting }
}

/** Where a hotkey stands at the best head. Takes at most `terms.limitMs`. */
export async function consultForHotkey(
  chain: Chain,
  publicKey: Uint8Array,
  held: Snapshot | undefined,
  terms: RoundTerms,
): Promise<Consultation<Sighting>> {
  const { now } = terms
  const previous = usableAt(held, now, chain.maxAgeSeconds)
  const round = startRound(chain, terms)
  const value = await firstSound(round, async (ask) => {
    const sighting = await readSighting(ask, chain, publicKey)
    if (!sighting.ok) return sighting
    const broken = continuityFault(sighting.value, previous, now, chain.genesisHash)
    return broken === undefined ? sighting : fault(broken)
  })
  round.end()
  return { value, faults: round.faults, coolDowns: round.coolDowns, contradicting: [] }
}

/** The first endpoint's state that follows from `previous`. */
async function follow(
  round: Round,
  previous: Snapshot,
  read: (ask: Ask) => Promise<Checked<ChainState>>,
): Promise<Agreement> {
  const suspects: Voiced[] = []
  const agreed = await firstSound(round, async (ask, endpoint): Promise<Checked<Voiced>> => {
    const state = await read(ask)
    if (!state.ok) return state
    const voiced = { state: state.value, endpoint }
    const confirmed = suspects.some(
      (other) => other.endpoint !== endpoint && sameMembers(other.state, state.value),
    )
    if (confirmed || !isSuddenLoss(state.value, previous)) return { ok: true, value: voiced }
    suspects.push(voiced)
    return fault('loss_unconfirmed')
  })
  return { agreed, contradicting: [] }
}

async function firstSound<T>(
  round: Round,
  work: (ask: Ask, endpoint: string) => Promise<Checked<T>>,
): Promise<T | undefined> {
  for (const endpoint of round.ready) {
    if (!round.mayAsk(endpoint)) continue
    const name = endpointName(endpoint)
    const answer = await round.attempt(endpoint, shareOf(round, endpoint), (ask) => work(ask, name))
    if (answer.ok) return answer.value
  }
  return undefined
}
