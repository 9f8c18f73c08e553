/**
 * Sending a request's body, and how long the gateway waits for the origin while it sends and after
 * it.
 *
 * A drained stream shows that a body has been sent; `fetch` shows no progress of a buffer. So a
 * body of more than one piece goes piece by piece through a pipe of the platform. Time in which
 * the client sends nothing does not count against the origin.
 */

import type { Share } from '../admission/budget.ts'

/** A body in memory, or a client's body that is passed on as it arrives. */
export type OriginBody = HeldBody | StreamedBody

export interface HeldBody {
  readonly content: Uint8Array<ArrayBuffer>
  /** Its room, confirmed when it is begun and with each piece; the caller releases it. */
  readonly held: Share
}

interface StreamedBody {
  readonly stream: ReadableStream<Uint8Array>
  /** As declared. */
  readonly bytes: number
}

/** The wait for the origin. */
export interface Wait {
  readonly signal: AbortSignal
  /** From now on the origin has `timeoutMs` for what comes next. */
  start(cause: string): void
  pause(): void
  giveUp(cause: string): void
  /**
   * The headers are there, or never will be. From now on nothing may abort the response's body.
   */
  end(): void
}

/** Cause for a client's body that broke off, which is not the origin's fault. */
export const BODY_BROKE_OFF = 'body broke off'
const NOT_TAKEN = 'body not taken'
const NO_HEADERS = 'timeout'

/**
 * An origin that takes less than this in `timeoutMs` is given up. Smaller pieces would cost more
 * CPU time.
 */
const PIECE_BYTES = 65_536

export function createWait(timeoutMs: number): Wait {
  const controller = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  let ended = false
  const pause = () => clearTimeout(timer)
  return {
    signal: controller.signal,
    start(cause) {
      pause()
      if (!ended) timer = setTimeout(() => controller.abort(cause), timeoutMs)
    },
    pause,
    giveUp(cause) {
      if (!ended) controller.abort(cause)
    },
    end() {
      ended = true
      pause()
    },
  }
}

/**
 * The body for `fetch`. Without a body, and with one of a single piece, the wait for the headers
 * begins at once: the pipe costs 5 % of an upload of 1 KB, and one piece shows no progress.
 */
export function sentBody(body: OriginBody | undefined, wait: Wait): BodyInit | undefined {
  if (body !== undefined && 'stream' in body) {
    if (body.bytes > 0) return piped(fromStream(body.stream), body.bytes, wait)
    wait.start(NO_HEADERS)
    return new Uint8Array()
  }
  body?.held.grow(0)
  if (body !== undefined && body.content.byteLength > PIECE_BYTES)
    return piped(fromMemory(body), body.content.byteLength, wait)
  wait.start(NO_HEADERS)
  return body?.content
}

function piped(next: NextPiece, size: number, wait: Wait): ReadableStream<Uint8Array> {
  const pipe = new FixedLengthStream(size)
  send(next, pipe.writable, wait)
  return pipe.readable
}

/** The next piece of a body; undefined after the last one. */
type NextPiece = () => Promise<Uint8Array | undefined>

function fromMemory({ content, held }: HeldBody): NextPiece {
  let at = 0
  return async () => {
    const piece = content.subarray(at, at + PIECE_BYTES)
    at += PIECE_BYTES
    held.grow(0)
    return piece.byteLength === 0 ? undefined : piece
  }
}

/**
 * A client's body as it arrives. One buffer serves for all pieces, because each is written before
 * the next is asked for.
 */
function fromStream(stream: ReadableStream<Uint8Array>): NextPiece {
  const reader = stream.getReader({ mode: 'byob' })
  let buffer = new Uint8Array(PIECE_BYTES)
  return async () => {
    const { value, done } = await reader.read(buffer)
    if (done) return undefined
    buffer = new Uint8Array(value.buffer)
    return value
  }
}

/**
 * Never throws. A body that breaks off must not look complete to the origin: its pipe stays open,
 * and giving up the request closes the connection in mid-body.
 */
async function send(next: NextPiece, pipe: WritableStream<Uint8Array>, wait: Wait): Promise<void> {
  const writer = pipe.getWriter()
  try {
    for (;;) {
      const piece = await next().catch(() => 'broken' as const)
      if (piece === 'broken') return wait.giveUp(BODY_BROKE_OFF)
      if (piece === undefined) break
      wait.start(NOT_TAKEN)
      await writer.write(piece)
      wait.pause()
    }
    await writer.close()
  } catch {
    // The origin closed its end, perhaps after it answered: its headers are awaited as after a
    // whole body.
  }
  wait.start(NO_HEADERS)
}
