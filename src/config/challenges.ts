/**
 * The `CHALLENGES` table: which challenges there are, where they live and what may pass to them.
 */

import { builtInPolicy } from '../challenge/built-in.ts'
import {
  CHALLENGE_STATUSES,
  type Challenge,
  type ChallengeStatus,
  type Origins,
} from '../challenge/challenge.ts'
import { parsePolicy } from '../challenge/parse-policy.ts'
import type { ChallengePolicy } from '../challenge/policy.ts'
import { isSlug, type ProtocolFamily } from '../protocol/canonical.ts'
import { isRecord } from '../protocol/json.ts'
import { isSafeUrl, type Reader, SAFE_URL } from './reader.ts'

/** How much of a key that is no slug a fault shows: enough to find it. */
const SHOWN_CHARACTERS = 64
const FIELDS = ['name', 'status', 'origin', 'marker', 'policy']
const ORIGIN = `${SAFE_URL}, vpc:BINDING, or a list of 1 to 8 different ones`
/** The miner waits for all of them, and each may take the whole of `ORIGIN_TIMEOUT_SECONDS`. */
const MAX_ORIGINS = 8

/** The `CHALLENGES` table by slug; `family` decides what is built in. */
export function readChallenges(read: Reader, family: ProtocolFamily): readonly Challenge[] {
  const set = read.structured('CHALLENGES', 'a table by slug')
  const table = set === undefined ? {} : set
  if (!isRecord(table)) {
    read.faults.push('CHALLENGES must be a table by slug')
    return []
  }
  return Object.entries(table).flatMap(([slug, entry]) => readChallenge(read, family, slug, entry) ?? [])
}

function readChallenge(
  read: Reader,
  family: ProtocolFamily,
  slug: string,
  entry: unknown,
): Challenge | undefined {
  const at = `CHALLENGES.${isSlug(slug) ? slug : JSON.stringify(slug.slice(0, SHOWN_CHARACTERS))}`
  const before = read.faults.length
  if (!isSlug(slug)) read.faults.push(`${at}: a slug is 2 to 64 lower-case letters, digits and inner hyphens`)
  if (!isRecord(entry)) {
    read.faults.push(`${at} must be a table with name and origin`)
    return undefined
  }
  const { name = slug, status = 'active', origin, marker } = entry
  const unknown = Object.keys(entry).filter((field) => !FIELDS.includes(field))
  if (unknown.length > 0) read.faults.push(`${at} may have only ${FIELDS.join(', ')}`)
  if (typeof name !== 'string' || name === '') read.faults.push(`${at}.name must be a text`)
  if (!isStatus(status)) read.faults.push(`${at}.status must be one of ${CHALLENGE_STATUSES.join(', ')}`)
  const origins = parseOrigins(origin)
  if (origins === undefined) read.faults.push(`${at}.origin must be ${ORIGIN}`)
  else if (boundServices(origins).some((name) => read.service(name) === undefined))
    read.faults.push(`${at}.origin must name a Workers VPC service that is bound to this Worker`)
  if (marker !== undefined && !isHeaderName(marker)) read.faults.push(`${at}.marker must be a header name`)
  const builtIn = builtInPolicy(family, slug)
  const policy = readPolicy(read, entry['policy'], builtIn, at)
  if (read.faults.length > before || origins === undefined || !isStatus(status)) return undefined
  return {
    slug,
    name: String(name),
    status,
    origins,
    marker: isHeaderName(marker) ? marker : undefined,
    policy,
  }
}

function parseOrigins(value: unknown): Origins | undefined {
  const entries = Array.isArray(value) ? value : [value]
  const origins = entries.flatMap((entry) => (isOrigin(entry) ? new URL(entry) : []))
  const [first, ...others] = origins
  if (first === undefined || origins.length !== entries.length || origins.length > MAX_ORIGINS)
    return undefined
  return new Set(origins.map(String)).size === origins.length ? [first, ...others] : undefined
}

function isOrigin(value: unknown): value is string {
  return isSafeUrl(value) || (typeof value === 'string' && /^vpc:[A-Za-z_]\w*$/.test(value))
}

/** Names of the bindings among them. */
export function boundServices(origins: Origins): readonly string[] {
  return origins.flatMap(({ protocol, pathname }) => (protocol === 'vpc:' ? pathname : []))
}

/** Each part of the operator's policy replaces that part of the built-in one. */
function readPolicy(read: Reader, value: unknown, builtIn: ChallengePolicy, at: string): ChallengePolicy {
  const parsed = value === undefined ? undefined : parsePolicy(value, builtIn)
  if (parsed?.ok === true) return parsed.value
  read.faults.push(...(parsed?.faults ?? []).map((fault) => `${at}.${fault}`))
  return builtIn
}

function isStatus(value: unknown): value is ChallengeStatus {
  return CHALLENGE_STATUSES.some((status) => status === value)
}

function isHeaderName(value: unknown): value is string {
  return typeof value === 'string' && /^[a-zA-Z0-9-]{1,64}$/.test(value)
}
