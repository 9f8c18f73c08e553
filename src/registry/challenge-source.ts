/**
 * Which challenges there are: the operator's own entries, and those the master registered.
 *
 * An operator's entry replaces the registered challenge of its slug whole: origin, status and
 * policy. A registered challenge without one has its origin from `ORIGIN_TEMPLATE` and its status
 * from the registry. Without a registry the list is the configuration's, and no master is asked.
 */

import { builtInPolicy } from '../challenge/built-in.ts'
import { type Challenge, findChallenge } from '../challenge/challenge.ts'
import type { ProtocolFamily } from '../protocol/canonical.ts'
import type { KvRegistry, Registry } from './kv-registry.ts'
import type { RegisteredChallenge } from './published.ts'

export interface ChallengeSource {
  /** All that are known, of any status; the master is not asked. Never throws. */
  known(now: number): Promise<readonly Challenge[]>
  /**
   * All that are known, of any status; when `text` (slug or name) names none that is active, after
   * the master was asked again. Never throws.
   */
  listFor(text: string, now: number): Promise<readonly Challenge[]>
}

/** What makes a challenge of a registered one without an entry. */
export interface RegisteredTerms {
  /** Has one `{slug}`. Without a template such a challenge cannot be reached and is not listed. */
  readonly originTemplate: string | undefined
  readonly family: ProtocolFamily
}

export function createChallengeSource(
  own: readonly Challenge[],
  registry?: Pick<KvRegistry, 'current' | 'afterMiss'>,
  terms?: RegisteredTerms,
): ChallengeSource {
  if (registry === undefined) return { known: async () => own, listFor: async () => own }
  let memo: { readonly of: Registry | undefined; readonly list: readonly Challenge[] } | undefined

  const listOf = (from: Registry | undefined): readonly Challenge[] => {
    if (memo === undefined || memo.of !== from) {
      memo = { of: from, list: withRegistered(own, from?.challenges ?? [], terms) }
    }
    return memo.list
  }

  return {
    known: async (now) => listOf(await registry.current(now)),

    async listFor(text, now) {
      const list = listOf(await registry.current(now))
      if (findChallenge(list, text) !== undefined || own.some(({ slug }) => slug === text)) return list
      return listOf(await registry.afterMiss(now))
    },
  }
}

function withRegistered(
  own: readonly Challenge[],
  registered: readonly RegisteredChallenge[],
  terms: RegisteredTerms | undefined,
): readonly Challenge[] {
  const template = terms?.originTemplate
  if (terms === undefined || template === undefined) return own
  const others = registered.filter(({ slug }) => !own.some((entry) => entry.slug === slug))
  return [
    ...own,
    ...others.map((challenge) => ({
      ...challenge,
      origins: [new URL(template.replace('{slug}', challenge.slug))] as const,
      marker: undefined,
      policy: builtInPolicy(terms.family, challenge.slug),
    })),
  ]
}
