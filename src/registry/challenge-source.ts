/**
 * Which challenges there are: the operator's own entries, and those the master registered.
 *
 * An own entry wins by slug, whole: its origin, its status, its policy. A registered challenge without one has its origin from
 * `ORIGIN_TEMPLATE` and its status from the registry. Without a registry the list is the configuration's, and nobody is asked.
 */

import { builtInPolicy } from '../challenge/built-in.ts'
import { type Challenge, findChallenge } from '../challenge/challenge.ts'
import type { KvRegistry, Registry } from './kv-registry.ts'
import type { RegisteredChallenge } from './published.ts'

export interface ChallengeSource {
  /** All that are known, of any status; the master is not asked. Never throws. */
  known(now: number): Promise<readonly Challenge[]>
  /** All that are known, of any status; when `text` (slug or name) is none that is active, after another look. Never throws. */
  listFor(text: string, now: number): Promise<readonly Challenge[]>
}

/** `template` has one `{slug}`; without it a registered challenge that has no own entry cannot be reached, and is not listed. */
export function createChallengeSource(
  own: readonly Challenge[],
  registry?: Pick<KvRegistry, 'current' | 'afterMiss'>,
  template?: string,
): ChallengeSource {
  if (registry === undefined) return { known: async () => own, listFor: async () => own }
  let memo: { readonly of: Registry | undefined; readonly list: readonly Challenge[] } | undefined

  const listOf = (from: Registry | undefined): readonly Challenge[] => {
    if (memo === undefined || memo.of !== from) {
      memo = { of: from, list: withRegistered(own, from?.challenges ?? [], template) }
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
  template: string | undefined,
): readonly Challenge[] {
  if (template === undefined) return own
  const others = registered.filter(({ slug }) => !own.some((entry) => entry.slug === slug))
  return [
    ...own,
    ...others.map((challenge) => ({
      ...challenge,
      origins: [new URL(template.replace('{slug}', challenge.slug))] as const,
      marker: undefined,
      policy: builtInPolicy(challenge.slug),
    })),
  ]
}
