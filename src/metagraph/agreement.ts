/**
 * A first snapshot: with nothing to compare a state against, a second endpoint must know its block
 * by the same hash.
 *
 * One lie that became the snapshot would make every true state look wrong. So the other endpoints
 * are asked about one endpoint's state after another, at one question each, and the first state
 * that another endpoint confirms is taken: two of three are a majority. An endpoint whose own
 * state is unsound (another chain, an empty account, an old head) has no vote. If only one
 * endpoint has a vote, its state is taken. If those with a vote contradict each other, there is no
 * snapshot, and an operator must decide.
 */

import { type Checked, isTransportFault } from './fault.ts'
import { endpointName } from './json-rpc.ts'
import { type Ask, readBlockHash } from './reader.ts'
import type { ChainState } from './recording.ts'
import { type Round, shareOf } from './round.ts'

/** Of the round's time, for one question to another endpoint. */
const QUESTION_SHARE = 1 / 4
/** Votes against a state after which no further endpoint is asked about it. */
const OUTVOTED = 2

export interface Voiced {
  readonly state: ChainState
  /** Name of the endpoint that said so. */
  readonly endpoint: string
}

export interface Agreement {
  /** Undefined when no endpoint could be believed. */
  readonly agreed: Voiced | undefined
  /**
   * Names of the endpoints that contradict each other; empty when none do, or when a majority
   * decided.
   */
  readonly contradicting: readonly string[]
}

/** `read` answers a state that is sound in itself. */
export async function agree(
  round: Round,
  read: (ask: Ask) => Promise<Checked<ChainState>>,
): Promise<Agreement> {
  const sound: Voiced[] = []
  /**
   * Endpoints that denied another's block. One stays here until its own state is known to be
   * unsound.
   */
  const denying = new Set<string>()
  for (const endpoint of round.ready) {
    const name = endpointName(endpoint)
    // Two URLs of one host are one party.
    if (!round.mayAsk(endpoint) || sound.some((other) => other.endpoint === name)) continue
    const answer = await round.attempt(endpoint, shareOf(round, endpoint), read)
    if (!answer.ok) {
      if (!isTransportFault(answer.reason)) denying.delete(name)
      continue
    }
    const voiced = { state: answer.value, endpoint: name }
    const denials = await denialsOf(round, voiced)
    if (denials === 'confirmed') return { agreed: voiced, contradicting: [] }
    sound.push(voiced)
    if (denials.length > 0) round.note({ endpoint: name, reason: 'block_unconfirmed' })
    for (const denial of denials) denying.add(denial)
  }
  const parties = [...new Set([...sound.map(({ endpoint }) => endpoint), ...denying])]
  if (parties.length <= 1) return { agreed: sound[0], contradicting: [] }
  return { agreed: undefined, contradicting: parties }
}

/**
 * `confirmed` once another endpoint knows the block by this hash; else the names of those that do
 * not.
 */
async function denialsOf(
  round: Round,
  { state, endpoint }: Voiced,
): Promise<'confirmed' | readonly string[]> {
  const denials: string[] = []
  for (const other of round.ready) {
    const name = endpointName(other)
    if (name === endpoint || denials.includes(name) || !round.mayAsk(other)) continue
    const hash = await round.attempt(other, QUESTION_SHARE, (ask) => readBlockHash(ask, state.block))
    if (!hash.ok) continue
    if (hash.value === state.blockHash) return 'confirmed'
    denials.push(name)
    if (denials.length === OUTVOTED) break
  }
  return denials
}
