/**
 * The policy of one challenge's public routes, as data.
 *
 * Two challenges have built-in policies (`built-in.ts`), written as an operator writes those of
 * any other. Rules are matched against the path that the client asked for, before a remap. A
 * challenge that the URL calls by its name has the policy of its slug.
 */

import { rejected } from '../protocol/problem.ts'
import { accepted, type Result } from '../protocol/result.ts'
import { isPublicPath } from './public-path.ts'
import { fillTemplate, matchTemplate, type PathTemplate } from './template.ts'

export interface Remap {
  readonly from: PathTemplate
  /** Uses only names that `from` has. */
  readonly to: PathTemplate
}

export interface RouteRule {
  readonly methods: readonly string[]
  readonly path: PathTemplate
}

/** A GET route whose answers may be kept at the edge. */
export interface CacheRule {
  readonly path: PathTemplate
  /** How long an answer is fresh. */
  readonly seconds: number
  /** How much longer it may be served while a new one is fetched or cannot be had. */
  readonly staleSeconds: number
}

export interface ChallengePolicy {
  /** The first rule that matches says which path is sent instead. */
  readonly remap: readonly Remap[]
  /**
   * Where `X-Hotkey`, `X-Signature`, `X-Nonce` and `X-Timestamp` reach the challenge, which
   * verifies them itself.
   */
  readonly signed: readonly RouteRule[]
  /** Where the client's own `Authorization` reaches the challenge, which verifies it. */
  readonly bearer: readonly RouteRule[]
  /**
   * Routes that carry a miner's environment values: a challenge that cannot be reached is 503
   * there.
   */
  readonly env: readonly RouteRule[]
  /**
   * The only public routes, when given; GET allows HEAD too. Undefined: all that the path policy
   * allows.
   */
  readonly allow: readonly RouteRule[] | undefined
  readonly cache: readonly CacheRule[]
  /** Paths that the gateway answers with 404, whatever the method; not for operators to write. */
  readonly absent: readonly PathTemplate[]
}

/** The policy of a challenge without rules of its own. */
export const OPEN_POLICY: ChallengePolicy = {
  remap: [],
  signed: [],
  bearer: [],
  env: [],
  allow: undefined,
  cache: [],
  absent: [],
}

/** How one request is passed on. */
export interface PassThroughPlan {
  /** Decoded path to send; public, like the one asked for. */
  readonly path: string
  readonly keepsSignature: boolean
  readonly keepsAuthorization: boolean
  readonly isEnv: boolean
}

/**
 * `path` is the decoded public path. `path_not_allowed`: the allow-list lacks it, or a remap leads
 * to a private path. `not_found`: `absent` has it.
 */
export function planPassThrough(
  policy: ChallengePolicy,
  method: string,
  path: string,
): Result<PassThroughPlan> {
  if (policy.absent.some((absent) => matchTemplate(absent, path) !== undefined))
    return rejected('not_found', {})
  const sent = remapped(policy.remap, path)
  if (!isAllowed(policy.allow, method, path) || !isPublicPath(sent)) return rejected('path_not_allowed', {})
  return accepted({
    path: sent,
    keepsSignature: isListed(policy.signed, method, path),
    keepsAuthorization: isListed(policy.bearer, method, path),
    isEnv: isListed(policy.env, method, path),
  })
}

/** HEAD works wherever GET does. */
function isAllowed(allow: readonly RouteRule[] | undefined, method: string, path: string): boolean {
  if (allow === undefined || isListed(allow, method, path)) return true
  return method === 'HEAD' && isListed(allow, 'GET', path)
}

function isListed(rules: readonly RouteRule[], method: string, path: string): boolean {
  return rules.some((rule) => rule.methods.includes(method) && matchTemplate(rule.path, path) !== undefined)
}

function remapped(remaps: readonly Remap[], path: string): string {
  for (const { from, to } of remaps) {
    const values = matchTemplate(from, path)
    if (values !== undefined) return fillTemplate(to, values)
  }
  return path
}
