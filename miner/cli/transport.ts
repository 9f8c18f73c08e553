/**
 * `fetch` for the command line, over node:http: it starts faster, shows how much of the body is
 * sent, and hears an early refusal.
 *
 * A gateway may refuse before it has read the body and close the connection; the answer that came
 * first counts, not the broken pipe.
 */

import type { Agent, ClientRequest, IncomingMessage } from 'node:http'
import type { Fetch } from '../client.ts'

/** Bytes handed to the system so far, of all. */
export type OnProgress = (sent: number, total: number) => void

const CHUNK_BYTES = 65_536
/** Without a byte in either direction. A challenge has 30 s to answer. */
const IDLE_MS = 90_000

export interface TransportOptions {
  readonly proxy?: URL | undefined
  readonly onProgress?: OnProgress
}

export function createTransport({ proxy, onProgress }: TransportOptions = {}): Fetch {
  return async (url, init) => {
    const secure = url.startsWith('https:')
    const [{ request }, agent] = await Promise.all([
      secure ? import('node:https') : import('node:http'),
      proxy === undefined ? undefined : proxyAgent(proxy, secure),
    ])
    const body = init.body instanceof Uint8Array ? init.body : undefined
    const headers = new Headers(init.headers)
    if (body !== undefined) headers.set('content-length', String(body.length))
    const outgoing = request(url, {
      method: init.method ?? 'GET',
      headers: Object.fromEntries(headers),
      ...(agent === undefined ? {} : { agent }),
    })
    outgoing.setTimeout(IDLE_MS, () => outgoing.destroy(new Error('no answer in time')))
    const answered = answerOf(outgoing)
    if (body === undefined) outgoing.end()
    // Not before there is a connection: http-proxy-agent would write the headers a second time,
    // into the body.
    else outgoing.once('socket', () => void sendInPieces(outgoing, body, onProgress))
    return answered
  }
}

/** Node's own support (`proxyEnv`) is younger than the oldest Node that these tools run on. */
async function proxyAgent(proxy: URL, secure: boolean): Promise<Agent> {
  if (!secure) return new (await import('http-proxy-agent')).HttpProxyAgent(proxy)
  return new (await import('https-proxy-agent')).HttpsProxyAgent(proxy)
}

function answerOf(outgoing: ClientRequest): Promise<Response> {
  return new Promise((resolve, reject) => {
    let answered = false
    outgoing.on('error', (error) => {
      // Once there is an answer, its own end says whether it is whole.
      if (!answered) reject(error)
    })
    outgoing.on('response', (incoming) => {
      answered = true
      readAll(incoming).then(resolve, reject)
    })
  })
}

async function readAll(incoming: IncomingMessage): Promise<Response> {
  const chunks: Uint8Array[] = []
  for await (const chunk of incoming) chunks.push(chunk)
  const status = incoming.statusCode ?? 0
  const headers = Object.entries(incoming.headersDistinct).flatMap(([name, values = []]) =>
    values.map((value): [string, string] => [name, value]),
  )
  const empty = status === 204 || status === 304
  return new Response(empty ? null : Buffer.concat(chunks), { status, headers })
}

/** Ends quietly when the request does; its own events say why. */
async function sendInPieces(
  outgoing: ClientRequest,
  body: Uint8Array,
  onProgress?: OnProgress,
): Promise<void> {
  for (let at = 0; at < body.length && !outgoing.destroyed; at += CHUNK_BYTES) {
    const written = await new Promise<boolean>((done) =>
      outgoing.write(body.subarray(at, at + CHUNK_BYTES), (error) => done(!error)),
    )
    if (!written) return
    onProgress?.(Math.min(at + CHUNK_BYTES, body.length), body.length)
  }
  outgoing.end()
}
