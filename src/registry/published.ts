/**
 * The public form of the registry, made from the master's answer.
 *
 * The document has the fields that the master publishes today, in its order. A field that is not
 * listed here is dropped, so that a later master cannot leak token hints through the gateway. Two
 * fields change their content and keep their type, so that clients of the master can decode them:
 * `env` keeps its names and loses its values, and `internal_base_url` becomes the public path. A
 * registry with any fault is refused whole, since half of one would make challenges unreachable.
 */

import { CHALLENGE_STATUSES, type ChallengeStatus } from '../challenge/challenge.ts'
import { isSlug } from '../protocol/canonical.ts'
import { isRecord } from '../protocol/json.ts'

/** Far more than a subnet has, and still quick to search on every request. */
const MAX_CHALLENGES = 256
const METADATA_KEYS = [
  'tagline',
  'summary',
  'docs_url',
  'miner_docs_url',
  'validator_docs_url',
  'repository_url',
  'website_url',
  'banner_url',
  'icon_url',
  'category',
  'difficulty',
  'benchmark_label',
  'submission_format',
  'evaluation_timeout_seconds',
  'rate_limit_label',
]

/** What routing needs of a registered challenge. */
export interface RegisteredChallenge {
  readonly slug: string
  readonly name: string
  readonly status: ChallengeStatus
}

export interface PublishedRegistry {
  /** The public document, as JSON text. */
  readonly text: string
  readonly challenges: readonly RegisteredChallenge[]
}

/**
 * `value` is parsed JSON. Undefined when any part of it has not the master's shape. The document
 * that it makes is read again unchanged.
 */
export function parseRegistry(value: unknown): PublishedRegistry | undefined {
  if (!isRecord(value)) return undefined
  const { network, api_version, master_uid, challenges } = value
  if (typeof network !== 'string' || typeof api_version !== 'string' || !Number.isInteger(master_uid))
    return undefined
  if (!Array.isArray(challenges) || challenges.length > MAX_CHALLENGES) return undefined
  const entries = challenges.flatMap((entry) => parseEntry(entry) ?? [])
  if (new Set(entries.map(({ challenge }) => challenge.slug)).size !== challenges.length) return undefined
  const document = { network, api_version, master_uid, challenges: entries.map((entry) => entry.published) }
  return { text: JSON.stringify(document), challenges: entries.map((entry) => entry.challenge) }
}

function parseEntry(entry: unknown): { challenge: RegisteredChallenge; published: object } | undefined {
  if (!isRecord(entry)) return undefined
  const { slug, name, image, version, emission_percent, description, metadata, env } = entry
  const { required_capabilities, resources, volumes, secrets } = entry
  const status = CHALLENGE_STATUSES.find((known) => known === entry['status'])
  if (typeof slug !== 'string' || !isSlug(slug) || typeof name !== 'string' || name === '') return undefined
  if (status === undefined || ![image, version].every(isText)) return undefined
  if (!isText(emission_percent) && typeof emission_percent !== 'number') return undefined
  if (description !== null && !isText(description)) return undefined
  if (![metadata, resources, volumes, env].every(isRecord)) return undefined
  if (![required_capabilities, secrets].every((list) => Array.isArray(list) && list.every(isText)))
    return undefined
  const path = `/challenges/${slug}`
  const published = {
    slug,
    name,
    image,
    version,
    emission_percent,
    status,
    description,
    metadata: publicMetadata(metadata),
    internal_base_url: path,
    public_proxy_base_path: path,
    required_capabilities,
    resources,
    volumes,
    env: namesOnly(env),
    secrets,
  }
  return { challenge: { slug, name, status }, published }
}

/**
 * The allow-list of the Python proxy that this gateway replaces: other keys may hold an address
 * (`internal_base_url`).
 */
function publicMetadata(metadata: unknown): object {
  const entries = Object.entries(isRecord(metadata) ? metadata : {})
  return Object.fromEntries(
    entries.filter(
      ([key, value]) => METADATA_KEYS.includes(key) && (value === null || typeof value !== 'object'),
    ),
  )
}

/** The names of environment variables are public; their values may be secrets. */
function namesOnly(env: unknown): object {
  return Object.fromEntries(Object.keys(isRecord(env) ? env : {}).map((name) => [name, '']))
}

function isText(value: unknown): value is string {
  return typeof value === 'string'
}
