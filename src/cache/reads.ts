/**
 * Public reads through the data centre's cache, with a small memory of each isolate in front of
 * it.
 *
 * A fresh answer is served. A stale one is served at once and renewed in the background. An older
 * one is asked for again, and served when no new one can be had. A kept answer carries its `Age`.
 *
 * One isolate never has two renewals of one target under way (a renewal that takes over a minute
 * counts as lost), nor does it ask twice at once for a `oneAtATime` read. Requests share values,
 * never promises (a request may not wait for another's I/O). A request that must wait looks again,
 * on a timer of its own.
 */

import { createMemory, fromEntry, type Kept, toEntry, toResponse } from './kept-answer.ts'
import { ageOf, isUnchanged, phaseOf } from './lifetime.ts'

/** What is used of `Cache`. */
export interface ReadCache {
  match(key: string): Promise<Response | undefined>
  put(key: string, response: Response): Promise<void>
}

/** `Age` among the headers, when there, is believed. */
type Keepable = Omit<Kept, 'fetchedAt'> & { readonly kind: 'keep' }

/**
 * `pass`: the answer as it came, for this client only; `keepable` when it is not kept for want of
 * room alone. `failed`: no answer that may be shown; `cause` is for the log.
 */
export type Fetched =
  | Keepable
  | { readonly kind: 'pass'; readonly response: Response; readonly keepable?: boolean }
  | { readonly kind: 'failed'; readonly cause: string }

export interface Read {
  /** Absolute URL: the whole target, and nothing about the client. */
  readonly key: string
  /** Asks the origin. Never throws. */
  readonly fetch: () => Promise<Fetched>
  /** Every good answer is kept, so an isolate asks for it once at a time. */
  readonly oneAtATime: boolean
  readonly waitUntil: (work: Promise<unknown>) => void
}

type ReadAnswer = { readonly kind: 'kept'; readonly response: Response } | Exclude<Fetched, Keepable>

export interface Reads {
  through(read: Read): Promise<ReadAnswer>
  /**
   * Whether the last answer, a moment ago, may not be kept, so that the cache would be a detour.
   */
  isUncacheable(key: string): boolean
}

/** After this a renewal counts as lost: its request may have been dropped with its client. */
const RENEWAL_SECONDS = 60
/**
 * Pauses of a request that waits for another's answer, 16 s in all. Each look costs one of the few
 * operations that a request has.
 */
const WAITS_MS = [250, 500, 1000, 2000, 4000, 8000]
/** How long a target that turned out not to be keepable is not looked for in the cache. */
const UNKEPT_SECONDS = 10
/** How many targets are remembered as not keepable. */
const UNKEPT_MOST = 1000
/** For kept answers in this isolate's memory, which spares most reads a look at the cache. */
const MEMORY_BYTES = 8_000_000

/**
 * `open` opens a named cache, whose entries cannot mix with what the platform caches itself. `now`
 * in Unix seconds.
 */
