/**
 * Both ends of the gateway as bare TCP, so that a test sees the bytes and decides when each side
 * goes on.
 */

import { createHash, type Hash } from 'node:crypto'
import { once } from 'node:events'
import { connect, createServer, type Socket } from 'node:net'

/** Of a body longer than this only length and hash are kept. */
const KEPT_BYTES = 1_000_000

/** One side's view of a connection: a head, then bytes as they come. */
export interface Wire {
  readonly socket: Socket
  /** First line and headers, each character one byte. */
  readonly head: string
  /** What came after the head, up to a million bytes, framing and all. */
  readonly rest: string
  /** Length of all that came after the head. */
  readonly restBytes: number
  readonly restHash: () => string
  /** The other side has said its last: `end` in good order, `close` in whatever way. */
  readonly ended: boolean
  readonly closed: boolean
  /** Resolves as soon as `condition` holds; it is asked again with everything that arrives. */
  until(condition: (wire: Wire) => boolean): Promise<Wire>
}

export interface RecordingOrigin {
  readonly url: string
  /** Requests in the order they came. */
  readonly requests: Wire[]
  /** What to do when a request's head is there. */
  respond: (request: Wire) => void
  /** The next request that was not taken yet. */
  next(): Promise<Wire>
  close(): void
}

export const ANSWER = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok'

/**
 * An origin that takes down each request; one connection for each, unless `respond` keeps it open.
 */
export async function startRecordingOrigin(): Promise<RecordingOrigin> {
  const taken = { count: 0, wake: () => {} }
  const server = createServer((socket) => {
    const request = watch(socket)
    request.until(hasHead).then(
      () => {
        origin.requests.push(request)
        taken.wake()
        origin.respond(request)
      },
      () => {},
    )
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  const origin: RecordingOrigin = {
    url: `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`,
    requests: [],
    respond: (request) => request.socket.end(ANSWER),
    async next() {
      for (;;) {
        const request = origin.requests[taken.count]
        if (request !== undefined) {
          taken.count += 1
          return request
        }
        await new Promise<void>((resolve) => {
          taken.wake = resolve
        })
      }
    },
    close: () => server.close(),
  }
  return origin
}

/** A client that has sent `lines` (request line and headers) and then `body`. */
export async function sendRaw(
  url: string,
  lines: readonly string[],
  body: string | Buffer = '',
): Promise<Wire> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  const wire = watch(socket)
  socket.write(Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'))
  socket.write(body)
  return wire
}

/** Each byte as one character. */
export function latin1(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1')
}

export function hasHead(wire: Wire): boolean {
  return wire.head !== ''
}

export function status(answer: Wire): number {
  return Number(answer.head.split(' ')[1])
}

/** Header lines of a head, names in lower case, in their order. */
export function headerLines(head: string): [name: string, value: string][] {
  const lines = head.split('\r\n').slice(1)
  return lines.map((line) => {
    const at = line.indexOf(':')
    return [line.slice(0, at).toLowerCase(), line.slice(at + 1).trim()]
  })
}

export function headerValues(head: string, name: string): string[] {
  return headerLines(head).flatMap(([each, value]) => (each === name ? [value] : []))
}

/** Whether a whole answer is there, by its own framing; HEAD, 204 and 304 end with the head. */
export function isWhole(answer: Wire): boolean {
  if (!hasHead(answer)) return false
  const [length] = headerValues(answer.head, 'content-length')
  if (length !== undefined) return answer.restBytes >= Number(length)
  return answer.rest.endsWith('0\r\n\r\n') || answer.closed
}

function watch(socket: Socket): Wire {
  const hash: Hash = createHash('sha256')
  const waiting = new Set<() => void>()
  const state = { head: '', rest: '', restBytes: 0, ended: false, closed: false }
  const changed = () => {
    for (const each of waiting) each()
  }
  const addRest = (bytes: Uint8Array) => {
    hash.update(bytes)
    state.restBytes += bytes.byteLength
    if (state.rest.length < KEPT_BYTES) state.rest += latin1(bytes)
  }
  let early = ''
  socket.on('data', (bytes: Uint8Array) => {
    if (state.head !== '') addRest(bytes)
    else {
      early += latin1(bytes)
      const end = early.indexOf('\r\n\r\n')
      if (end !== -1) {
        state.head = early.slice(0, end)
        addRest(Buffer.from(early.slice(end + 4), 'latin1'))
      }
    }
    changed()
  })
  socket.on('end', () => {
    state.ended = true
    changed()
  })
  socket.on('close', () => {
    state.closed = true
    changed()
  })
  socket.on('error', () => {}) // `close` follows
  const wire: Wire = {
    socket,
    get head() {
      return state.head
    },
    get rest() {
      return state.rest
    },
    get restBytes() {
      return state.restBytes
    },
    restHash: () => hash.copy().digest('hex'),
    get ended() {
      return state.ended
    },
    get closed() {
      return state.closed
    },
    until: (condition) =>
      new Promise((resolve, reject) => {
        const ask = () => {
          if (condition(wire)) resolve(wire)
          else if (state.closed) reject(new Error(`connection closed after ${JSON.stringify(state.head)}`))
          else return
          waiting.delete(ask)
        }
        waiting.add(ask)
        ask()
      }),
  }
  return wire
}
