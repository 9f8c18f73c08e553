/**
 * What admission needs from outside. The edge rooms implement these; tests pass fakes.
 *
 * A port never throws for a fault of the platform: a store that cannot answer says so, and
 * admission refuses.
 */

import type { Verifier } from '../crypto/signature.ts'
import type { OriginalUpload } from '../protocol/facts.ts'
import type { Metagraph } from '../protocol/metagraph.ts'
import type { Result } from '../protocol/result.ts'
import type { AttemptBudget } from './likely-cause.ts'

export interface MetagraphSource {
  /** The usable snapshot at `now` (Unix seconds), or undefined when there is none young enough. */
  current(now: number): Promise<Metagraph | undefined>
  /**
   * Where an earlier lookup found a hotkey that the snapshot is too old to know. The chain is not
   * asked.
   */
  recall(hotkey: string, now: number): Place | undefined
  /**
   * Asks the chain for a hotkey that is not in the snapshot. Lookups are scarce: call only after
   * the signature verified.
   */
  lookup(hotkey: string, now: number, client: string): Promise<LookupAnswer>
}

/** Where a lookup found a hotkey. */
export interface Place {
  readonly uid: number
  /** Block it was seen at. */
  readonly block: number
}

/**
 * `unregistered`: the chain was asked just now. `retryAfterSeconds`: it was not, or did not
 * answer.
 */
export type LookupAnswer = Place | 'unregistered' | { readonly retryAfterSeconds: number }

/** Names one nonce ledger: the nonces that one hotkey has used at one challenge. */
export interface LedgerKey {
  readonly netuid: number
  readonly slug: string
  readonly hotkey: string
}

export interface Reservation {
  readonly nonce: string
  /** Random per request; asking again with the same id is not a replay. */
  readonly requestId: string
  /** Lower-case hex SHA-256 of the body. */
  readonly bodyHash: string
  /** Unix seconds. */
  readonly reservedAt: number
}

/** What the origin made of the upload, as written by `settle`. */
export type Settlement =
  | { readonly outcome: 'delivered'; readonly status: number }
  | { readonly outcome: 'not_delivered' | 'unknown' }

/** The period over which the quota counts uploads. */
export const QUOTA_SECONDS = 3600

/** What is left of a hotkey's quota at one challenge. */
export interface Quota {
  readonly remaining: number
  /** Seconds until one more upload is allowed. */
  readonly resetSeconds: number
}

/** What a question to the ledger shows, whatever the answer. */
export interface LedgerFindings {
  /** Absent without a quota, and when the ledger gave no answer. */
  readonly quota?: Quota
  /** How long it took. */
  readonly milliseconds?: number
}

export type LedgerAnswer<T> = Result<T> & { readonly found: LedgerFindings }

export interface Ledger {
  /**
   * Reserves once. `nonce_already_used`: another request holds the nonce. `rate_limited`: the
   * quota is used up, and the nonce stays free. `nonce_store_unavailable`: the ledger gave no
   * clear answer.
   */
  reserve(key: LedgerKey, reservation: Reservation): Promise<LedgerAnswer<'reserved'>>
  /**
   * The upload that holds this nonce, if any; `rate_limited` when it could not be reserved now.
   * Reserves nothing.
   */
  find(key: LedgerKey, reservation: Reservation): Promise<LedgerAnswer<OriginalUpload | undefined>>
  /**
   * Gives back a nonce that this request reserved and does not use. False when that fails: the
   * nonce stays spent.
   */
  free(key: LedgerKey, nonce: string, requestId: string): Promise<boolean>
  /**
   * Writes what became of a reserved upload. When that fails the row stays `in_flight`, and after
   * a while it counts as `unknown`.
   */
  settle(key: LedgerKey, nonce: string, requestId: string, settlement: Settlement): Promise<void>
}

/** A running SHA-256 in constant memory (the platform's, which Node lacks). */
export interface RunningDigest {
  update(bytes: Uint8Array): Promise<void>
  hex(): Promise<string>
}

export interface Ports {
  /** Unix seconds. */
  readonly now: () => number
  readonly metagraph: MetagraphSource
  readonly ledger: Ledger
  readonly verify: Verifier
  /** Calls `act` after so many seconds, unless the returned function is called before. */
  readonly after: (seconds: number, act: () => void) => () => void
  readonly newDigest: () => RunningDigest
  /** Verifications that may be spent on looking for the cause of wrong signatures. */
  readonly causes: AttemptBudget
  /** Whether a bearer token is configured for the challenge. */
  readonly hasToken: (slug: string) => boolean
}
