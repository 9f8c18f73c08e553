/**
 * The Ledger port behind a rate limit by hotkey.
 *
 * The ledger is asked last, for an upload that proved whose it is; so this is the first place that knows a hotkey it can believe. The
 * limiter is approximate and per Cloudflare location: it keeps a flood of one hotkey, replays included, from its Durable Object, which
 * counts exactly. A nonce that is turned away here is not spent.
 */

import type { Ledger, LedgerKey } from '../admission/ports.ts'
import { rejected } from '../protocol/problem.ts'
import type { Result } from '../protocol/result.ts'

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
  const behind = async <T>({ hotkey }: LedgerKey, ask: () => Promise<Result<T>>): Promise<Result<T>> =>
    (await allows(hotkey)) ? ask() : rejected('rate_limited', facts, 'hotkey limiter')
  return {
    reserve: (key, ...rest) => behind(key, () => ledger.reserve(key, ...rest)),
    find: (key, ...rest) => behind(key, () => ledger.find(key, ...rest)),
    settle: ledger.settle,
  }
}
