/**
 * What the gateway says about itself: alive, ready, version, clock, limits.
 */

import { NONCE_MAX_LENGTH } from '../protocol/headers.ts'
import { ageSeconds } from '../protocol/metagraph.ts'
import type { RouteContext } from './context.ts'

/** `LIMIT_ADDRESS` in wrangler.toml. */
const VERIFY_LIMIT = { requests: 60, seconds: 60 }

const NO_STORE = { 'cache-control': 'no-store' }

/** 200 when miners can be told apart from strangers, else 503. */
export async function getReady(c: RouteContext): Promise<Response> {
  const { config, ports } = c.var.gateway
  const metagraph = await ports.metagraph.current(c.var.receivedAt)
  if (metagraph === undefined) {
    return c.json({ status: 'unavailable', netuid: config.netuid, metagraph: null }, 503, NO_STORE)
  }
  const facts = {
    block: metagraph.block,
    age_seconds: ageSeconds(metagraph, c.var.receivedAt),
    hotkeys: metagraph.hotkeys.length,
  }
  return c.json({ status: 'ready', netuid: config.netuid, metagraph: facts }, 200, NO_STORE)
}

export function getVersion(c: RouteContext): Response {
  const { config, version } = c.var.gateway
  return c.json({ version, netuid: config.netuid, protocol_family: config.family }, 200, NO_STORE)
}

/** The clock that freshness is judged by, in Unix seconds. */
export function getTime(c: RouteContext): Response {
  return c.json({ server_time: c.var.receivedAt }, 200, NO_STORE)
}

/** Every limit a client must know. */
export function getLimits(c: RouteContext): Response {
  const { config } = c.var.gateway
  return c.json({
    max_upload_bytes: config.maxUploadBytes,
    signature_ttl_seconds: config.signatureTtlSeconds,
    nonce_ttl_seconds: config.nonceTtlSeconds,
    nonce_max_length: NONCE_MAX_LENGTH,
    rate_limits: [
      { route: 'POST /v1/challenges/{challenge}/submissions/verify', per: 'address', ...VERIFY_LIMIT },
    ],
  })
}
