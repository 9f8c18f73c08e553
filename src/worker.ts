/**
 * Entry: Env → Config → rooms → app, once per isolate.
 */

import { bytesToHex } from '@noble/hashes/utils.js'
import { createBodyBudget } from './admission/budget.ts'
import { createAttemptBudget } from './admission/likely-cause.ts'
import type { Ledger, RunningDigest } from './admission/ports.ts'
import { type App, createApp } from './app.ts'
import { createReads } from './cache/reads.ts'
import { accessFor } from './config/access.ts'
import { type Config, challengeTokens, parseConfig } from './config/config.ts'
import { createVerifier } from './crypto/signature.ts'
import { checkVerifier } from './crypto/start-up.ts'
import { createDurableLease } from './lease/client.ts'
import { createLedger, IN_FLIGHT_MARGIN_SECONDS } from './ledger/client.ts'
import { shieldLedger } from './ledger/shield.ts'
import { createLog, type Dataset, describeError, finish, logLine, newEntry } from './log.ts'
import { createMetagraph, type KvMetagraph } from './metagraph/kv-metagraph.ts'
import { accessHeaders } from './origin/access.ts'
import { createFailover } from './origin/failover.ts'
import { askMaster } from './origin/master.ts'
import { type CallOrigin, createOrigin } from './origin/origin.ts'
import { decodedPath } from './protocol/path.ts'
import { problemResponse, rejected } from './protocol/problem.ts'
import { createChallengeSource } from './registry/challenge-source.ts'
import { createRegistry, type KvRegistry, MISS_PAUSE_SECONDS } from './registry/kv-registry.ts'
import type { Gateway } from './routes/context.ts'
import { createLimit, SHIELD } from './routes/rate-limit.ts'
import { checkTrace } from './routes/trace.ts'
import { createBoard, type DurableBoard } from './status/client.ts'
import { PROBE_TIMEOUT_MS, probeChallenges } from './status/probe.ts'
import { createStatistics } from './status/statistics.ts'

export { MetagraphLease } from './lease/object.ts'
export { NonceLedger } from './ledger/object.ts'
export { StatusBoard } from './status/object.ts'

/**
 * Half of an isolate's 128 MB. The other half is for code, stacks, key tables and the runtime's
 * buffers.
 */
const BODY_BYTES_IN_FLIGHT = 64_000_000
/** Answers that are being read whole, beside those that are kept. */
const KEEP_BYTES_IN_FLIGHT = 8_000_000
/** For bodies that are hashed and forgotten, at most 64 KB each. */
const PASSING_BYTES_IN_FLIGHT = 4_000_000
/** `crons` in wrangler.toml. */
const CRON_PERIOD_SECONDS = 300
/**
 * Applies to the headers and again to the body. An upload to an unknown challenge waits for this.
 */
const REGISTRY_TIMEOUT_MS = 5000

interface Isolate {
  readonly app: App
  /** The cron's work; none while the configuration is invalid. */
  readonly refresh: (now: number) => Promise<unknown>
}

let isolate: Isolate | undefined

checkVerifier()

export default {
  fetch(request, env, ctx) {
    isolate ??= createIsolate(env)
    return isolate.app.fetch(request, env, ctx)
  },
  async scheduled(_controller, env) {
    isolate ??= createIsolate(env)
    await isolate.refresh(nowSeconds())
  },
} satisfies ExportedHandler<Env>

function createIsolate(env: Env): Isolate {
  const parsed = parseConfig(env)
  if (!parsed.ok) {
    logLine({ event: 'configuration', faults: parsed.faults.join('; ') })
    return { app: createFaultyApp(), refresh: async () => [] }
  }
  const config = parsed.value
  const metagraph = createMetagraphOf(config, env)
  const registry = createRegistryOf(config, env)
  const board = createBoard(() => env.STATUS.getByName(String(config.netuid)), Date.now)
  const gateway = createGateway(config, env, metagraph, registry, board)
  const log = createLog(config.logSample, datasetOf(env))
  const probe = createOriginCaller(config, Math.min(config.originTimeoutMs, PROBE_TIMEOUT_MS))
  const probeAll = async (now: number) => {
    await registry?.refresh(now)
    const challenges = await gateway.challenges.known(now)
    await board.probed(await probeChallenges(probe, challenges, Date.now)).catch(() => {})
  }
  return {
    app: createApp(gateway, log, Date.now),
    refresh: (now) => Promise.all([metagraph.refresh(now), probeAll(now)]),
  }
}

/**
 * The whole app while the configuration is invalid: `/health` answers, and everything else is 500.
 */
