/**
 * Configuration: the only reader of the environment.
 *
 * Values come typed from `wrangler.toml` or as text from `.dev.vars` and the dashboard (JSON for
 * lists and tables); both are read. All faults are named at once, by name and expectation only,
 * since a value could be a secret in the wrong place.
 */

import type { Challenge } from '../challenge/challenge.ts'
import type { RouteRule } from '../challenge/policy.ts'
import { decodeSs58, encodeSs58 } from '../crypto/ss58.ts'
import type { AccessToken } from '../origin/access.ts'
import type { Service } from '../origin/origin.ts'
import type { ProtocolFamily } from '../protocol/canonical.ts'
import { isRecord } from '../protocol/json.ts'
import { MAINNET_GENESIS } from '../protocol/metagraph.ts'
import { accepted, type Result } from '../protocol/result.ts'
import { readAccess, readChallengeAccess } from './access.ts'
import { boundServices, readChallenges } from './challenges.ts'
import { isMasterRoute, MASTER_ROUTES, toMasterRoute } from './master-routes.ts'
import { isSafeUrl, Reader, SAFE_URL, secretSuffix } from './reader.ts'

export interface Config {
  readonly netuid: number
  readonly family: ProtocolFamily
  /** Freshness window, each side of now. */
  readonly signatureTtlSeconds: number
  /** How long a nonce is remembered. */
  readonly nonceTtlSeconds: number
  readonly maxUploadBytes: number
  readonly requireRegisteredHotkey: boolean
  readonly blockedUids: ReadonlySet<number>
  /** Always refused. */
  readonly blockedHotkeys: ReadonlySet<string>
  /** Uploads of one hotkey to one challenge. 0: any number, and no rate limit by hotkey either. */
  readonly uploadsPerHour: number
  /** Admitted without the metagraph and without a uid. */
  readonly extraHotkeys: ReadonlySet<string>
  /** The receiver that miners name in `btauth/1`; undefined where that dialect is off. */
  readonly gatewayHotkey: string | undefined
  /** Empty: no endpoint is asked, snapshots are pushed. */
  readonly chainEndpoints: readonly ChainEndpoint[]
  /** `0x` and 64 lower-case hex digits. */
  readonly chainGenesisHash: string
  readonly metagraphMaxAgeSeconds: number
  readonly challenges: readonly Challenge[]
  /** The bindings that origins use, by name. */
  readonly services: ReadonlyMap<string, Service>
  /**
   * Bearer tokens by the name of their secret, also for challenges that become known later; see
   * `challengeTokens`.
   */
  readonly challengeTokens: ReadonlyMap<string, string>
  /** Undefined: the master's routes do not exist, and the challenges are those configured. */
  readonly masterOrigin: URL | undefined
  /** Further public routes of the master. */
  readonly masterRoutes: readonly RouteRule[]
  /** Has one `{slug}`. */
  readonly originTemplate: string | undefined
  /** As browsers send them in `Origin`; `*` allows every page. */
  readonly corsOrigins: ReadonlySet<string>
  readonly originTimeoutMs: number
  /** Share of the requests that are logged; the gateway's own failures are all logged. */
  readonly logSample: number
  /** Opens every tunnel hostname without a token of its own. */
  readonly access: AccessToken | undefined
  /** By the suffix of the secret's name; see `accessFor`. */
  readonly challengeAccess: ReadonlyMap<string, AccessToken>
  /** The current one and the next; empty: every admin route answers 401. */
  readonly adminTokens: readonly string[]
}

interface ChainEndpoint {
  readonly url: URL
  /** An own node behind a tunnel: it gets the Access service token. */
  readonly access: boolean
}

export type ParsedConfig = Result<Config, { readonly faults: readonly string[] }>

