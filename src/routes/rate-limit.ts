/**
 * Fair use: refuses clients that ask too often before the costly work, and tells clients what is
 * left of their quota.
 *
 * The platform's limiters are a shield: they are approximate, count per Cloudflare location, and
 * let requests pass when they fail. The exact quota is counted by the nonce ledger.
 */

import { type LedgerFindings, QUOTA_SECONDS, type Quota } from '../admission/ports.ts'
import type { RequestEntry } from '../log.ts'
import { rejected } from '../protocol/problem.ts'
import { type RouteContext, refuse } from './context.ts'

/** `LIMIT_ADDRESS` and `LIMIT_HOTKEY` in wrangler.toml. */
export const SHIELD = { requests: 60, seconds: 60 }

/**
 * False only when the limiter says so. Without an address (no edge in front), without a binding,
 * or when the limiter fails, requests pass.
 */
export function createLimit(
  limiter: Pick<RateLimit, 'limit'> | undefined,
  onFault: (fault: unknown) => void,
): (key: string) => Promise<boolean> {
  return async (key) => {
    if (limiter === undefined || key === '') return true
    try {
      return (await limiter.limit({ key })).success
    } catch (fault) {
      onFault(fault)
      return true
    }
  }
}

/** The refusal of a client whose address sends too many uploads or dry runs, or undefined. */
export async function refuseBusyAddress(
  c: RouteContext,
  limit: 'address' | 'dry_run',
): Promise<Response | undefined> {
  const address = clientOf(c)
  if (await c.env.gateway.allowsAddress(address && `${limit}:${address}`)) return undefined
  const { requests, seconds } = SHIELD
  const facts = { limit, limit_requests: requests, limit_seconds: seconds, retry_after_seconds: seconds }
  return refuse(c, rejected('rate_limited', facts, 'address limiter').rejection)
}

/** The network that the client sends from; empty without an edge in front. */
export function clientOf(c: RouteContext): string {
  return networkOf(c.req.header('cf-connecting-ip') ?? '')
}

/** An IPv6 address by its first 64 bits: a client usually controls its whole /64. */
export function networkOf(address: string): string {
  if (!address.includes(':')) return address
  const [left = [], right = []] = address.split('::').map((half) => half.split(':').filter(Boolean))
  const zeros = Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0')
  return [...left, ...zeros, ...right].slice(0, 4).join(':')
}

/**
 * The quota, and what is left of it once the ledger was asked
 * (draft-ietf-httpapi-ratelimit-headers-10). A refusal by a limit states that limit instead.
 */
export function stateQuota(c: RouteContext, answer: Response, quota: Quota | undefined): Response {
  const { uploadsPerHour } = c.env.gateway.config
  if (uploadsPerHour === 0 || answer.headers.has('ratelimit-policy')) return answer
  answer.headers.append('ratelimit-policy', `"uploads";q=${uploadsPerHour};w=${QUOTA_SECONDS}`)
  if (quota !== undefined)
    answer.headers.append('ratelimit', `"uploads";r=${quota.remaining};t=${quota.resetSeconds}`)
  return answer
}

/** What the ledger found out, for the log line. */
export function ledgerFields({ quota, milliseconds }: LedgerFindings = {}): Partial<RequestEntry> {
  return {
    ...(quota && { quota_remaining: quota.remaining, quota_reset_seconds: quota.resetSeconds }),
    ...(milliseconds !== undefined && { ledger_ms: milliseconds }),
  }
}
