/**
 * One origin of a challenge, and what is needed to ask there as the gateway does.
 */

import type { Challenge } from '../../../src/challenge/challenge.ts'
import type { Config } from '../../../src/config/config.ts'
import { originUrl } from '../../../src/origin/bridge.ts'
import type { Ask } from './ask.ts'

export interface OriginContext {
  readonly config: Config
  /** Values of secrets that are known here. */
  readonly secrets: ReadonlyMap<string, string>
  readonly environment: string
  readonly fetch: (url: string, init: RequestInit) => Promise<Response>
  /** A question to an origin as a stranger asks it. */
  readonly askAt: (origin: URL) => Ask
}

/** One origin of a challenge. `label` tells it from the challenge's others. */
export interface Door extends Pick<Challenge, 'slug' | 'marker'> {
  readonly label: string
  readonly origin: URL
}

export function doorsOf({ slug, marker, origins }: Challenge): readonly Door[] {
  return origins.map((origin, at) => ({ slug, marker, origin, label: at === 0 ? slug : `${slug}#${at + 1}` }))
}

export function request({ origin, marker }: Door, path: string, headers: Readonly<Record<string, string>>) {
  return {
    url: originUrl(origin, path, ''),
    method: 'GET',
    headers: new Headers({ accept: '*/*', ...headers }),
    marker,
  }
}

/** Where the values of secrets are read from. */
export function secretsFile(environment: string): string {
  return environment === 'local' ? '.dev.vars' : `.dev.vars.${environment}`
}
