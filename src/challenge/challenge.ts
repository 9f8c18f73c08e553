/**
 * Challenges as the gateway knows them, and how a URL names one.
 */

import { rejected } from '../protocol/problem.ts'
import { accepted, type Result } from '../protocol/result.ts'
import type { ChallengePolicy } from './policy.ts'

export type ChallengeStatus = 'active' | 'inactive' | 'disabled' | 'draft'

export interface Challenge {
  /** Lower-case letters, digits and inner hyphens; part of the signed text. */
  readonly slug: string
  /** Display name; may stand in a URL instead of the slug. */
  readonly name: string
  readonly status: ChallengeStatus
  /**
   * In order of preference: `https://…` (or `http://` on loopback) with a path prefix that is
   * kept, or `vpc:BINDING` for a Workers VPC service.
   */
  readonly origins: Origins
  /** Response header that proves an answer came from the challenge itself. */
  readonly marker: string | undefined
  /** The policy of its public routes. */
  readonly policy: ChallengePolicy
}

export type Origins = readonly [URL, ...URL[]]

export const CHALLENGE_STATUSES: readonly ChallengeStatus[] = ['active', 'inactive', 'disabled', 'draft']

/** How many slugs a refusal names. */
const NAMED_MOST = 20

/**
 * The active challenge that `text` names, or 404 `challenge_not_found` with the slugs of those
 * that are active.
 */
export function requireChallenge(challenges: readonly Challenge[], text: string): Result<Challenge> {
  const challenge = findChallenge(challenges, text)
  if (challenge !== undefined) return accepted(challenge)
  const active = challenges.filter(({ status }) => status === 'active').slice(0, NAMED_MOST)
  return rejected('challenge_not_found', { challenges: active.map(({ slug }) => slug) })
}

/**
 * The active challenge that `text` (percent-decoded) names, or undefined.
 *
 * An exact slug wins. Else the display name counts, in any case of letters, when exactly one
 * challenge of any status has it. Two challenges that share a name are reached by slug only.
 */
export function findChallenge(challenges: readonly Challenge[], text: string): Challenge | undefined {
  const found = challenges.find((challenge) => challenge.slug === text) ?? findByName(challenges, text)
  return found?.status === 'active' ? found : undefined
}

function findByName(challenges: readonly Challenge[], text: string): Challenge | undefined {
  const folded = text.toLowerCase()
  const named = challenges.filter((challenge) => challenge.name.toLowerCase() === folded)
  return named.length === 1 ? named[0] : undefined
}
