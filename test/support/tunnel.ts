/**
 * A local process that answers as Cloudflare's edge, Access and cloudflared do in place of a
 * challenge.
 *
 * `{url}/{situation}` is an origin; whatever is asked below it is answered in that manner, once
 * the request has arrived whole.
 */

import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

/** On every page that must not reach a client. */
export const CANARY = 'canary-page ray 8f00ba4 origin 10.0.0.7'
export const MARKER = 'x-challenge-origin'

type Answer = (response: ServerResponse) => void

const page =
  (status: number, headers: Record<string, string> = {}): Answer =>
  (response) =>
    response.writeHead(status, { 'content-type': 'text/html', 'x-page': CANARY, ...headers }).end(CANARY)

const SITUATIONS = {
  well: (response) =>
    response
      .writeHead(201, { [MARKER]: 'demo', 'content-type': 'application/json' })
      .end('{"from":"challenge"}'),
  reset: (response) => response.socket?.resetAndDestroy(),
  silent: () => {},
  'tunnel-down': page(530, { 'cf-error-type': 'argo' }),
  'service-down': page(502, { 'cf-error-type': 'origin_error' }),
  ...Object.fromEntries(
    [520, 521, 522, 523, 524, 525, 526].map((status) => [
      `edge-${status}`,
      page(status, { 'cf-error-type': 'origin_error' }),
    ]),
  ),
  'own-530': page(530),
  ...Object.fromEntries(
    [502, 503, 504].map((status) => [
      `bare-${status}`,
      (response: ServerResponse) => response.writeHead(status).end(),
    ]),
  ),
  'bot-challenge': page(403, { 'cf-mitigated': 'challenge' }),
  'firewall-403': page(403, { 'cf-error-type': 'waf', 'cf-error-origin': 'cloudflare' }),
  'firewall-429': page(429, { 'cf-error-type': 'rate_limit' }),
  'access-401': page(401),
  'access-403': page(403),
  'access-login': page(302, { location: 'https://team.cloudflareaccess.com/cdn-cgi/access/login/x' }),
  'ingress-404': (response) => response.writeHead(404).end(),
  'replaced-502': page(502),
  'replaced-504': page(504),
  'own-502': page(502, { [MARKER]: 'demo' }),
  // A tab may stand in a reason phrase (RFC 9112 4).
  'odd-reason': (response) =>
    response.socket?.end(
      `HTTP/1.1 201 Created\tok\r\n${MARKER}: demo\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok`,
    ),
  'dies-after-headers': (response) => {
    response.writeHead(200, { [MARKER]: 'demo', 'content-length': '100' })
    response.write('the first half', () => setImmediate(() => response.socket?.resetAndDestroy()))
  },
} satisfies Record<string, Answer>

export type RunningTunnel = Awaited<ReturnType<typeof startTunnel>>

export async function startTunnel() {
  const situations: Readonly<Record<string, Answer>> = SITUATIONS
  const reached: Record<string, number> = {}
  const server = createServer((request, response) => {
    request.resume().on('end', () => {
      const situation = request.url?.split('/')[1] ?? ''
      reached[situation] = (reached[situation] ?? 0) + 1
      situations[situation]?.(response)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    /** Requests that arrived whole, by situation. */
    reached,
    close() {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(resolve))
    },
  }
}

/**
 * A VPC service that hands everything to `origin`, and then behaves as `then` says (statements;
 * `response` is the answer).
 */
export function vpcService(origin: string, then = 'return response'): string {
  return `export default {
    async fetch(request) {
      const { pathname, search } = new URL(request.url)
      const response = await fetch('${origin}' + pathname + search, request)
      ${then}
    },
  }`
}

/** One that has nothing to connect to. */
export function deadVpcService(code: string): string {
  return `export default { fetch() { throw Object.assign(new Error('${code}'), { name: 'ProxyError' }) } }`
}
