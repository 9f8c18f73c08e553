/**
 * Which public reads may be kept at the edge, and for how long: decisions only.
 *
 * A kept answer is shown to every client, so it must not depend on who asked first. A request
 * takes part only when every header it carries is one that any browser or proxy sends, so an
 * unknown credential excludes a request just as `Authorization` does. The operator's rule cannot
 * allow what an answer's headers forbid.
 */

import type { CacheRule } from '../challenge/policy.ts'
import { matchTemplate } from '../challenge/template.ts'

/** How long an answer lives, counted from when it was fresh at its origin. */
export interface Lifetime {
  readonly freshSeconds: number
  /**
   * For so long after being fresh it is served at once, while a new answer is fetched in the
   * background.
   */
  readonly staleSeconds: number
  /** For so long after being fresh it is served when no new answer can be had. */
  readonly errorSeconds: number
}

export type Phase = 'fresh' | 'stale' | 'last_resort' | 'dead'

/** Longest lives that an answer may claim, the same as for the operator's rules. */
const MAX_FRESH_SECONDS = 86_400
const MAX_STALE_SECONDS = 604_800
/**
 * How long an answer that may be kept is shown, with its age, while its origin is gone (RFC 9111
 * 4.2.4).
 */
const DISCONNECTED_SECONDS = 86_400

/**
 * Headers that any browser or proxy sends; `sec-*` and `cf-*` too, but not `cf-access-*`. `Vary`
 * says on which of these an answer depends.
 */
const ORDINARY = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'cache-control',
  'cdn-loop',
  'connection',
  'content-length',
  'dnt',
  'host',
  'if-modified-since',
  'if-none-match',
  'pragma',
  'priority',
  'referer',
  'traceparent',
  'tracestate',
  'upgrade-insecure-requests',
  'user-agent',
  'via',
  'x-forwarded-for',
  'x-forwarded-proto',
  'x-real-ip',
])

/** A kept answer may vary by these: it is kept decoded, and asked for without an `Origin`. */
const HARMLESS_VARIATIONS = ['accept-encoding', 'origin']

/**
 * Whether clients may share the answer to this request. `answersOrigin`: the gateway itself
 * answers the request's `Origin` (CORS), so the challenge does not see it.
 */
export function isSharedRead(method: string, headers: Headers, answersOrigin: boolean): boolean {
  if (method !== 'GET') return false
  return [...headers.keys()].every(
    (name) =>
      ORDINARY.has(name) || /^(sec|cf(?!-access))-/.test(name) || (name === 'origin' && answersOrigin),
  )
}

/** The operator's rule for a path as the client asked for it; the first that matches. */
export function cacheRule(rules: readonly CacheRule[], path: string): CacheRule | undefined {
  return rules.find((rule) => matchTemplate(rule.path, path) !== undefined)
}

/**
 * Undefined for an answer that must not be kept, or that neither a rule nor its own
 * `Cache-Control` allows to be kept.
 */
export function lifetimeOf(
  status: number,
  headers: Headers,
  rule: CacheRule | undefined,
): Lifetime | undefined {
  if (rule === undefined && !headers.has('cache-control')) return undefined
  if (status !== 200 || headers.has('set-cookie')) return undefined
  const control = parseCacheControl(headers.get('cache-control') ?? '')
  if (['no-store', 'no-cache', 'private'].some((word) => control.has(word))) return undefined
  // Answers are kept decoded, which is a transformation.
  if (control.has('no-transform') && headers.has('content-encoding')) return undefined
  if (!listed(headers.get('vary')).every((name) => HARMLESS_VARIATIONS.includes(name))) return undefined
  if (/^text\/event-stream/i.test(headers.get('content-type') ?? '')) return undefined
  if (!['', 'identity', 'gzip', 'br'].includes((headers.get('content-encoding') ?? '').toLowerCase()))
    return undefined
  if (rule !== undefined) {
    return { freshSeconds: rule.seconds, staleSeconds: rule.staleSeconds, errorSeconds: rule.staleSeconds }
  }
  const granted = seconds(control, 's-maxage') ?? seconds(control, 'max-age')
  if (granted === undefined || granted <= ageOf(headers)) return undefined
  const strict = ['must-revalidate', 'proxy-revalidate', 's-maxage'].some((word) => control.has(word))
  return {
    freshSeconds: Math.min(granted, MAX_FRESH_SECONDS),
    staleSeconds: Math.min(seconds(control, 'stale-while-revalidate') ?? 0, MAX_STALE_SECONDS),
    errorSeconds: Math.min(
      seconds(control, 'stale-if-error') ?? (strict ? 0 : DISCONNECTED_SECONDS),
      MAX_STALE_SECONDS,
    ),
  }
}

export function phaseOf(ageSeconds: number, lifetime: Lifetime): Phase {
  const stale = ageSeconds - lifetime.freshSeconds
  if (stale < 0) return 'fresh'
  if (stale < lifetime.staleSeconds) return 'stale'
  return stale < lifetime.errorSeconds ? 'last_resort' : 'dead'
}

/** How long after being fetched an answer is of any use, in seconds. */
export function usefulSeconds({ freshSeconds, staleSeconds, errorSeconds }: Lifetime): number {
  return freshSeconds + Math.max(staleSeconds, errorSeconds)
}

/** The `Age` an answer came with, in whole seconds; 0 for none that can be read. */
export function ageOf(headers: Headers): number {
  const age = headers.get('age') ?? ''
  return /^\d{1,9}$/.test(age) ? Number(age) : 0
}

/**
 * Whether the client's `If-None-Match` names this representation (weak comparison, RFC 9110
 * 13.1.2).
 */
export function isUnchanged(ifNoneMatch: string, etag: string | null): boolean {
  if (etag === null) return false
  const opaque = (tag: string) => tag.trim().replace(/^W\//, '')
  return ifNoneMatch.trim() === '*' || ifNoneMatch.split(',').some((tag) => opaque(tag) === opaque(etag))
}

/** Directives in lower case, with their values unquoted. */
function parseCacheControl(text: string): ReadonlyMap<string, string> {
  return new Map(
    text.split(',').map((part) => {
      const [name = '', value = ''] = part.trim().split('=')
      return [name.toLowerCase(), value.replaceAll('"', '')]
    }),
  )
}

/** A duration that cannot be read counts as none at all. */
function seconds(control: ReadonlyMap<string, string>, name: string): number | undefined {
  const value = control.get(name)
  if (value === undefined) return undefined
  return /^\d{1,10}$/.test(value) ? Number(value) : 0
}

function listed(value: string | null): readonly string[] {
  return (value ?? '').split(',').flatMap((name) => name.trim().toLowerCase() || [])
}
