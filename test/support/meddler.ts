/**
 * A gateway with one thing wrong: everything goes to the real one, but for the requests a test
 * answers itself.
 */

import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** The answer to a request that does not get through. */
interface Meddled {
  readonly status: number
  /** As JSON; `text` as it is. */
  readonly body?: unknown
  readonly text?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** `target` is path and query as sent; undefined lets the request through. */
export type Meddle = (
  target: string,
  method: string,
  headers: IncomingMessage['headers'],
) => Meddled | undefined

export type Meddler = Awaited<ReturnType<typeof startMeddler>>

export async function startMeddler(gateway: string, meddle: Meddle) {
  const server = createServer((incoming, response) => {
    const meddled = meddle(incoming.url ?? '', incoming.method ?? '', incoming.headers)
    if (meddled === undefined) pass(gateway, incoming, response)
    else answer(response, meddled)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function answer(response: ServerResponse, { status, body = {}, text, headers = {} }: Meddled): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(text ?? JSON.stringify(body))
}

function pass(gateway: string, incoming: IncomingMessage, response: ServerResponse): void {
  const outgoing = request(gateway, {
    path: incoming.url,
    method: incoming.method,
    headers: incoming.headers,
    agent: false,
  })
  outgoing.on('response', (real) => {
    response.writeHead(real.statusCode ?? 502, real.headers)
    real.pipe(response)
  })
  outgoing.on('error', () => response.destroy())
  outgoing.flushHeaders()
  incoming.pipe(outgoing)
}
