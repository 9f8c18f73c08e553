/**
 * Challenges that the master registers, as the gateway knows them: read from its public registry
 * and put together with the configured ones by the gateway's own rule.
 */

import type { Challenge } from '../../../src/challenge/challenge.ts'
import type { Config } from '../../../src/config/config.ts'
import { isRecord } from '../../../src/protocol/json.ts'
import { createChallengeSource } from '../../../src/registry/challenge-source.ts'
import { type PublishedRegistry, parseRegistry } from '../../../src/registry/published.ts'
import type { Ask } from './ask.ts'
import { type Finding, fail, pass, warn } from './finding.ts'
import { explain } from './refusal.ts'

export interface Known {
  /** Of any status, the configured ones first. */
  readonly challenges: readonly Pick<Challenge, 'slug' | 'name' | 'status'>[]
  /** The configuration with the registered challenges in it. */
  readonly config: Config | undefined
  readonly findings: readonly Finding[]
}

/** How many challenges the doctor tries one by one; dry runs are limited by address. */
const MOST_TRIED = 10

/**
 * Slugs of the active challenges, as the gateway lists them for everyone; none when it does not.
 */
export async function listPublished(ask: Ask): Promise<readonly string[]> {
  const answer = await ask('/v1/challenges')
  const list: unknown = answer.reached && answer.status === 200 ? answer.fields['challenges'] : undefined
  if (!Array.isArray(list)) return []
  return list
    .flatMap((entry: unknown) => (isRecord(entry) && typeof entry['slug'] === 'string' ? entry['slug'] : []))
    .slice(0, MOST_TRIED)
}

/**
 * Without a configuration only the registry tells of challenges; a gateway without a master has
 * none.
 */
export async function lookUpChallenges(ask: Ask, config: Config | undefined): Promise<Known> {
  if (config !== undefined && config.masterOrigin === undefined)
    return { challenges: config.challenges, config, findings: [] }
  const answer = await ask('/v1/registry')
  const registry = answer.reached && answer.status === 200 ? parseRegistry(answer.fields) : undefined
  if (config === undefined) return { challenges: registry?.challenges ?? [], config, findings: [] }
  if (registry === undefined) {
    const says = `GET /v1/registry: ${explain(answer)}`
    const todo = 'start the master or repair its tunnel (docs/runbook.md, "Tunnel down")'
    const finding = config.challenges.length === 0 ? fail : warn
    return { challenges: config.challenges, config, findings: [finding('registry', says, todo)] }
  }
  const challenges = await withRegistered(config, registry)
  const age = answer.reached ? Number(answer.headers['age'] ?? 0) : 0
  const findings = [judgeAge(age, registry), ...withoutOrigin(registry, challenges)]
  return { challenges, config: { ...config, challenges }, findings }
}

/** The cron asks the master every five minutes, and writes down every second confirmation. */
const FRESH_SECONDS = 1200

function judgeAge(age: number, { challenges }: PublishedRegistry): Finding {
  const says = `${challenges.length} challenges registered by the master, confirmed ${age} s ago`
  if (age <= FRESH_SECONDS) return pass('registry', says)
  return warn(
    'registry',
    says,
    'the master does not answer (docs/runbook.md, "Tunnel down"); uploads still work',
  )
}

/**
 * The gateway does not list what it cannot reach: miners get 404 `challenge_not_found`, and
 * nothing says why.
 */
function withoutOrigin(registry: PublishedRegistry, reachable: readonly Challenge[]): Finding[] {
  return registry.challenges
    .filter(({ slug, status }) => status === 'active' && !reachable.some((each) => each.slug === slug))
    .map(({ slug }) =>
      fail(
        'challenges',
        `${slug} is registered but has no origin`,
        `set ORIGIN_TEMPLATE or CHALLENGES.${slug}`,
      ),
    )
}

function withRegistered(config: Config, published: PublishedRegistry): Promise<readonly Challenge[]> {
  const registry = async () => ({ ...published, fetchedAt: 0, etag: '' })
  const source = createChallengeSource(config.challenges, { current: registry, afterMiss: registry }, config)
  return source.listFor('', 0)
}
