/**
 * What is particular about one challenge's public routes, as data.
 *
 * The reference has the peculiarities of two challenges in its code (reference 3.6, 3.7); here they are built in as an operator
 * writes those of any other (`built-in-policies.ts`). Rules are matched against the path the client asked for, before a remap.
 * The challenge's record decides, so a challenge called by its name behaves as it does by its slug: the reference went by the
 * text of the URL and lost remaps, signatures and the 503 that way (reference 1.4).
 */

import { rejected } from '../protocol/problem.ts'
import { accepted, type Result } from '../protocol/result.ts'
import { isPublicPath } from './public-path.ts'
import { fillTemplate, matchTemplate, type PathTemplate } from './template.ts'

export interface Remap {
  readonly from: PathTemplate
  /** Names no value that `from` does not have. */
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
  /** How much longer it may be served while a new one is fetched, or cannot be. */
  readonly staleSeconds: number
}

export interface ChallengePolicy {
  /** The first that matches says what is sent instead. */
  readonly remap: readonly Remap[]
  /** Where `X-Hotkey`, `X-Signature`, `X-Nonce` and `X-Timestamp` reach the challenge, which verifies them itself. */
  readonly signed: readonly RouteRule[]
  /** Routes that carry a miner's environment values: a challenge that cannot be reached is 503 there. */
  readonly env: readonly RouteRule[]
  /** All that is public, when given; GET allows HEAD too. Undefined for everything the path policy lets through. */
  readonly allow: readonly RouteRule[] | undefined
  readonly cache: readonly CacheRule[]
}

/** A challenge without peculiarities. */
export const OPEN_POLICY: ChallengePolicy = { remap: [], signed: [], env: [], allow: undefined, cache: [] }

/** How one request is passed on. */
export interface PassThroughPlan {
  /** Decoded path to send; public, like the one asked for. */
  readonly path: string
  readonly keepsSignature: boolean
  readonly isEnv: boolean
}

/** `path` is the decoded public path. `path_not_allowed` when the allow-list lacks it or a remap would lead to a private one. */
export function planPassThrough(
  policy: ChallengePolicy,
  method: string,
  path: string,
): Result<PassThroughPlan> {
  const sent = remapped(policy.remap, path)
  if (!isAllowed(policy.allow, method, path) || !isPublicPath(sent)) return rejected('path_not_allowed', {})
  return accepted({
    path: sent,
    keepsSignature: isListed(policy.signed, method, path),
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
