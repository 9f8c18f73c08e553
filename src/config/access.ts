/**
 * Cloudflare Access service tokens: one for all tunnel hostnames, and for a challenge its own where
 * it has one.
 *
 * A request to a challenge carries the token that opens its tunnel, and whether Access takes it off
 * before the challenge sees it is documented nowhere. A challenge of other people therefore gets a
 * token that opens nothing else.
 */

import type { AccessToken } from '../origin/access.ts'
import type { Config } from './config.ts'
import { type Reader, secretSuffix } from './reader.ts'

const ID = 'ACCESS_CLIENT_ID_'
const SECRET = 'ACCESS_CLIENT_SECRET_'

/**
 * What opens a challenge's tunnel: its own token (`ACCESS_CLIENT_ID_AGENT_CHALLENGE` and
 * `…_SECRET_…`), or else that of all.
 */
export function accessFor(config: Config, slug: string | undefined): AccessToken | undefined {
  const own = slug === undefined ? undefined : config.challengeAccess.get(secretSuffix(slug))
  return own ?? config.access
}

export function readAccess(read: Reader): AccessToken | undefined {
  return joined(read, '', read.secret('ACCESS_CLIENT_ID'), read.secret('ACCESS_CLIENT_SECRET'))
}

/** By what stands behind the secrets' names; which slug asks for it shows later. */
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
