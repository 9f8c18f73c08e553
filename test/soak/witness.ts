/**
 * The witness: a challenge's origin that writes down every upload the moment its headers arrive,
 * and misbehaves on request.
 *
 * The query of an upload travels with it, so `?do=` says how the witness is to treat it. `stop` is
 * what the network sees of a killed process: its connections break and its port is closed, until
 * `start`.
 */

import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'

export const BEHAVIOURS = ['well', 'slow', 'busy', 'bare', 'reset', 'cut', 'hang'] as const
export type Behaviour = (typeof BEHAVIOURS)[number]

const SLOW_MS = 300

export interface Arrival {
  readonly requestId: string
  /** Lower-case hex SHA-256; undefined when the body did not arrive whole. */
  bodyHash: string | undefined
  /** What was answered; undefined when nothing was. */
  status: number | undefined
}

export interface Witness {
  /** `http://127.0.0.1:PORT`, the same after a restart. */
  readonly url: string
  /** Uploads by `hotkey nonce`, in the order they came. */
  readonly arrivals: ReadonlyMap<string, readonly Arrival[]>
  /** Requests that broke the contract: no token, or a hash header that is not the body's. */
  readonly complaints: readonly string[]
  stop(): Promise<void>
  start(): Promise<void>
}

export async function startWitness(token: string): Promise<Witness> {
  const arrivals = new Map<string, Arrival[]>()
  const complaints: string[] = []
  let server: Server | undefined
  let port = 0

  async function take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { searchParams } = new URL(request.url ?? '/', 'http://witness')
    const arrival: Arrival = {
      requestId: headerOf(request, 'x-request-id'),
      bodyHash: undefined,
      status: undefined,
    }
    const key = `${headerOf(request, 'x-platform-verified-hotkey')} ${headerOf(request, 'x-platform-verified-nonce')}`
    arrivals.set(key, [...(arrivals.get(key) ?? []), arrival])
    if (headerOf(request, 'authorization') !== `Bearer ${token}`)
      complaints.push('an upload without the token')
    const behaviour = searchParams.get('do')
    if (behaviour === 'cut') return void request.socket.resetAndDestroy()
    const digest = createHash('sha256')
    for await (const chunk of request) digest.update(chunk)
    arrival.bodyHash = digest.digest('hex')
    if (headerOf(request, 'x-platform-request-hash') !== arrival.bodyHash)
      complaints.push('a hash header that is not the body’s')
    if (behaviour === 'reset') return void request.socket.resetAndDestroy()
    if (behaviour === 'hang') return
    if (behaviour === 'slow') await new Promise((resolve) => setTimeout(resolve, SLOW_MS))
    answer(response, arrival, behaviour)
  }

  async function start(): Promise<void> {
    const started = createServer((request, response) => {
      response.on('error', () => {})
      take(request, response).catch(() => request.socket.destroy())
    })
    await new Promise<void>((resolve, reject) => {
      started.once('error', reject).listen(port, '127.0.0.1', resolve)
    })
    const address = started.address()
    port = typeof address === 'object' ? (address?.port ?? 0) : 0
    server = started
  }

  await start()
  return {
    url: `http://127.0.0.1:${port}`,
    arrivals,
    complaints,
    start,
    stop: () =>
      new Promise((resolve) => {
        server?.close(() => resolve())
        server?.closeAllConnections()
      }),
  }
}

/** The challenge's own 503 has a body; cloudflared's 502 has neither a body nor a type. */
function answer(response: ServerResponse, arrival: Arrival, behaviour: string | null): void {
  if (response.destroyed) return
  if (behaviour === 'bare') {
    response.writeHead(502).end()
    return
  }
  arrival.status = behaviour === 'busy' ? 503 : 202
  const body = JSON.stringify({ request_id: arrival.requestId })
  response.writeHead(arrival.status, { 'content-type': 'application/json' }).end(body)
}

function headerOf(request: IncomingMessage, name: string): string {
  const value = request.headers[name]
  return typeof value === 'string' ? value : ''
}