function createFaultyApp(): App {
  const { rejection } = rejected('internal_error', {}, 'configuration')
  return {
    async fetch(request) {
      const entry = newEntry(request)
      const isHealth = decodedPath(request.url) === '/health'
      if (!isHealth) Object.assign(entry, { outcome: rejection.code, cause: rejection.cause })
      const { status, headers, body } = isHealth
        ? Response.json({ status: 'ok' })
        : problemResponse(rejection, entry.request_id)
      const response = new Response(request.method === 'HEAD' ? null : body, { status, headers })
      logLine(finish(entry, response))
      return response
    },
  }
}

function createGateway(
  config: Config,
  env: Env,
  metagraph: KvMetagraph,
  registry: KvRegistry | undefined,
  board: DurableBoard,
): Gateway {
  const { originTimeoutMs: timeoutMs, challenges } = config
  const mostOrigins = Math.max(1, ...challenges.map(({ origins }) => origins.length))
  // One attempt more than there are origins: a refused token may be followed by the next one.
  const inFlightSeconds = (timeoutMs / 1000) * (mostOrigins + 1) + IN_FLIGHT_MARGIN_SECONDS
  // The room of a body is confirmed with each piece that is read or sent. What comes between two
  // pieces (chain and ledger, an origin's limits) takes less than this.
  const room = { now: nowSeconds, abandonedSeconds: 2 * inFlightSeconds }
  return {
    config,
    ports: {
      now: nowSeconds,
      metagraph,
      ledger: createShieldedLedger(config, env, {
        retentionSeconds: config.nonceTtlSeconds,
        inFlightSeconds,
      }),
      verify: createVerifier(),
      after,
      newDigest,
      causes: createAttemptBudget(nowSeconds),
      hasToken: (slug) => challengeTokens(config, slug).length > 0,
    },
    budgets: {
      uploads: createBodyBudget({ ...room, capBytes: BODY_BYTES_IN_FLIGHT }),
      newcomers: createBodyBudget({ ...room, capBytes: config.maxUploadBytes + 1 }),
      passing: createBodyBudget({ ...room, capBytes: PASSING_BYTES_IN_FLIGHT }),
    },
    keepRoom: createBodyBudget({ ...room, capBytes: KEEP_BYTES_IN_FLIGHT }),
    challenges: createChallengeSource(config.challenges, registry, config),
    registry,
    callOrigin: checkTrace(createOriginCaller(config, timeoutMs)),
    reads: createReads(() => caches.open('public-reads'), nowSeconds),
    heldMetagraph: metagraph.held,
    refreshIfOverdue: metagraph.refreshIfOverdue,
    pushMetagraph: metagraph.push,
    contradictingEndpoints: metagraph.contradicting,
    allowsAddress: createLimit(env.LIMIT_ADDRESS, onLimiterFault),
    tokenMemory: new Map(),
    statistics: createStatistics(board.record, Date.now, sleep),
    readBoard: board.read,
    version: env.CF_VERSION.id,
  }
}

/** Without a quota there is no shield either. */
function createShieldedLedger(
  { uploadsPerHour }: Config,
  env: Env,
  options: { readonly retentionSeconds: number; readonly inFlightSeconds: number },
): Ledger {
  const ledger = createLedger(env.NONCES, { ...options, uploadsPerHour })
  if (uploadsPerHour === 0) return ledger
  return shieldLedger(ledger, createLimit(env.LIMIT_HOTKEY, onLimiterFault), SHIELD)
}

function onLimiterFault(fault: unknown): void {
  logLine({ event: 'rate_limiter', fault: describeError(fault) })
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

/**
 * Isolates take turns at the master through a lease of the registry, apart from the metagraph's.
 */
function createRegistryOf(config: Config, env: Env): KvRegistry | undefined {
  const { netuid, masterOrigin: origin } = config
  if (origin === undefined) return undefined
  const timeoutMs = Math.min(config.originTimeoutMs, REGISTRY_TIMEOUT_MS)
  const call = createOriginCaller(config, timeoutMs)
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

/** `endpoint: reason` of each endpoint that failed. */
function faultList(faults: readonly { readonly endpoint: string; readonly reason: string }[]): string {
  return faults.map(({ endpoint, reason }) => `${endpoint}: ${reason}`).join('; ')
}

function createOriginCaller(config: Config, timeoutMs: number): CallOrigin {
  const call = createOrigin({
    timeoutMs,
    access: (slug) => accessFor(config, slug),
    services: config.services,
    fetch: (url, init) => fetch(url, init),
  })
  return createFailover(call, nowSeconds)
}

/** `METRICS` is optional, so neither wrangler.toml nor the generated types have it. */
function datasetOf(env: Env & { readonly METRICS?: Dataset }): Dataset | undefined {
  return env.METRICS
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

function after(seconds: number, act: () => void): () => void {
  const timer = setTimeout(act, seconds * 1000)
  return () => clearTimeout(timer)
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