/** An upload is held whole while it is hashed, and an isolate has 128 MB for all its requests. */
const MAX_UPLOAD_BYTES_LIMIT = 32_000_000
const MAINNET_ENDPOINTS = [
  'https://entrypoint-finney.opentensor.ai',
  'https://lite.chain.opentensor.ai',
  'https://bittensor-finney.api.onfinality.io/public',
]
/** An entry in another spelling would match no hotkey. */
const HOTKEYS = 'SS58 hotkeys as the metagraph spells them, with prefix 42 (the first letter is 5)'
const TEMPLATE = `${SAFE_URL}, with one {slug} before the domain or in the path`

/** Reads and checks everything, and names all faults together. */
export function parseConfig(env: object): ParsedConfig {
  const read = new Reader(env)
  const family = read.choice('PROTOCOL_FAMILY', 'platform', ['platform', 'base'])
  const challenges = readChallenges(read, family)
  const config: Config = {
    netuid: read.integer('NETUID', 100, 0, 65_535),
    family,
    signatureTtlSeconds: read.integer('SIGNATURE_TTL_SECONDS', 300, 1, 86_400),
    nonceTtlSeconds: read.integer('NONCE_TTL_SECONDS', 86_400, 2, 31_536_000),
    maxUploadBytes: read.integer('MAX_UPLOAD_BYTES', 7_500_000, 1, MAX_UPLOAD_BYTES_LIMIT),
    requireRegisteredHotkey: read.boolean('REQUIRE_REGISTERED_HOTKEY', true),
    blockedUids: new Set(read.list('BLOCKED_UIDS', [0], isUid, 'uids (0 to 65535)')),
    blockedHotkeys: new Set(read.list('BLOCKED_HOTKEYS', [], isHotkey, HOTKEYS)),
    uploadsPerHour: read.integer('UPLOADS_PER_HOUR', 60, 0, 10_000),
    extraHotkeys: new Set(read.list('EXTRA_REGISTERED_HOTKEYS', [], isHotkey, HOTKEYS)),
    chainEndpoints: read
      .list('CHAIN_ENDPOINTS', MAINNET_ENDPOINTS, isEndpoint, `${SAFE_URL} each, or tables of url and access`)
      .map(toEndpoint),
    chainGenesisHash: read.text(
      'CHAIN_GENESIS_HASH',
      MAINNET_GENESIS,
      /^0x[0-9a-f]{64}$/,
      '0x and 64 lower-case hex digits',
    ),
    metagraphMaxAgeSeconds: read.integer('METAGRAPH_MAX_AGE_SECONDS', 1200, 60, 86_400),
    gatewayHotkey: read.optional('GATEWAY_HOTKEY', isHotkey, HOTKEYS, (hotkey) => hotkey),
    challenges,
    services: readServices(read, challenges),
    challengeTokens: readTokens(read),
    masterOrigin: read.optional('MASTER_ORIGIN', isSafeUrl, SAFE_URL, (url) => new URL(url)),
    masterRoutes: read
      .list('MASTER_ROUTES', [], isMasterRoute, MASTER_ROUTES)
      .flatMap((each) => toMasterRoute(each) ?? []),
    originTemplate: read.optional('ORIGIN_TEMPLATE', isOriginTemplate, TEMPLATE, (template) => template),
    corsOrigins: new Set(
      read.list('CORS_ORIGINS', [], isWebOrigin, 'origins such as https://example.com, or *'),
    ),
    originTimeoutMs: read.integer('ORIGIN_TIMEOUT_SECONDS', 30, 1, 100) * 1000,
    logSample: Number(read.text('LOG_SAMPLE', '1', /^(0|1|0?\.\d{1,6})$/, 'a share from 0 to 1')),
    access: readAccess(read),
    challengeAccess: readChallengeAccess(read),
    adminTokens: [read.secret('ADMIN_TOKEN'), read.secret('ADMIN_TOKEN_NEXT')].flatMap(
      (token) => token ?? [],
    ),
  }
  read.checkNames()
  if (config.nonceTtlSeconds < 2 * config.signatureTtlSeconds) {
    read.faults.push(
      'NONCE_TTL_SECONDS must be at least twice SIGNATURE_TTL_SECONDS, or a signed upload could be replayed',
    )
  } else if (config.uploadsPerHour > 0 && config.nonceTtlSeconds < 3600) {
    read.faults.push('NONCE_TTL_SECONDS must be at least 3600: UPLOADS_PER_HOUR is counted by nonces')
  }
  for (const { slug } of challenges.filter(isNextOfAnother)) {
    read.faults.push(
      `CHALLENGES.${slug} must not end in -next: its secret would be the next token of another challenge`,
    )
  }
  if (config.masterOrigin === undefined && config.masterRoutes.length > 0)
    read.faults.push('MASTER_ROUTES need MASTER_ORIGIN')
  if (config.access === undefined && config.chainEndpoints.some((endpoint) => endpoint.access)) {
    read.faults.push('CHAIN_ENDPOINTS with access = true need ACCESS_CLIENT_ID and ACCESS_CLIENT_SECRET')
  }
  return read.faults.length === 0 ? accepted(config) : { ok: false, faults: read.faults }
}

