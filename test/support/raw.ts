/** HTTP over a bare socket: what no client library would send, and when. */

import { connect, type Socket } from 'node:net'

export interface RawAnswer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: string
}

export interface RawConnection {
  readonly socket: Socket
  send(bytes: string | Uint8Array): void
  /** The next answer; rejects when the connection ends without one. */
  answer(): Promise<RawAnswer>
  close(): void
}

export async function openRaw(url: string): Promise<RawConnection> {
  const { hostname, port } = new URL(url)
  const socket = connect(Number(port), hostname)
  // Latin-1 keeps every byte as one character.
  let received = ''
  socket.setEncoding('latin1')
  let ended = false
  const wake = new Set<() => void>()
  const changed = () => {
    for (const each of wake) each()
    wake.clear()
  }
  socket.on('data', (chunk) => {
    received += chunk
    changed()
  })
  for (const event of ['end', 'error', 'close'] as const) {
    socket.on(event, () => {
      ended = true
      changed()
    })
  }
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
  return {
    socket,
    send: (bytes) => socket.write(bytes),
    async answer() {
      for (;;) {
        const parsed = parseAnswer(received, ended)
        if (parsed !== undefined) {
          received = received.slice(parsed.length)
          return parsed.answer
        }
        if (ended) throw new Error('connection ended without an answer')
        await new Promise<void>((resolve) => wake.add(resolve))
      }
    },
    close: () => socket.destroy(),
  }
}

/** One request, one answer. `lines` are the request line and headers without line ends. */
export async function rawRequest(
  url: string,
  lines: readonly string[],
  body: string | Uint8Array = '',
): Promise<RawAnswer> {
  const connection = await openRaw(url)
  try {
    connection.send(`${lines.join('\r\n')}\r\n\r\n`)
    if (body.length > 0) connection.send(body)
    return await connection.answer()
  } finally {
    connection.close()
  }
}

/** `chunks` as a chunked body. */
export function chunked(...chunks: readonly (string | Uint8Array)[]): Buffer {
  const parts = chunks.map((chunk) => {
    const bytes = Buffer.from(chunk)
    return Buffer.concat([Buffer.from(`${bytes.byteLength.toString(16)}\r\n`), bytes, Buffer.from('\r\n')])
  })
  return Buffer.concat([...parts, Buffer.from('0\r\n\r\n')])
}

/** Undefined while the answer is incomplete. */
function parseAnswer(received: string, ended: boolean): { answer: RawAnswer; length: number } | undefined {
  const head = received.indexOf('\r\n\r\n')
  if (head === -1) return undefined
  const [first = '', ...lines] = received.slice(0, head).split('\r\n')
  const headers = new Map(
    lines.map((line) => [line.split(':')[0]?.toLowerCase() ?? '', line.slice(line.indexOf(':') + 1).trim()]),
  )
  const body = parseBody(received.slice(head + 4), headers, ended)
  if (body === undefined) return undefined
  const text = new TextDecoder().decode(Uint8Array.from(body.text, (char) => char.charCodeAt(0)))
  return {
    answer: { status: Number(first.split(' ')[1]), headers, body: text },
    length: head + 4 + body.length,
  }
}

function parseBody(
  rest: string,
  headers: ReadonlyMap<string, string>,
  ended: boolean,
): { text: string; length: number } | undefined {
  const declared = headers.get('content-length')
  if (declared !== undefined) {
    const length = Number(declared)
    return rest.length < length ? undefined : { text: rest.slice(0, length), length }
  }
  if (headers.get('transfer-encoding') === 'chunked') return parseChunks(rest)
  return ended ? { text: rest, length: rest.length } : undefined
}

function parseChunks(rest: string): { text: string; length: number } | undefined {
  let text = ''
  for (let at = 0; ; ) {
    const line = rest.indexOf('\r\n', at)
    if (line === -1) return undefined
    const size = Number.parseInt(rest.slice(at, line), 16)
    const next = line + 2 + size + 2
    if (rest.length < next) return undefined
    if (size === 0) return { text, length: next }
    text += rest.slice(line + 2, line + 2 + size)
    at = next
  }
}