export function createReads(open: () => Promise<ReadCache>, now: () => number): Reads {
  const renewals = new Map<string, number>()
  const unkept = new Map<string, number>()
  const memory = createMemory(MEMORY_BYTES)
  const isRecent = (times: ReadonlyMap<string, number>, key: string, seconds: number) =>
    now() - (times.get(key) ?? Number.NEGATIVE_INFINITY) < seconds
  const phaseNow = (kept: Kept | undefined) =>
    kept === undefined ? 'dead' : phaseOf(now() - kept.fetchedAt, kept.lifetime)
  const shown = (kept: Kept): ReadAnswer => ({ kind: 'kept', response: toResponse(kept, now()) })

  const isUncacheable = (key: string) => isRecent(unkept, key, UNKEPT_SECONDS)
  return { through, isUncacheable }

  async function through(read: Read): Promise<ReadAnswer> {
    const { key, oneAtATime } = read
    const held = memory.get(key)
    if (held !== undefined && phaseNow(held) === 'fresh') return shown(held)
    const kept = isUncacheable(key) ? undefined : await find(key)
    const phase = phaseNow(kept)
    const usable = phase === 'dead' ? undefined : kept
    if (usable !== undefined && phase === 'fresh') return shown(usable)
    if (usable !== undefined && phase === 'stale') {
      if (begin(key)) read.waitUntil(renew(read).then(letGo))
      return shown(usable)
    }
    if (oneAtATime && !begin(key)) return usable === undefined ? awaitOther(key) : shown(usable)
    const work = renew(read)
    // Others wait for this answer, so it is fetched even when this client leaves. Any other ends
    // with its client.
    if (oneAtATime) read.waitUntil(work)
    const fetched = await work
    if (usable !== undefined && isFailure(fetched)) {
      await letGo(fetched)
      return shown(usable)
    }
    // Another read may have kept an answer meanwhile.
    if (
      kept === undefined &&
      memory.get(key) === undefined &&
      fetched.kind === 'pass' &&
      fetched.keepable !== true &&
      !isFailure(fetched)
    ) {
      if (unkept.size >= UNKEPT_MOST) unkept.clear()
      unkept.set(key, now())
    }
    return fetched
  }

  /** The youngest that this isolate or the cache has. */
  async function find(key: string): Promise<Kept | undefined> {
    const held = memory.get(key)
    const cache = await open()
    const entry = await quietly(cache.match(key))
    const found = entry && (await quietly(fromEntry(entry)))
    if (found === undefined || (held !== undefined && held.fetchedAt > found.fetchedAt)) return held
    memory.set(key, found)
    return found
  }

  /** Whether this request is to ask the origin, because no other request of this isolate does. */
  function begin(key: string): boolean {
    if (isRecent(renewals, key, RENEWAL_SECONDS)) return false
    renewals.set(key, now())
    return true
  }

  async function renew(read: Read): Promise<ReadAnswer> {
    const { key, oneAtATime } = read
    try {
      const fetched = await read.fetch()
      if (fetched.kind !== 'keep') return fetched
      unkept.delete(key)
      const { body, headers, lifetime } = fetched
      const kept = { body, headers, lifetime, fetchedAt: now() - ageOf(headers) }
      memory.set(key, kept)
      const put = quietly((await open()).put(key, toEntry(kept)))
      // Waiting requests look in the cache for an answer that is too large for the memory.
      if (oneAtATime) await put
      else read.waitUntil(put)
      return shown(kept)
    } finally {
      renewals.delete(key)
    }
  }

  /** Waits for the request that asks the origin. When that request fails, this one fails too. */
  async function awaitOther(key: string): Promise<ReadAnswer> {
    for (const pause of WAITS_MS) {
      await new Promise((resolve) => setTimeout(resolve, pause))
      const kept = await find(key)
      if (kept !== undefined && phaseNow(kept) !== 'dead') return shown(kept)
      if (!isRecent(renewals, key, RENEWAL_SECONDS)) break
    }
    return { kind: 'failed', cause: 'another request got no answer' }
  }
}

/** 304 when the client has this representation already. */
export function conditional(client: Headers, response: Response): Response {
  const known = client.get('if-none-match')
  if (known === null || !isUnchanged(known, response.headers.get('etag'))) return response
  const headers = new Headers(response.headers)
  for (const name of ['content-length', 'content-type']) headers.delete(name)
  return new Response(null, { status: 304, headers })
}

/** A body that is not read would hold its connection. */
async function letGo(answer: ReadAnswer): Promise<void> {
  if (answer.kind === 'pass') await quietly(answer.response.body?.cancel())
}

function isFailure(answer: ReadAnswer): boolean {
  return answer.kind === 'failed' || (answer.kind === 'pass' && answer.response.status >= 500)
}

/** When the cache fails, every read goes to the origin. */
async function quietly<T>(operation: Promise<T> | undefined): Promise<T | undefined> {
  try {
    return await operation
  } catch {
    return undefined
  }
}
