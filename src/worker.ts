/**
 * Entry: Env → Config → rooms → app, once per isolate.
 */

import { bytesToHex } from '@noble/hashes/utils.js'
import type { Hono } from 'hono'
import { createBodyBudget } from './admission/body.ts'
import { createAttemptBudget } from './admission/likely-cause.ts'
import type { RunningDigest } from './admission/ports.ts'
import { createApp } from './app.ts'
import { type Config, challengeToken, parseConfig } from './config.ts'
import { createVerifier } from './crypto/signature.ts'
import { createLedger, IN_FLIGHT_MARGIN_SECONDS } from './ledger/durable-ledger.ts'
import { describeError, logLine } from './log.ts'
import { createDurableLease } from './metagraph/durable-lease.ts'
import { createMetagraph, type KvMetagraph } from './metagraph/kv-metagraph.ts'
import { accessHeaders } from './origin/access.ts'
import { createReads } from './origin/cached-read.ts'
import { askMaster } from './origin/master.ts'
import { createOrigin } from './origin/origin.ts'
import { createChallengeSource } from './registry/challenge-source.ts'
import { createRegistry, type KvRegistry, MISS_PAUSE_SECONDS } from './registry/kv-registry.ts'
import type { AppEnv, Gateway } from './routes/context.ts'
import { createAddressLimit } from './routes/verify.ts'

export { NonceLedger } from './ledger/nonce-ledger.ts'
export { MetagraphLease } from './metagraph/metagraph-lease.ts'

/** Half of an isolate's 128 MB: the other half is code, stacks, key tables and what the runtime buffers. */
const BODY_BYTES_IN_FLIGHT = 64_000_000
/** `crons` in wrangler.toml. */
const CRON_PERIOD_SECONDS = 300
/** For headers, and again for the body: an upload to a challenge nobody knows waits for it. */
const REGISTRY_TIMEOUT_MS = 5000

interface Isolate {
  readonly app: Hono<AppEnv>
  /** Undefined while the configuration is at fault. */
  readonly metagraph: KvMetagraph | undefined
  /** Undefined without a master too. */
  readonly registry: KvRegistry | undefined
}

let isolate: Isolate | undefined

export default {
  fetch(request, env, ctx) {
    isolate ??= createIsolate(env)
    return isolate.app.fetch(request, env, ctx)
  },
  async scheduled(_controller, env) {
    isolate ??= createIsolate(env)
    const now = nowSeconds()
    await Promise.all([isolate.metagraph?.refresh(now), isolate.registry?.refresh(now)])
  },
} satisfies ExportedHandler<Env>

function createIsolate(env: Env): Isolate {
  const parsed = parseConfig(env)
  if (!parsed.ok) {
    logLine({ event: 'configuration', faults: parsed.faults.join('; ') })
    return { app: createApp(undefined, logLine, Date.now), metagraph: undefined, registry: undefined }
  }
  const { config } = parsed
  const metagraph = createMetagraphOf(config, env)
  const registry = createRegistryOf(config, env)
  const gateway = createGateway(config, env, metagraph, registry)
  return { app: createApp(gateway, logLine, Date.now), metagraph, registry }
}

function createGateway(
  config: Config,
  env: Env,
  metagraph: KvMetagraph,
  registry: KvRegistry | undefined,
): Gateway {
  const { originTimeoutMs: timeoutMs, access } = config
  return {
    config,
    ports: {
      now: nowSeconds,
      metagraph,
      ledger: createLedger(env.NONCES, {
        retentionSeconds: config.nonceTtlSeconds,
        inFlightSeconds: timeoutMs / 1000 + IN_FLIGHT_MARGIN_SECONDS,
      }),
      verify: createVerifier(),
      newDigest,
      causes: createAttemptBudget(nowSeconds),
      hasToken: (slug) => challengeToken(config, slug) !== undefined,
    },
    budgets: {
      uploads: createBodyBudget(BODY_BYTES_IN_FLIGHT, nowSeconds),
      newcomers: createBodyBudget(config.maxUploadBytes + 1, nowSeconds),
    },
    challenges: createChallengeSource(config.challenges, registry, config.originTemplate),
    registry,
    callOrigin: createOrigin({ timeoutMs, access, fetch: (request) => fetch(request) }),
    readThrough: createReads(() => caches.open('public-reads'), nowSeconds),
    refreshIfOverdue: metagraph.refreshIfOverdue,
    pushMetagraph: metagraph.push,
    allowsAddress: createAddressLimit(env.LIMIT_ADDRESS, (fault) =>
      logLine({ event: 'rate_limiter', fault: describeError(fault) }),
    ),
    version: env.CF_VERSION.id,
  }
}

function createMetagraphOf(config: Config, env: Env): KvMetagraph {
  return createMetagraph({
    kv: env.CACHE,
    lease: createDurableLease(env.LEASE, String(config.netuid)),
    fetch: (request) => fetch(request),
    endpoints: config.chainEndpoints.map(({ url, access }) =>
      access && config.access !== undefined ? { url, headers: accessHeaders(config.access) } : { url },
    ),
    netuid: config.netuid,
    genesisHash: config.chainGenesisHash,
    maxAgeSeconds: config.metagraphMaxAgeSeconds,
    cronPeriodSeconds: CRON_PERIOD_SECONDS,
    onRefresh: ({ faults, ...outcome }) =>
      logLine({ event: 'metagraph_refresh', ...outcome, faults: faultList(faults) }),
    onLookup: ({ faults, ...outcome }) =>
      logLine({ event: 'hotkey_lookup', ...outcome, faults: faultList(faults) }),
  })
}

/** Isolates take turns at the master through a lease of its own, beside the metagraph's. */
function createRegistryOf(config: Config, env: Env): KvRegistry | undefined {
  const { netuid, masterOrigin: origin, access } = config
  if (origin === undefined) return undefined
  const timeoutMs = Math.min(config.originTimeoutMs, REGISTRY_TIMEOUT_MS)
  const call = createOrigin({ timeoutMs, access, fetch: (request) => fetch(request) })
  const lease = createDurableLease(env.LEASE, `registry:${netuid}`)
  const terms = { sinceClaimSeconds: MISS_PAUSE_SECONDS, sinceSuccessSeconds: 0 }
  return createRegistry({
    netuid,
    kv: env.CACHE,
    ask: () => askMaster(call, { origin, timeoutMs }, '/v1/registry'),
    takeTurn: async (now) => (await lease.claimRefresh(now, terms)).granted,
    onSync: (outcome) => logLine({ event: 'registry_sync', ...outcome }),
  })
}

/** `endpoint: reason` of each endpoint that was asked in vain. */
function faultList(faults: readonly { readonly endpoint: string; readonly reason: string }[]): string {
  return faults.map(({ endpoint, reason }) => `${endpoint}: ${reason}`).join('; ')
}

function nowSeconds(): number {
  return Math.floor(Date.now() / 1000)
}

/** The platform's own streaming SHA-256. */
function newDigest(): RunningDigest {
  const stream = new crypto.DigestStream('SHA-256')
  const writer = stream.getWriter()
  return {
    update: (bytes) => writer.write(bytes),
    async hex() {
      await writer.close()
      return bytesToHex(new Uint8Array(await stream.digest))
    },
  }
}
