/**
 * Reads one value of the environment at a time, typed or as text, and notes what is wrong with it.
 *
 * A fault has the name and what is expected, never the value: it could be a secret in the wrong
 * place.
 */

import type { Service } from '../origin/origin.ts'
import { parseJson } from '../protocol/json.ts'
import { isData, probablyMeant } from './misspelled.ts'

export const SAFE_URL = 'an https:// URL (http:// only on loopback), no query'

export class Reader {
  readonly faults: string[] = []
  private readonly env: Record<string, unknown>
  /** All names that were asked for. */
  private readonly known = new Set<string>()
  /** Prefixes of names that end in a slug. */
  private readonly prefixes: string[] = []

  constructor(env: object) {
    this.env = { ...env }
  }

  integer(name: string, fallback: number, least: number, most: number): number {
    const value = this.value(name) ?? fallback
    const number = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value
    if (typeof number === 'number' && Number.isInteger(number) && number >= least && number <= most)
      return number
    this.faults.push(`${name} must be a whole number from ${least} to ${most}`)
    return fallback
  }

  boolean(name: string, fallback: boolean): boolean {
    const value = this.value(name) ?? fallback
    if (value === true || value === 'true') return true
    if (value === false || value === 'false') return false
    this.faults.push(`${name} must be true or false`)
    return fallback
  }

  choice<T extends string>(name: string, fallback: T, choices: readonly T[]): T {
    const value = this.value(name) ?? fallback
    const choice = choices.find((candidate) => candidate === value)
    if (choice === undefined) this.faults.push(`${name} must be one of ${choices.join(', ')}`)
    return choice ?? fallback
  }

  text(name: string, fallback: string, pattern: RegExp, expectation: string): string {
    const value = this.value(name) ?? fallback
    if (typeof value === 'string' && pattern.test(value)) return value
    this.faults.push(`${name} must be ${expectation}`)
    return fallback
  }

  list<T>(
    name: string,
    fallback: readonly T[],
    isItem: (item: unknown) => item is T,
    of: string,
  ): readonly T[] {
    const set = this.structured(name, `a list of ${of}`)
    const value = set === undefined ? fallback : set
    if (Array.isArray(value) && value.every(isItem)) return value
    this.faults.push(`${name} must be a list of ${of}`)
    return fallback
  }

  /** Undefined when unset or empty. */
  optional<T>(
    name: string,
    isValid: (value: unknown) => value is string,
    expectation: string,
    convert: (value: string) => T,
  ): T | undefined {
    const value = this.value(name)
    if (value === undefined || value === '') return undefined
    if (isValid(value)) return convert(value)
    this.faults.push(`${name} must be ${expectation}`)
    return undefined
  }

  /** All names that begin with `prefix`, which a slug follows. */
  namesLike(prefix: string): readonly string[] {
    this.prefixes.push(prefix)
    return Object.keys(this.env).filter((name) => name.startsWith(prefix))
  }

  /** Empty counts as unset. */
  secret(name: string): string | undefined {
    const value = this.value(name)
    if (value === undefined || value === '') return undefined
    if (typeof value === 'string' && /^[\x21-\x7e]{1,4096}$/.test(value)) return value
    this.faults.push(`${name} must be printable ASCII without blanks`)
    return undefined
  }

  /** A binding with a `fetch` method; undefined when there is none of that name. */
  service(name: string): Service | undefined {
    const value = this.value(name)
    return isService(value) ? value : undefined
  }

  /** A list or table, typed or as JSON text; undefined when unset, or when the text is no JSON. */
  structured(name: string, expectation: string): unknown {
    const value = this.value(name)
    if (typeof value !== 'string') return value
    const parsed = parseJson(value)
    if (parsed === undefined) this.faults.push(`${name} must be valid JSON: ${expectation}`)
    return parsed
  }

  /** Call last: adds a fault for each name that was not asked for and is nearly one that was. */
  checkNames(): void {
    for (const [name, value] of Object.entries(this.env)) {
      const isKnown = this.known.has(name) || this.prefixes.some((prefix) => name.startsWith(prefix))
      const meant = isKnown || !isData(value) ? undefined : probablyMeant(name, this.known)
      if (meant !== undefined) this.faults.push(`${name} is no setting: rename it to ${meant}, or remove it`)
    }
  }

  private value(name: string): unknown {
    this.known.add(name)
    return this.env[name]
  }
}

/** `in` finds the methods of the platform's stubs; a spread does not. */
function isService(value: unknown): value is Service {
  return typeof value === 'object' && value !== null && 'fetch' in value && typeof value.fetch === 'function'
}

/**
 * `https://`, or `http://` on loopback; no credentials (they would end up in logs), query or
 * fragment.
 */
export function isSafeUrl(value: unknown): value is string {
  if (typeof value !== 'string' || !URL.canParse(value)) return false
  const url = new URL(value)
  const loopback = ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname)
  const schemeOk = url.protocol === 'https:' || (url.protocol === 'http:' && loopback)
  return schemeOk && url.username === '' && url.password === '' && url.search === '' && url.hash === ''
}

/** A slug as it stands in the name of a secret: `agent-challenge` is `AGENT_CHALLENGE`. */
export function secretSuffix(slug: string): string {
  return slug.toUpperCase().replaceAll('-', '_')
}
