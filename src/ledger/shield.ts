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

/** `allows` false only when the limiter says so; `seconds` is its period. */
export function shieldLedger(
  ledger: Ledger,
  allows: (hotkey: string) => Promise<boolean>,
  seconds: number,
): Ledger {
  const behind = async <T>({ hotkey }: LedgerKey, ask: () => Promise<Result<T>>): Promise<Result<T>> =>
    (await allows(hotkey))
      ? ask()
      : rejected('rate_limited', { retry_after_seconds: seconds }, 'hotkey limiter')
  return {
    reserve: (key, ...rest) => behind(key, () => ledger.reserve(key, ...rest)),
    find: (key, ...rest) => behind(key, () => ledger.find(key, ...rest)),
    settle: ledger.settle,
  }
}
