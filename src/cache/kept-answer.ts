/**
 * A kept answer: in memory, as an entry of the cache, and as a response with its age.
 */

import { type Lifetime, usefulSeconds } from './lifetime.ts'

export interface Kept {
  readonly body: Uint8Array<ArrayBuffer>
  /** As the client is to see them, all but `Age`. */
  readonly headers: Headers
  /** Unix seconds when it was fresh at its origin. */
  readonly fetchedAt: number
  readonly lifetime: Lifetime
}

/** Roughly what an answer, and each of its headers, takes beside the bytes that are counted. */
const ENTRY_BYTES = 500
const HEADER_BYTES = 100
/** Where an entry of the cache says when it was fetched and how long it is good for. */
const KEPT = 'x-edge-kept'
const KEPT_CONTROL = 'x-edge-cache-control'

export interface Memory {
  get(key: string): Kept | undefined
  set(key: string, kept: Kept): void
}

/**
 * Forgets everything when `maxBytes` are full, keys and headers included. The cache behind it
 * still has the answers.
 */
export function createMemory(maxBytes: number): Memory {
  const answers = new Map<string, Kept>()
  let bytes = 0
  return {
    get: (key) => answers.get(key),
    set(key, kept) {
      bytes += sizeOf(key, kept) - sizeOf(key, answers.get(key))
      if (bytes > maxBytes) {
        answers.clear()
        bytes = sizeOf(key, kept)
      }
      answers.set(key, kept)
    },
  }
}

function sizeOf(key: string, kept: Kept | undefined): number {
  if (kept === undefined) return 0
  let bytes = ENTRY_BYTES + key.length + kept.body.byteLength
  for (const [name, value] of kept.headers) bytes += HEADER_BYTES + name.length + value.length
  return bytes
}

/** `now` in Unix seconds. */
export function toResponse({ body, headers, fetchedAt }: Kept, now: number): Response {
  const response = new Response(body, { headers })
  response.headers.set('age', String(Math.max(0, now - fetchedAt)))
  return response
}

export function toEntry({ body, headers, fetchedAt, lifetime }: Kept): Response {
  const entry = new Headers(headers)
  const { freshSeconds, staleSeconds, errorSeconds } = lifetime
  entry.set(KEPT, [fetchedAt, freshSeconds, staleSeconds, errorSeconds].join(' '))
  entry.set(KEPT_CONTROL, headers.get('cache-control') ?? '')
  // The cache itself keeps the entry as long as it can be of use.
  entry.set('cache-control', `max-age=${usefulSeconds(lifetime)}`)
  entry.delete('age')
  return new Response(body, { headers: entry })
}

/** Undefined for an entry this code did not write. */
export async function fromEntry(entry: Response): Promise<Kept | undefined> {
  const headers = new Headers(entry.headers)
  const numbers = (headers.get(KEPT) ?? '').split(' ').map(Number)
  const [fetchedAt = Number.NaN, freshSeconds = 0, staleSeconds = 0, errorSeconds = 0] = numbers
  if (numbers.length !== 4 || !Number.isSafeInteger(fetchedAt)) return undefined
  headers.set('cache-control', headers.get(KEPT_CONTROL) ?? '')
  for (const name of [KEPT, KEPT_CONTROL, 'cf-cache-status', 'date']) headers.delete(name)
  const body = new Uint8Array(await entry.arrayBuffer())
  return { body, headers, fetchedAt, lifetime: { freshSeconds, staleSeconds, errorSeconds } }
}
