/**
 * The Ledger port, followed by a rate limit by hotkey.
 *
 * The object is asked first: copies of an upload are replays (409) and cost its hotkey nothing,
 * however many of them strangers send. Only a new nonce counts against the limiter, and a nonce
 * that the limiter refuses is given back. The limiter is approximate and per Cloudflare location;
 * the object counts exactly. A dry run reserves nothing and so counts against no hotkey.
 */

import type { Ledger, LedgerFindings } from '../admission/ports.ts'
import { rejected } from '../protocol/problem.ts'

/**
 * `allows` is false only when the limiter says so; it allows so many `requests` in so many
 * `seconds`.
 */
export function shieldLedger(
  ledger: Ledger,
  allows: (hotkey: string) => Promise<boolean>,
  { requests, seconds }: { readonly requests: number; readonly seconds: number },
): Ledger {
  const facts = {
    limit: 'hotkey',
    limit_requests: requests,
    limit_seconds: seconds,
    retry_after_seconds: seconds,
  } as const
  return {
    ...ledger,
    async reserve(key, reservation) {
      const reserved = await ledger.reserve(key, reservation)
      if (!reserved.ok || (await allows(key.hotkey))) return reserved
      const isFree = await ledger.free(key, reservation.nonce, reservation.requestId)
      const found = isFree ? withOneMore(reserved.found) : reserved.found
      return { ...rejected('rate_limited', facts, 'hotkey limiter'), found }
    },
  }
}

/** The nonce that was given back counts no more. */
function withOneMore({ quota, ...found }: LedgerFindings): LedgerFindings {
  return quota === undefined ? found : { ...found, quota: { ...quota, remaining: quota.remaining + 1 } }
}
