/**
 * Reading one value of the environment at a time, typed or as text, and noting what is wrong with it.
 *
 * A fault names the value and what is expected, never the value itself: it could be a secret in the wrong place.
 */

import type { Service } from '../origin/origin.ts'
import { parseJson } from '../protocol/json.ts'

export const SAFE_URL = 'an https:// URL (http:// only on loopback), no query'

export class Reader {
  readonly faults: string[] = []
  private readonly env: Record<string, unknown>

  constructor(env: object) {
    this.env = { ...env }
  }

  integer(name: string, fallback: number, least: number, most: number): number {
    const value = this.env[name] ?? fallback
    const number = typeof value === 'string' && /^\d{1,15}$/.test(value) ? Number(value) : value
    if (typeof number === 'number' && Number.isInteger(number) && number >= least && number <= most)
      return number
    this.faults.push(`${name} must be a whole number from ${least} to ${most}`)
    return fallback
  }

  boolean(name: string, fallback: boolean): boolean {
    const value = this.env[name] ?? fallback
    if (value === true || value === 'true') return true
    if (value === false || value === 'false') return false
    this.faults.push(`${name} must be true or false`)
    return fallback
  }

  choice<T extends string>(name: string, fallback: T, choices: readonly T[]): T {
    const value = this.env[name] ?? fallback
    const choice = choices.find((candidate) => candidate === value)
    if (choice === undefined) this.faults.push(`${name} must be one of ${choices.join(', ')}`)
    return choice ?? fallback
  }

  text(name: string, fallback: string, pattern: RegExp, expectation: string): string {
    const value = this.env[name] ?? fallback
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
    const value = this.structured(name) ?? fallback
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
    const value = this.env[name]
    if (value === undefined || value === '') return undefined
    if (isValid(value)) return convert(value)
    this.faults.push(`${name} must be ${expectation}`)
    return undefined
  }

  /** Names that begin so, set or not. */
  namesLike(prefix: string): readonly string[] {
    return Object.keys(this.env).filter((name) => name.startsWith(prefix))
  }

  /** Empty counts as unset, as in the reference. */
  secret(name: string): string | undefined {
    const value = this.env[name]
    if (value === undefined || value === '') return undefined
    if (typeof value === 'string' && /^[\x21-\x7e]{1,4096}$/.test(value)) return value
    this.faults.push(`${name} must be printable ASCII without blanks`)
    return undefined
  }

  /** A binding that can be asked something; undefined when there is none of that name. */
  service(name: string): Service | undefined {
    const value = this.env[name]
    return isService(value) ? value : undefined
  }

  /** A list or table, typed or as JSON text; undefined when unset, the text itself when it is not JSON. */
  structured(name: string): unknown {
    const value = this.env[name]
    return typeof value === 'string' ? (parseJson(value) ?? value) : value
  }
}

/** The platform's stubs have their methods where a spread does not find them, but `in` does. */
function isService(value: unknown): value is Service {
  return typeof value === 'object' && value !== null && 'fetch' in value && typeof value.fetch === 'function'
}

/** `https://`, or `http://` on loopback; no credentials (they would end up in logs), query or fragment. */
export function isSafeUrl(value: unknown): value is string {
  if (typeof value !== 'string' || !URL.canParse(value)) return false
  const url = new URL(value)
  const loopback = ['127.0.0.1', 'localhost', '[::1]'].includes(url.hostname)
  const schemeOk = url.protocol === 'https:' || (url.protocol === 'http:' && loopback)
  return schemeOk && url.username === '' && url.password === '' && url.search === '' && url.hash === ''
}
