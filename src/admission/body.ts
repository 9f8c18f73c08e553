/**
 * Reading an upload's body: a hard limit, one hash, and memory that grows with the bytes that
 * came.
 *
 * Reading into one buffer (BYOB) costs as much as `arrayBuffer()`. The default reader yields
 * chunks of 4 KiB and costs four times as much (`npm run bench:uploads -- reading`). The body is
 * never cancelled: that would reset the connection before the client has read the refusal.
 */

import { bytesToHex } from '@noble/hashes/utils.js'
import { rejected } from '../protocol/problem.ts'
import { accepted, type Result } from '../protocol/result.ts'
import { sha256 } from '../protocol/sha256.ts'
import type { Share } from './budget.ts'
import type { RunningDigest } from './ports.ts'
import { type Clock, createIntake, IDLE_SECONDS, type Intake, Stalled } from './progress.ts'

/**
 * What to do with the bytes. `hold`: the upload may be forwarded. `hold_if_room`: it may be, if a
 * lookup finds its hotkey. `hash`: it cannot be admitted, and its signature decides which refusal
 * it gets. `count`: it is refused already, and only its size may change the refusal.
 */
export type BodyMode = 'hold' | 'hold_if_room' | 'hash' | 'count'

export interface BodyLimits {
  /** `Content-Length`, when the client sent one. */
  readonly declaredBytes: number | undefined
  readonly maxBytes: number
}

export interface ReadBody {
  readonly bytes: number
  /** Lower-case hex SHA-256; empty in mode `count`. */
  readonly hash: string
  /** The exact bytes when they are kept. They count against `held` until it is released. */
  readonly content: Uint8Array<ArrayBuffer> | undefined
}

export interface BodyOrder {
  readonly stream: ReadableStream<Uint8Array> | null
  readonly mode: BodyMode
  readonly limits: BodyLimits
  /** Counts the bytes that are kept. The caller releases it. */
  readonly held: Share
  /** Counts the buffer for bytes that are not kept. `readBody` releases it. */
  readonly passing: Share
  readonly ports: Clock & { readonly newDigest: () => RunningDigest }
}

/**
 * A connection that sends no byte of its body has no larger buffer. It counts from the first byte
 * on.
 */
const FIRST_READ_BYTES = 1024
/**
 * The second buffer. Each full buffer grows fourfold, so at least a quarter of the memory holds
 * bytes that the client has sent.
 */
const FIRST_BUFFER_BYTES = 32_768
const GROWTH = 4
const MOST_PASSING_BYTES = 65_536

/**
 * `Content-Length` as a number; undefined when absent, and beside `Transfer-Encoding`, which then
 * counts (RFC 9112 6.3).
 */
export function declaredBytes(headers: Headers): number | undefined {
  const text = headers.get('content-length')
  return text === null || headers.has('transfer-encoding') ? undefined : Number(text)
}

/**
 * Reads to the end, to the last declared byte, or to one byte past the limit.
 *
 * `submission_too_large` past `maxBytes`, `over_capacity` when the isolate is full,
 * `request_timeout` when the body makes no progress, `bad_request` when it breaks off.
 */
export async function readBody(order: BodyOrder): Promise<Result<ReadBody>> {
  const reader = (order.stream ?? new Blob().stream()).getReader({ mode: 'byob' })
  const intake = createIntake(reader, order.ports)
  try {
    return order.mode.startsWith('hold') ? await hold(intake, order) : await pass(intake, order)
  } catch (fault) {
    if (fault instanceof Stalled) return rejected('request_timeout', { idle_seconds: IDLE_SECONDS })
    return rejected('bad_request', { reason: 'the body broke off' })
  } finally {
    order.passing.release()
    // The runtime drains what was left unread.
    intake.end()
  }
}

async function hold(intake: Intake, order: BodyOrder): Promise<Result<ReadBody>> {
  const { limits, held } = order
  // One byte more than may come shows that a body of undeclared length is too long.
  const capacity = (limits.declaredBytes ?? limits.maxBytes) + 1
  let buffer = new Uint8Array(Math.min(capacity, FIRST_READ_BYTES))
  let bytes = 0
  for (let ended = false; ; ) {
    const isFull = bytes === buffer.byteLength && !ended
    const size = isFull ? Math.min(capacity, Math.max(FIRST_BUFFER_BYTES, bytes * GROWTH)) : buffer.byteLength
    if (bytes > 0 && !held.grow(size)) {
      if (order.mode === 'hold') return rejected('over_capacity', { retry_after_seconds: 1 })
      return pass(intake, order, await forget(buffer.subarray(0, bytes), order))
    }
    if (ended) break
    if (isFull) buffer = grown(buffer, size)
    const { value, done } = await intake.read(buffer.subarray(bytes), bytes === 0 ? 1 : undefined)
    if (value !== undefined) {
      bytes += value.byteLength
      buffer = new Uint8Array(value.buffer as ArrayBuffer)
    }
    if (bytes > limits.maxBytes) return tooLarge(limits)
    // No more bytes than declared can come (RFC 9112 6.3), so their end needs no read of its own.
    ended = done || bytes === limits.declaredBytes
  }
  if (brokeOff(bytes, limits)) return shorter()
  const content = buffer.subarray(0, bytes)
  const hash = bytesToHex(await sha256(content))
  return accepted({ bytes, hash, content })
}

/** What came so far of a body that is not kept. */
interface Begun {
  readonly bytes: number
  readonly digest: RunningDigest | undefined
}

/** There is no more room: the bytes so far are hashed and dropped, and so will be the rest. */
async function forget(buffer: Uint8Array<ArrayBuffer>, { held, ports }: BodyOrder): Promise<Begun> {
  const digest = ports.newDigest()
  await digest.update(buffer)
  held.release()
  return { bytes: buffer.byteLength, digest }
}

/** Reads in constant memory: the bytes are hashed or counted and not kept. */
async function pass(intake: Intake, order: BodyOrder, begun?: Begun): Promise<Result<ReadBody>> {
  const { limits, passing, ports } = order
  let digest = begun?.digest
  let bytes = begun?.bytes ?? 0
  let buffer = new Uint8Array(FIRST_READ_BYTES)
  for (;;) {
    const { value, done } = await intake.read(buffer, bytes === 0 ? 1 : undefined)
    if (value !== undefined) {
      bytes += value.byteLength
      if (bytes > limits.maxBytes) return tooLarge(limits)
      if (order.mode !== 'count') {
        digest ??= ports.newDigest()
        await digest.update(value)
      }
      buffer = new Uint8Array(value.buffer as ArrayBuffer)
    }
    if (done) break
    const size = Math.min(MOST_PASSING_BYTES, Math.max(FIRST_BUFFER_BYTES, bytes))
    // Asked each time: a slow body confirms so that its buffer is still there.
    if (passing.grow(size) && buffer.byteLength < size) buffer = new Uint8Array(size)
  }
  if (brokeOff(bytes, limits)) return shorter()
  const hash = order.mode === 'count' ? '' : await (digest ?? ports.newDigest()).hex()
  return accepted({ bytes, hash, content: undefined })
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

/**
 * `transfer` frees the smaller buffer at once. With garbage collection instead, eight uploads of
 * 7.5 MB took 17 MB more (`npm run bench:uploads`).
 */
function grown(buffer: Uint8Array<ArrayBuffer>, size: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(buffer.buffer.transfer(size))
}
