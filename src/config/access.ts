/**
 * Cloudflare Access service tokens: one for all tunnel hostnames, and for a challenge its own
 * where it has one.
 *
 * A request to a challenge carries the token that opens its tunnel. Cloudflare does not document
 * whether Access removes the token before the challenge sees it. So a challenge that other people
 * run should get a token that opens nothing else.
 */

import type { AccessToken } from '../origin/access.ts'
import type { Config } from './config.ts'
import { type Reader, secretSuffix } from './reader.ts'

const ID = 'ACCESS_CLIENT_ID_'
const SECRET = 'ACCESS_CLIENT_SECRET_'

/**
 * The token that opens a challenge's tunnel: its own (`ACCESS_CLIENT_ID_AGENT_CHALLENGE` and
 * `…_SECRET_…`), or else the common one.
 */
export function accessFor(config: Config, slug: string | undefined): AccessToken | undefined {
  const own = slug === undefined ? undefined : config.challengeAccess.get(secretSuffix(slug))
  return own ?? config.access
}

export function readAccess(read: Reader): AccessToken | undefined {
  return joined(read, '', read.secret('ACCESS_CLIENT_ID'), read.secret('ACCESS_CLIENT_SECRET'))
}

/** By the suffix of the secrets' names. Slugs may become known later. */
export function readChallengeAccess(read: Reader): ReadonlyMap<string, AccessToken> {
  const names = [...read.namesLike(ID), ...read.namesLike(SECRET)]
  const suffixes = new Set(names.map((name) => name.replace(ID, '').replace(SECRET, '')))
  return new Map(
    [...suffixes].flatMap((suffix): [string, AccessToken][] => {
      const token = joined(read, `_${suffix}`, read.secret(ID + suffix), read.secret(SECRET + suffix))
      return token === undefined ? [] : [[suffix, token]]
    }),
  )
}

function joined(
  read: Reader,
  suffix: string,
  clientId: string | undefined,
  clientSecret: string | undefined,
): AccessToken | undefined {
  if (clientId !== undefined && clientSecret !== undefined) return { clientId, clientSecret }
  if (clientId !== undefined || clientSecret !== undefined)
    read.faults.push(`ACCESS_CLIENT_ID${suffix} and ACCESS_CLIENT_SECRET${suffix} must be set together`)
  return undefined
}
