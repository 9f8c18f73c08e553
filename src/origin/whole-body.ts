/**
 * Reading an answer's body whole, within limits, to check it or to keep it.
 *
 * The platform decodes gzip and br as the bytes are read, so the result is the plain
 * representation.
 */

import type { Share } from '../admission/budget.ts'

export type WholeBody =
  | { readonly kind: 'whole'; readonly bytes: Uint8Array<ArrayBuffer> }
  /** Longer than allowed, or too slow. `resume` has the body from its first byte. */
  | {
      readonly kind: 'long'
      readonly cause: string
      resume(): ReadableStream<Uint8Array>
      drop(): Promise<void>
    }
  | { readonly kind: 'broken'; readonly cause: string }

type Chunk = ReadableStreamReadResult<Uint8Array>

export const NO_ROOM = 'no room'
const ENOUGH: Share = { grow: () => true, release: () => {} }
/** Bytes are in memory twice: as chunks, and in the buffer that joins them. */
const COPIES = 2

/**
 * `timeoutMs` is for the body, from the call to its last byte. Without `room` the rest streams by,
 * as with a longer body. The caller releases the room of a whole body. Never throws.
 */
export async function readWhole(
  response: Response,
  maxBytes: number,
  timeoutMs: number,
  room: Share = ENOUGH,
): Promise<WholeBody> {
  if (response.body === null) return { kind: 'whole', bytes: new Uint8Array() }
  const reader = response.body.getReader()
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(resolve, timeoutMs, 'late')
  })
  const chunks: Uint8Array[] = []
  let size = 0
  const long = (next: Promise<Chunk>, cause: string): WholeBody => {
    // The promise may be rejected before it is awaited.
    next.catch(() => {})
    const drop = () => {
      room.release()
      return reader.cancel(cause).catch(() => {})
    }
    return { kind: 'long', cause, resume: () => resumed(chunks, reader, next, room), drop }
  }
  try {
    for (;;) {
      const next = reader.read()
      const chunk = await Promise.race([next, late])
      if (chunk === 'late') return long(next, 'body timeout')
      if (chunk.done) return { kind: 'whole', bytes: joined(chunks, size) }
      chunks.push(chunk.value)
      size += chunk.value.byteLength
      if (size > maxBytes) return long(reader.read(), 'body too long')
      if (!room.grow(size * COPIES)) return long(reader.read(), NO_ROOM)
    }
  } catch {
    room.release()
    return { kind: 'broken', cause: 'body broke off' }
  } finally {
    clearTimeout(timer)
  }
}

/**
 * The bytes that were read, then the pending read, then the rest as it comes. An error of the rest
 * is an error here.
 */
function resumed(
  chunks: readonly Uint8Array[],
  reader: ReadableStreamDefaultReader<Uint8Array>,
  next: Promise<Chunk>,
  room: Share,
): ReadableStream<Uint8Array> {
  const { readable, writable } = new IdentityTransformStream()
  const writer = writable.getWriter()
  const pump = async () => {
    for (const chunk of chunks) {
      // A slow client's chunks still take their room.
      room.grow(0)
      await writer.write(chunk)
    }
    room.release()
    for (let chunk = await next; !chunk.done; chunk = await reader.read()) await writer.write(chunk.value)
    await writer.close()
  }
  pump().catch((error) => {
    room.release()
    return Promise.allSettled([writer.abort(error), reader.cancel(error)])
  })
  return readable
}

function joined(chunks: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size)
  let at = 0
  for (const chunk of chunks) {
    bytes.set(chunk, at)
    at += chunk.byteLength
  }
  return bytes
}
