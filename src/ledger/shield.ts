/**
 * The Ledger port with a rate limit by hotkey behind it.
 *
 * The object is asked first: a copy of an upload is a replay (409) and costs its hotkey nothing, however many strangers send it. Only a
 * new nonce counts against the limiter, and one that the limiter refuses is given back. The limiter is approximate and per Cloudflare
 * location; the object counts exactly. A dry run reserves nothing and so counts against no hotkey.
 */

import type { Ledger } from '../admission/ports.ts'
import { rejected } from '../protocol/problem.ts'

/** `allows` is false only when the limiter says so; it allows so many `requests` in so many `seconds`. */
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
      await ledger.free(key, reservation.nonce, reservation.requestId)
      return { ...rejected('rate_limited', facts, 'hotkey limiter'), found: reserved.found }
    },
  }
}
