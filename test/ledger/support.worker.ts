/** A ledger of its own for each test, and reservations that differ in one thing. */

import { env } from 'cloudflare:workers'
import type { LedgerKey, Reservation } from '../../src/admission/ports.ts'
import { createLedger } from '../../src/ledger/client.ts'
import type { Result } from '../../src/protocol/result.ts'

/** Unix seconds, far ahead: workerd's own clock must not reach an alarm that a test sets. */
export const NOW = 4_000_000_000

export const RETENTION_SECONDS = 86_400
export const IN_FLIGHT_SECONDS = 60

export const ledger = createLedger(env.NONCES, {
  retentionSeconds: RETENTION_SECONDS,
  inFlightSeconds: IN_FLIGHT_SECONDS,
})

let keys = 0

/** The key of an object that no other test uses. */
export function newKey(): LedgerKey {
  return { netuid: 100, slug: 'agent-challenge', hotkey: `hotkey-${++keys}` }
}

export function stubOf(key: LedgerKey) {
  return env.NONCES.getByName(`${key.netuid}:${key.slug}:${key.hotkey}`)
}

export function reservation(changes: Partial<Reservation> = {}): Reservation {
  return {
    nonce: 'nonce',
    requestId: crypto.randomUUID(),
    bodyHash: 'a'.repeat(64),
    reservedAt: NOW,
    ...changes,
  }
}

/** 'reserved', the original's outcome for a replay, else the code of the refusal. */
export function verdict(result: Result<unknown>): unknown {
  if (result.ok) return result.value
  const { rejection } = result
  return rejection.code === 'nonce_already_used' ? rejection.facts.original.outcome : rejection.code
}
