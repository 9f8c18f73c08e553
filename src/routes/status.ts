/**
 * The state of the gateway for people, programs and Prometheus.
 *
 * Nothing here waits for the chain, the master or a challenge: the cron and uploads bring what is
 * known about them. The counts are read at most once in five seconds, and left out when they take
 * too long.
 */

import { bytesToHex } from '@noble/hashes/utils.js'
import { ageSeconds } from '../protocol/metagraph.ts'
import { sha256 } from '../protocol/sha256.ts'
import { VERSION } from '../protocol/user-agent.ts'
import { contentPolicy } from '../status/assets.ts'
import { toMetrics } from '../status/metrics.ts'
import { toPage } from '../status/page.ts'
import { type StatusReport, toReport } from '../status/report.ts'
import { limitsOf } from './about.ts'
import type { RouteContext } from './context.ts'
import { uploadPyFor } from './upload-py.ts'

const HEADERS = { 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' }

export async function getStatus(c: RouteContext): Promise<Response> {
  return c.json({ ...(await reportOf(c)), limits: limitsOf(c.env.gateway.config) }, 200, HEADERS)
}

/** `GET /` and `/status`. */
export async function getStatusPage(c: RouteContext): Promise<Response> {
  const { origin } = new URL(c.req.raw.url)
  const clientHash = bytesToHex(await sha256(new TextEncoder().encode(uploadPyFor(origin))))
  const place = { origin, version: VERSION, clientHash }
  const page = toPage(await reportOf(c), limitsOf(c.env.gateway.config), place)
  return c.body(page, 200, {
    ...HEADERS,
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': await contentPolicy(),
    'referrer-policy': 'no-referrer',
  })
}

/** `GET /metrics`, behind the admin token. */
export async function getMetrics(c: RouteContext): Promise<Response> {
  const board = await c.env.gateway.readBoard()
  const text = toMetrics(await reportOf(c), board?.totals ?? {})
  return c.body(text, 200, { ...HEADERS, 'content-type': 'text/plain; version=0.0.4' })
}

async function reportOf(c: RouteContext): Promise<StatusReport> {
  const { config, ports, challenges, version, heldMetagraph, readBoard } = c.env.gateway
  const now = c.env.receivedAt
  const [metagraph, list, board] = await Promise.all([heldMetagraph(now), challenges.known(now), readBoard()])
  // Without a snapshot a refresh is started in the background, for the next request.
  if (metagraph === undefined) c.executionCtx.waitUntil(ports.metagraph.current(now))
  const facts = {
    server_time: now,
    version,
    netuid: config.netuid,
    metagraph: metagraph
      ? { block: metagraph.block, age_seconds: ageSeconds(metagraph, now), hotkeys: metagraph.hotkeys.length }
      : null,
    contradicting_endpoints: c.env.gateway.contradictingEndpoints(now),
  }
  const { requireRegisteredHotkey } = config
  return toReport(facts, list, board, { hasToken: ports.hasToken, requireRegisteredHotkey })
}
