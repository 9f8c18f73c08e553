/**
 * Hotkeys that registered after the snapshot was made: looked up one by one at the best head.
 *
 * Anyone can make hotkeys and sign with them, so a lookup has to be scarce: what was answered is remembered per hotkey, a
 * budget per minute holds for the whole subnet, and over it the answer is when to try again.
 */

import { decodeSs58, encodeSs58 } from '../crypto/ss58.ts'
import type { Lease } from '../lease/rules.ts'
import { ZERO_HOTKEY } from '../protocol/metagraph.ts'
import { type Attempt, type Chain, consultForHotkey } from './consult.ts'
import type { Snapshot } from './snapshot.ts'

/** How long a hotkey that was not found is not looked for again. */
const ABSENT_SECONDS = 60
/** How long a found one is remembered: until a snapshot has it, at most two cron periods. */
const FOUND_SECONDS = 600
/** After endpoints failed, and while another request is asking. */
const FAILED_SECONDS = 30
const PENDING_SECONDS = 5
/** Hotkeys remembered per isolate. The oldest goes first; the budget holds all the same. */
const REMEMBERED = 1024
const LOOKUP_LIMIT_MS = 3000

export interface Place {
  readonly uid: number
  /** Block it was seen at. */
  readonly block: number
}

export type LookupAnswer = Place | 'unregistered' | { readonly retryAfterSeconds: number }

/** What a lookup that asked the chain came to, for the log. */
export interface LookupOutcome {
  readonly outcome: 'found' | 'absent' | 'failed'
  readonly uid: number | undefined
  readonly faults: readonly Attempt[]
}

export interface FreshRegistrations {
  /** A hotkey found lately that `snapshot` is too old to know; asks nobody. */
  recall(hotkey: string, snapshot: Snapshot | undefined, now: number): Place | undefined
  /** Call only with a verified signature. Never throws. */
  lookup(hotkey: string, snapshot: Snapshot | undefined, now: number): Promise<LookupAnswer>
  /** Youngest block at which a hotkey was found, 0 when none was: a snapshot should reach it. */
  newestBlock(): number
}

interface Memory {
  /** Unix seconds. */
  readonly until: number
  readonly answer: Place | 'unregistered' | 'unknown'
}

export function createFreshRegistrations(
  chain: Chain,
  lease: Lease,
  onLookup: (outcome: LookupOutcome) => void,
): FreshRegistrations {
  const memories = new Map<string, Memory>()
  let budgetSpentUntil = 0
  let newestBlock = 0

  function remember(hotkey: string, answer: Memory['answer'], until: number): void {
    memories.delete(hotkey)
    const oldest = memories.keys().next()
    if (memories.size >= REMEMBERED && !oldest.done) memories.delete(oldest.value)
    memories.set(hotkey, { until, answer })
  }

  function recallMemory(hotkey: string, snapshot: Snapshot | undefined, now: number): Memory | undefined {
    const memory = memories.get(hotkey)
    if (memory === undefined || memory.until <= now) return undefined
    // A snapshot of that block or a later one knows better.
    const outdated = typeof memory.answer === 'object' && memory.answer.block <= (snapshot?.block ?? 0)
    return outdated ? undefined : memory
  }

  return {
    newestBlock: () => newestBlock,

    recall(hotkey, snapshot, now) {
      const memory = recallMemory(hotkey, snapshot, now)
      return typeof memory?.answer === 'object' ? memory.answer : undefined
    },

    async lookup(hotkey, snapshot, now) {
      const publicKey = decodeHotkey(hotkey)
      if (publicKey === undefined || chain.endpoints.length === 0) return 'unregistered'
      const memory = recallMemory(hotkey, snapshot, now)
      if (memory !== undefined) {
        return memory.answer === 'unknown'
          ? { retryAfterSeconds: Math.ceil(memory.until - now) }
          : memory.answer
      }
      if (budgetSpentUntil > now) return { retryAfterSeconds: Math.ceil(budgetSpentUntil - now) }
      remember(hotkey, 'unknown', now + PENDING_SECONDS)
      const claim = await lease.claimLookup(now)
      if (!claim.granted) {
        budgetSpentUntil = now + claim.retryAfterSeconds
        return { retryAfterSeconds: claim.retryAfterSeconds }
      }
      const { value, faults, coolDowns } = await consultForHotkey(
        chain,
        publicKey,
        snapshot,
        claim.coolDowns,
        now,
        LOOKUP_LIMIT_MS,
      )
      if (faults.length > 0) await lease.report(now, { succeeded: false, coolDowns })
      onLookup({
        outcome: value === undefined ? 'failed' : value.uid === undefined ? 'absent' : 'found',
        uid: value?.uid,
        faults,
      })
      if (value === undefined) {
        remember(hotkey, 'unknown', now + FAILED_SECONDS)
        return { retryAfterSeconds: FAILED_SECONDS }
      }
      if (value.uid === undefined) {
        remember(hotkey, 'unregistered', now + ABSENT_SECONDS)
        return 'unregistered'
      }
      const place = { uid: value.uid, block: value.block }
      remember(hotkey, place, now + FOUND_SECONDS)
      newestBlock = Math.max(newestBlock, place.block)
      return place
    },
  }
}

/** The key of a hotkey in the one spelling that counts. */
function decodeHotkey(hotkey: string): Uint8Array | undefined {
  const publicKey = decodeSs58(hotkey)?.publicKey
  if (publicKey === undefined || hotkey === ZERO_HOTKEY || encodeSs58(publicKey) !== hotkey) return undefined
  return publicKey
}
