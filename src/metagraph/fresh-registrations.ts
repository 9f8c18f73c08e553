/**
 * Hotkeys that registered after the snapshot was made: looked up one by one at the best head.
 *
 * Anyone can make hotkeys and sign with them, so lookups are scarce. The answer is remembered per
 * hotkey, and a budget per minute holds for each client and for the whole subnet. When the chain
 * is not asked, the answer is the number of seconds until it may be: never that a hotkey is
 * unknown.
 */

import type { LookupAnswer, Place } from '../admission/ports.ts'
import { decodeSs58, encodeSs58 } from '../crypto/ss58.ts'
import type { Lease } from '../lease/rules.ts'
import { ZERO_HOTKEY } from '../protocol/metagraph.ts'
import { consultForHotkey } from './consult.ts'
import type { Attempt, Chain } from './round.ts'
import type { Snapshot } from './snapshot.ts'

/** How long a hotkey that was not found is not looked for again. */
const ABSENT_SECONDS = 60
/** How long a found one is remembered: until a snapshot has it, at most two cron periods. */
const FOUND_SECONDS = 600
/** After endpoints failed, and while another request is asking. */
const FAILED_SECONDS = 30
const PENDING_SECONDS = 5
/** Hotkeys remembered per isolate. The oldest goes first; the budget still holds. */
const REMEMBERED = 1024
const LOOKUP_LIMIT_MS = 3000

/** The result of a lookup that asked the chain, for the log. */
export interface LookupOutcome {
  readonly outcome: 'found' | 'absent' | 'failed'
  readonly uid: number | undefined
  readonly faults: readonly Attempt[]
}

export interface FreshRegistrations {
  /** A hotkey found lately that `snapshot` is too old to know; asks no endpoint. */
  recall(hotkey: string, snapshot: Snapshot | undefined, now: number): Place | undefined
  /** Call only with a verified signature. Never throws. */
  lookup(hotkey: string, snapshot: Snapshot | undefined, now: number, client: string): Promise<LookupAnswer>
  /** Whether a hotkey was found lately at a block that `snapshot` has not reached. */
  awaits(snapshot: Snapshot, now: number): boolean
}

interface Found extends Place {
  /** Unix seconds, of the block it was seen at. */
  readonly blockTime: number
}

interface Memory {
  /** Unix seconds. */
  readonly until: number
  /** Undefined for a hotkey that the chain is not asked for again before `until`. */
  readonly found: Found | undefined
}

export function createFreshRegistrations(
  chain: Chain,
  lease: Lease,
  onLookup: (outcome: LookupOutcome) => void,
): FreshRegistrations {
  const memories = new Map<string, Memory>()
  let budgetSpentUntil = 0
  let newest: { readonly found: Found; readonly until: number } | undefined

  function remember(hotkey: string, found: Found | undefined, until: number): void {
    memories.delete(hotkey)
    const oldest = memories.keys().next()
    if (memories.size >= REMEMBERED && !oldest.done) memories.delete(oldest.value)
    memories.set(hotkey, { until, found })
  }

  function recallMemory(hotkey: string, snapshot: Snapshot | undefined, now: number): Memory | undefined {
    const memory = memories.get(hotkey)
    if (memory === undefined || memory.until <= now) return undefined
    const outdated = snapshot !== undefined && memory.found !== undefined && !isBefore(snapshot, memory.found)
    return outdated ? undefined : memory
  }

  return {
    awaits: (snapshot, now) => newest !== undefined && newest.until > now && isBefore(snapshot, newest.found),

    recall(hotkey, snapshot, now) {
      const found = recallMemory(hotkey, snapshot, now)?.found
      return found && placeOf(found)
    },

    async lookup(hotkey, snapshot, now, client) {
      const publicKey = decodeHotkey(hotkey)
      if (publicKey === undefined) return 'unregistered'
      if (chain.endpoints.length === 0) return { retryAfterSeconds: ABSENT_SECONDS }
      const memory = recallMemory(hotkey, snapshot, now)
      if (memory?.found !== undefined) return placeOf(memory.found)
      // A hotkey that was absent may have registered since, so `unregistered` would be a guess.
      if (memory !== undefined) return { retryAfterSeconds: Math.ceil(memory.until - now) }
      if (budgetSpentUntil > now) return { retryAfterSeconds: Math.ceil(budgetSpentUntil - now) }
      remember(hotkey, undefined, now + PENDING_SECONDS)
      const claim = await lease.claimLookup(now, client)
      if (!claim.granted) {
        // The hotkey's owner may ask through another client.
        memories.delete(hotkey)
        if (claim.spentBy === 'subnet') budgetSpentUntil = now + claim.retryAfterSeconds
        return { retryAfterSeconds: claim.retryAfterSeconds }
      }
      const { value, faults, coolDowns } = await consultForHotkey(chain, publicKey, snapshot, {
        coolDowns: claim.coolDowns,
        now,
        limitMs: LOOKUP_LIMIT_MS,
      })
      if (faults.length > 0) await lease.report(now, { coolDowns })
      onLookup({
        outcome: value === undefined ? 'failed' : value.uid === undefined ? 'absent' : 'found',
        uid: value?.uid,
        faults,
      })
      if (value === undefined) {
        remember(hotkey, undefined, now + FAILED_SECONDS)
        return { retryAfterSeconds: FAILED_SECONDS }
      }
      if (value.uid === undefined) {
        remember(hotkey, undefined, now + ABSENT_SECONDS)
        return 'unregistered'
      }
      const found = { uid: value.uid, block: value.block, blockTime: value.blockTime }
      remember(hotkey, found, now + FOUND_SECONDS)
      if (newest === undefined || newest.found.blockTime <= found.blockTime)
        newest = { found, until: now + FOUND_SECONDS }
      return placeOf(found)
    },
  }
}

function placeOf({ uid, block }: Found): Place {
  return { uid, block }
}

/** By time as well as by number: a chain that began again counts from 0. */
function isBefore(snapshot: Snapshot, { block, blockTime }: Found): boolean {
  return snapshot.block < block && snapshot.blockTime <= blockTime
}

/** The key of a hotkey in the one spelling that counts. */
function decodeHotkey(hotkey: string): Uint8Array | undefined {
  const publicKey = decodeSs58(hotkey)?.publicKey
  if (publicKey === undefined || hotkey === ZERO_HOTKEY || encodeSs58(publicKey) !== hotkey) return undefined
  return publicKey
}
