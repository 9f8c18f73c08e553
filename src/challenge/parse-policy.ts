/**
 * Reads `CHALLENGES.<slug>.policy`.
 *
 *     remap = [{ from = "/scores/{id}", to = "/v2/scores/{id}" }]
 *     signed = ["POST /submissions"]
 *     bearer = ["POST /runs/{id}/result"]
 *     env = ["GET,PUT /submissions/{id}/env"]
 *     allow = ["GET /scores/**", "POST /submissions"]
 *     cache = [{ path = "/scores/{id}", seconds = 30, stale_seconds = 600 }]
 *
 * A part that is left out keeps its built-in rules; an empty list switches them off. All faults
 * are named together, by position and expectation only, as in the rest of the configuration.
 */

import { isRecord } from '../protocol/json.ts'
import { accepted, type Result } from '../protocol/result.ts'
import type { CacheRule, ChallengePolicy, Remap, RouteRule } from './policy.ts'
import { isPublicPath, PASS_THROUGH_METHODS } from './public-path.ts'
import { fillTemplate, isLiteral, type PathTemplate, parseTemplate } from './template.ts'

export type ParsedPolicy = Result<ChallengePolicy, { readonly faults: readonly string[] }>

const TEMPLATE = 'a path such as /submissions/{id} or /v1/**'
/** Longest lives of a cached answer, fresh and stale: a longer one is a slip of the operator's. */
const MAX_FRESH_SECONDS = 86_400
const MAX_STALE_SECONDS = 604_800

/**
 * `before`: the built-in policy of the challenge. A configured part replaces that part and no
 * other.
 */
export function parsePolicy(value: unknown, before: ChallengePolicy): ParsedPolicy {
  if (!isRecord(value)) return { ok: false, faults: ['policy must be a table'] }
  const read = new PolicyReader()
  read.fields(value, 'policy', 'remap, signed, bearer, env, allow, cache')
  const part = <T>(name: string, item: (entry: unknown, at: string) => T | undefined) =>
    name in value ? read.list(value[name], `policy.${name}`, item) : undefined
  const rules = (name: string) => part(name, (entry, at) => read.rule(entry, at))
  const policy: ChallengePolicy = {
    remap: part('remap', (entry, at) => read.remap(entry, at)) ?? before.remap,
    signed: rules('signed') ?? before.signed,
    bearer: rules('bearer') ?? before.bearer,
    env: rules('env') ?? before.env,
    allow: rules('allow') ?? before.allow,
    cache: part('cache', (entry, at) => read.cacheRule(entry, at)) ?? before.cache,
    absent: before.absent,
  }
  return read.faults.length === 0 ? accepted(policy) : { ok: false, faults: read.faults }
}

class PolicyReader {
  readonly faults: string[] = []

  fields(table: Record<string, unknown>, at: string, known: string): void {
    const unknown = Object.keys(table).filter((field) => !known.split(', ').includes(field))
    if (unknown.length > 0) this.faults.push(`${at} may have only ${known}`)
  }

  list<T>(value: unknown, at: string, item: (entry: unknown, at: string) => T | undefined): readonly T[] {
    if (Array.isArray(value)) return value.flatMap((entry, index) => item(entry, `${at}[${index}]`) ?? [])
    this.faults.push(`${at} must be a list`)
    return []
  }

  remap(entry: unknown, at: string): Remap | undefined {
    if (!isRecord(entry)) return this.fault(`${at} must be a table with from and to`)
    this.fields(entry, at, 'from, to')
    const { from: asked, to: sent } = entry
    const from = this.template(asked, `${at}.from`)
    const to = this.template(sent, `${at}.to`)
    if (from === undefined || to === undefined) return undefined
    const known = to.every((segment) => isLiteral(segment) || from.includes(segment))
    return known ? { from, to } : this.fault(`${at}.to uses a {name} or ** that from does not have`)
  }

  /** `GET,PUT /submissions/{id}/env` */
  rule(entry: unknown, at: string): RouteRule | undefined {
    const [methodList = '', path, ...more] = typeof entry === 'string' ? entry.split(' ') : []
    const methods = methodList.split(',')
    if (more.length > 0 || !methods.every((method) => PASS_THROUGH_METHODS.includes(method)))
      return this.fault(`${at} must be methods and a path, such as "GET,PUT /submissions/{id}"`)
    const template = this.template(path, at)
    return template && { methods, path: template }
  }

  cacheRule(entry: unknown, at: string): CacheRule | undefined {
    if (!isRecord(entry)) return this.fault(`${at} must be a table with path, seconds and stale_seconds`)
    this.fields(entry, at, 'path, seconds, stale_seconds')
    const path = this.template(entry['path'], `${at}.path`)
    const seconds = this.seconds(entry['seconds'], `${at}.seconds`, 1, MAX_FRESH_SECONDS)
    const staleSeconds = this.seconds(
      entry['stale_seconds'] ?? 0,
      `${at}.stale_seconds`,
      0,
      MAX_STALE_SECONDS,
    )
    if (path === undefined || seconds === undefined || staleSeconds === undefined) return undefined
    return { path, seconds, staleSeconds }
  }

  /**
   * A template without a public path would be a rule that never applies, or a way to a private
   * path.
   */
  private template(value: unknown, at: string): PathTemplate | undefined {
    const template = parseTemplate(value)
    if (template === undefined) return this.fault(`${at} must have ${TEMPLATE}`)
    const example = fillTemplate(
      template,
      new Map(template.map((part) => [part, isLiteral(part) ? part : 'x'])),
    )
    return isPublicPath(example) ? template : this.fault(`${at} names a path that is never public`)
  }

  private seconds(value: unknown, at: string, least: number, most: number): number | undefined {
    const valid = typeof value === 'number' && Number.isInteger(value) && value >= least && value <= most
    return valid ? value : this.fault(`${at} must be a whole number from ${least} to ${most}`)
  }

  private fault(sentence: string): undefined {
    this.faults.push(sentence)
  }
}
