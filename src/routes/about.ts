/**
 * What the gateway says about itself: alive, ready, version, clock, limits.
 */

import { QUOTA_SECONDS } from '../admission/ports.ts'
import type { Config } from '../config/config.ts'
import { BTAUTH } from '../protocol/btauth.ts'
import { NONCE_MAX_LENGTH } from '../protocol/headers.ts'
import { ageSeconds } from '../protocol/metagraph.ts'
import type { RouteContext } from './context.ts'
import { SHIELD } from './rate-limit.ts'

const NO_STORE = { 'cache-control': 'no-store' }

/** 200 when the gateway has a usable metagraph, else 503. */
export async function getReady(c: RouteContext): Promise<Response> {
  const { config, ports } = c.env.gateway
  const metagraph = await ports.metagraph.current(c.env.receivedAt)
  if (metagraph === undefined) {
    const facts = {
      metagraph: null,
      contradicting_endpoints: c.env.gateway.contradictingEndpoints(c.env.receivedAt),
    }
    return c.json({ status: 'unavailable', netuid: config.netuid, ...facts }, 503, NO_STORE)
  }
  const facts = {
    block: metagraph.block,
    age_seconds: ageSeconds(metagraph, c.env.receivedAt),
    hotkeys: metagraph.hotkeys.length,
  }
  return c.json({ status: 'ready', netuid: config.netuid, metagraph: facts }, 200, NO_STORE)
}

export function getVersion(c: RouteContext): Response {
  const { config, version } = c.env.gateway
  const { netuid, family, gatewayHotkey } = config
  const own = `${family}-upload-v1`
  const facts = {
    version,
    netuid,
    protocol_family: family,
    dialects: gatewayHotkey === undefined ? [own] : [own, BTAUTH],
    receiver: gatewayHotkey ?? null,
  }
  return c.json(facts, 200, NO_STORE)
}

/** The clock by which the gateway judges freshness, in Unix seconds. */
export function getTime(c: RouteContext): Response {
  return c.json({ server_time: c.env.receivedAt }, 200, NO_STORE)
}

export function getLimits(c: RouteContext): Response {
  return c.json(limitsOf(c.env.gateway.config))
}

/** Every limit a client must know. */
export function limitsOf(config: Config) {
  const route = 'POST /v1/challenges/{challenge}/submissions'
  const quota = { requests: config.uploadsPerHour, seconds: QUOTA_SECONDS }
  return {
    max_upload_bytes: config.maxUploadBytes,
    signature_ttl_seconds: config.signatureTtlSeconds,
    nonce_ttl_seconds: config.nonceTtlSeconds,
    nonce_max_length: NONCE_MAX_LENGTH,
    rate_limits: [
      { route: `${route}/verify`, per: 'address', ...SHIELD },
      { route, per: 'address', ...SHIELD },
      ...(config.uploadsPerHour === 0
        ? []
        : [
            { route, per: 'hotkey', ...SHIELD },
            { route, per: 'hotkey and challenge', ...quota },
          ]),
    ],
  }
}
