/**
 * Reading an upload's body: a hard limit, one hash, and a cap on the bytes an isolate holds at once.
 *
 * BYOB reads into one buffer cost what `arrayBuffer()` costs; the default reader yields 4 KiB chunks and costs four times as much
 * (platform-notes 4.2). The body is never cancelled: cancelling resets the connection before the client has read the refusal.
 */

import { bytesToHex } from '@noble/hashes/utils.js'
import { rejected } from '../protocol/problem.ts'
import { accepted, type Result } from '../protocol/result.ts'
import type { RunningDigest } from './ports.ts'

/**
 * What to do with the bytes: `hold` for an upload that may be forwarded, `hash` for one that cannot be admitted but whose
 * signature decides which refusal it gets, `count` for one that is refused unless it is too large.
 */
export type BodyMode = 'hold' | 'hash' | 'count'

export interface BodyLimits {
  /** `Content-Length`, when the client sent one. */
  readonly declaredBytes: number | undefined
  readonly maxBytes: number
}

export interface ReadBody {
  readonly bytes: number
  /** Lower-case hex SHA-256; empty in mode `count`. */
  readonly hash: string
  /** The exact bytes in mode `hold`; they count against `share` until that is released. */
  readonly content: Uint8Array<ArrayBuffer> | undefined
}

/** A share of the isolate's memory. */
export interface Share {
  /** Makes it at least so large; false when the cap does not allow it. */
  grow(bytes: number): boolean
  release(): void
}

export interface BodyBudget {
  open(): Share
}

/** The standard's `min` option, which the platform's types do not know yet. */
interface ByobReader {
  read(
    view: Uint8Array<ArrayBuffer>,
    options: { readonly min: number },
  ): Promise<{ readonly done: boolean; readonly value?: Uint8Array | undefined }>
  releaseLock(): void
}

/** First buffer; then four times as much each time it is full, so nobody pins memory without sending a quarter of it. */
const FIRST_BUFFER_BYTES = 131_072
const GROWTH = 4
const SCRATCH_BYTES = 65_536
/** A read waits for so much, so that a slow upload shows its progress. */
const PROGRESS_BYTES = 1_048_576

/** A request that vanished without a trace (the platform may drop one between two awaits) gives its share back after this long without progress. */
const ABANDONED_SECONDS = 120

/**
 * Counts held bytes. `now` in Unix seconds.
 *
 * One per isolate: 128 MB serve all its requests, so `capBytes` must leave room for everything else.
 */
export function createBodyBudget(capBytes: number, now: () => number): BodyBudget {
  const shares = new Map<Share, { bytes: number; touched: number }>()
  let held = 0
  const drop = (share: Share) => {
    held -= shares.get(share)?.bytes ?? 0
    shares.delete(share)
  }
  const dropAbandoned = (mine: Share) => {
    for (const [share, { touched }] of shares) {
      if (share !== mine && now() - touched > ABANDONED_SECONDS) drop(share)
    }
  }
  return {
    open() {
      const share: Share = {
        grow(bytes) {
          const more = Math.max(0, bytes - (shares.get(share)?.bytes ?? 0))
          if (held + more > capBytes) dropAbandoned(share)
          if (held + more > capBytes) return false
          held += more
          shares.set(share, { bytes: (shares.get(share)?.bytes ?? 0) + more, touched: now() })
          return true
        },
        release: () => drop(share),
      }
      return share
    },
  }
}

/** What holding a body may take: one byte more than may come, so that reading past the end is seen. */
export function holdBytes(limits: BodyLimits): number {
  return (limits.declaredBytes ?? limits.maxBytes) + 1
}

/** `Content-Length` as a number; undefined when absent. */
export function declaredBytes(headers: Headers): number | undefined {
  const text = headers.get('content-length')
  return text === null ? undefined : Number(text)
}

/**
 * Reads to the end or to one byte past the limit. `share` is used in mode `hold` only, and stays with the caller.
 *
 * `submission_too_large` past `maxBytes`, `over_capacity` when the isolate is full, `bad_request` when the body breaks off.
 */
export async function readBody(
  stream: ReadableStream<Uint8Array> | null,
  mode: BodyMode,
  limits: BodyLimits,
  share: Share,
  newDigest: () => RunningDigest,
): Promise<Result<ReadBody>> {
  const reader: ByobReader = (stream ?? new Blob().stream()).getReader({ mode: 'byob' })
  try {
    return mode === 'hold'
      ? await hold(reader, limits, share)
      : await pass(reader, limits, mode === 'hash' ? newDigest() : undefined)
  } catch {
    return rejected('bad_request', { reason: 'the body broke off' })
  } finally {
    // What was left unread is the server's to drain.
    reader.releaseLock()
  }
}

async function hold(reader: ByobReader, limits: BodyLimits, share: Share): Promise<Result<ReadBody>> {
  const capacity = holdBytes(limits)
  let buffer = new Uint8Array(0)
  let bytes = 0
  for (;;) {
    const full = bytes === buffer.byteLength
    const size = full ? Math.min(capacity, Math.max(FIRST_BUFFER_BYTES, bytes * GROWTH)) : buffer.byteLength
    if (!share.grow(size)) return rejected('over_capacity', { retry_after_seconds: 1 })
    if (full) buffer = grown(buffer, size)
    const { value, done } = await reader.read(buffer.subarray(bytes), {
      min: Math.min(size - bytes, PROGRESS_BYTES),
    })
    if (value !== undefined) {
      bytes += value.byteLength
      buffer = new Uint8Array(value.buffer as ArrayBuffer)
    }
    if (bytes > limits.maxBytes) return tooLarge(limits)
    if (done) break
  }
  if (brokeOff(bytes, limits)) return shorter()
  const content = buffer.subarray(0, bytes)
  const hash = bytesToHex(new Uint8Array(await crypto.subtle.digest('SHA-256', content)))
  return accepted({ bytes, hash, content })
}

/** Constant memory: the bytes are hashed or counted, and gone. */
async function pass(
  reader: ByobReader,
  limits: BodyLimits,
  digest: RunningDigest | undefined,
): Promise<Result<ReadBody>> {
  let scratch = new Uint8Array(SCRATCH_BYTES)
  let bytes = 0
  for (;;) {
    const { value, done } = await reader.read(scratch, { min: scratch.byteLength })
    if (value !== undefined) {
      bytes += value.byteLength
      if (bytes > limits.maxBytes) return tooLarge(limits)
      await digest?.update(value)
      scratch = new Uint8Array(value.buffer as ArrayBuffer)
    }
    if (done) break
  }
  if (brokeOff(bytes, limits)) return shorter()
  return accepted({ bytes, hash: (await digest?.hex()) ?? '', content: undefined })
}

function brokeOff(bytes: number, limits: BodyLimits): boolean {
  return limits.declaredBytes !== undefined && bytes !== limits.declaredBytes
}

function shorter() {
  return rejected('bad_request', { reason: 'the body is shorter than its Content-Length' })
}

function tooLarge(limits: BodyLimits) {
  return rejected('submission_too_large', { max_bytes: limits.maxBytes })
}

/** `transfer` frees the smaller buffer at once; left to the collector, eight uploads of 7.5 MB had 17 MB more (tools/bench/upload.ts). */
function grown(buffer: Uint8Array<ArrayBuffer>, size: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer.buffer.transfer(size))
}