/**
 * The secret that holds a challenge's bearer token: `agent-challenge` reads
 * `CHALLENGE_TOKEN_AGENT_CHALLENGE`.
 */
export function tokenName(slug: string): string {
  return `CHALLENGE_TOKEN_${secretSuffix(slug)}`
}

/**
 * The current token and the next (`…_NEXT`), as far as they are configured. Without one nothing is
 * forwarded to the challenge. A challenge that became known later under a slug that ends in
 * `-next` has none: its name would be that of another challenge's next token.
 */
export function challengeTokens(config: Config, slug: string): readonly string[] {
  if (isNextOfAnother({ slug })) return []
  const name = tokenName(slug)
  return [name, `${name}_NEXT`].flatMap((each) => config.challengeTokens.get(each) ?? [])
}

function isNextOfAnother({ slug }: Pick<Challenge, 'slug'>): boolean {
  return slug.endsWith('-next')
}

function readServices(read: Reader, challenges: readonly Challenge[]): ReadonlyMap<string, Service> {
  const names = challenges.flatMap(({ origins }) => boundServices(origins))
  return new Map(
    names.flatMap((name): [string, Service][] => {
      const service = read.service(name)
      return service === undefined ? [] : [[name, service]]
    }),
  )
}

/** All secrets that are named like a token. Slugs may become known later. */
function readTokens(read: Reader): ReadonlyMap<string, string> {
  const names = read.namesLike(tokenName(''))
  return new Map(
    names.flatMap((name): [string, string][] => {
      const token = read.secret(name)
      return token === undefined ? [] : [[name, token]]
    }),
  )
}

function isUid(value: unknown): value is number {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 65_535
}

function isHotkey(value: unknown): value is string {
  const address = typeof value === 'string' ? decodeSs58(value) : undefined
  return address !== undefined && encodeSs58(address.publicKey) === value
}

type EndpointEntry = string | { readonly url: string; readonly access?: boolean }

function isEndpoint(value: unknown): value is EndpointEntry {
  if (!isRecord(value)) return isSafeUrl(value)
  const { url, access = false, ...rest } = value
  return isSafeUrl(url) && typeof access === 'boolean' && Object.keys(rest).length === 0
}

function toEndpoint(entry: EndpointEntry): ChainEndpoint {
  if (typeof entry === 'string') return { url: new URL(entry), access: false }
  return { url: new URL(entry.url), access: entry.access ?? false }
}

/** A host made of the slug alone could be any host, or the end of an IP address. */
function isOriginTemplate(value: unknown): value is string {
  if (typeof value !== 'string' || value.split('{slug}').length !== 2) return false
  const example = value.replace('{slug}', 'sample')
  return isSafeUrl(example) && !new URL(example).hostname.endsWith('sample')
}

function isWebOrigin(value: unknown): value is string {
  if (typeof value !== 'string' || value === '*') return value === '*'
  return /^https?:[^*]+$/.test(value) && URL.canParse(value) && new URL(value).origin === value
}
