/**
 * Sending a request's body, and for how long an origin is waited for meanwhile and afterwards.
 *
 * That a body has been sent is seen by its stream being drained; `fetch` shows nothing of a buffer that it is given whole. So every
 * body goes piece by piece through a pipe of the platform's own. Time in which the client sends nothing is no fault of the
 * origin and does not count.
 */

/** Bytes that are here, or a client's body, handed on as it arrives. */
export type OriginBody = Uint8Array<ArrayBuffer> | StreamedBody

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
  /** The headers are there, or never will be: nothing may abort the response's body any more. */
  end(): void
}

/** The client's body broke off: no fault of the origin. */
export const BODY_BROKE_OFF = 'body broke off'
const NOT_TAKEN = 'body not taken'
const NO_HEADERS = 'timeout'

/** An origin that takes less than this in `timeoutMs` is given up; smaller pieces cost more time of the CPU. */
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

/** What `fetch` is given; without a body the wait for the headers begins at once. */
export function sentBody(body: OriginBody | undefined, wait: Wait): BodyInit | undefined {
  const size = body === undefined || 'stream' in body ? body?.bytes : body.byteLength
  if (body === undefined || size === undefined || size === 0) {
    wait.start(NO_HEADERS)
    return body && new Uint8Array()
  }
  const pipe = new FixedLengthStream(size)
  send('stream' in body ? fromStream(body.stream) : fromBytes(body), pipe.writable, wait)
  return pipe.readable
}

/** The next piece of a body; undefined after the last one. */
type NextPiece = () => Promise<Uint8Array | undefined>

function fromBytes(bytes: Uint8Array): NextPiece {
  let at = 0
  return async () => {
    const piece = bytes.subarray(at, at + PIECE_BYTES)
    at += PIECE_BYTES
    return piece.byteLength === 0 ? undefined : piece
  }
}

/** What has arrived, as it arrives. The one buffer is used again for each piece: a piece is written before the next is asked for. */
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
 * Never throws. A body that breaks off is left open, and the request is given up, which closes the connection to the origin in
 * mid-body: it must not look complete.
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
    // The origin closed its end. It may have answered before that: its headers are waited for as after a whole body.
  }
  wait.start(NO_HEADERS)
}
