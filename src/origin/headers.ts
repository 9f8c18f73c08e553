/**
 * A client's headers on their way to a challenge.
 *
 * Only the gateway sets identity headers: a client's header that looks like one is dropped, in
 * every spelling that a server behind the gateway might fold into the same name. Headers that make
 * such a server see another path or method than the one that was judged are dropped too. So are
 * hop-by-hop headers and those that `Connection` names (RFC 9110 7.6.1).
 */

export const HOP_BY_HOP: readonly string[] = [
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]

/** The headers of a miner's signature. Some routes of a challenge verify it themselves. */
const SIGNATURE: ReadonlySet<string> = new Set(['x-hotkey', 'x-signature', 'x-nonce', 'x-timestamp'])

/**
 * Frameworks and proxies take another path, prefix or method from these headers than the request's
 * own.
 */
const ANOTHER_TARGET: readonly string[] = [
  'x-envoy-original-method',
  'x-envoy-original-path',
  'x-forwarded-method',
  'x-forwarded-path',
  'x-forwarded-prefix',
  'x-forwarded-uri',
  'x-http-method',
  'x-http-method-override',
  'x-method-override',
  'x-original-method',
  'x-original-uri',
  'x-original-url',
  'x-rewrite-uri',
  'x-rewrite-url',
  'x-script-name',
]

/**
 * Also dropped: credentials, and everything that the gateway or the platform states itself.
 * `expect` is dropped because the body is on its way already, and the runtime would take an
 * origin's `100 Continue` for the answer.
 */
const NEVER_FROM_CLIENT: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  ...ANOTHER_TARGET,
  'authorization',
  'content-length',
  'expect',
  'host',
  'x-admin-token',
  'x-request-id',
])

export const FAMILY_HEADER = /^x-(platform|base)-/
/** Credentials of Cloudflare Access, and what it says about the client. */
const ACCESS_HEADER = /^cf-access-/
const OTHER_SYMBOLS = /[^a-z0-9]+/g

/** Headers of the client that a challenge, or the master, verifies itself. */
export interface KeptHeaders {
  /** The four headers that a miner signs with. */
  readonly keepsSignature: boolean
  /** The client's own `Authorization`. */
  readonly keepsAuthorization: boolean
}

const NOTHING: KeptHeaders = { keepsSignature: false, keepsAuthorization: false }

/**
 * A client's headers as a challenge gets them. The copy keeps repeated lines apart and bytes as
 * they were sent. Headers that are kept pass in their exact spelling only.
 */
export function forwardedHeaders(client: Headers, kept: KeptHeaders = NOTHING): Headers {
  const headers = new Headers(client)
  const named = connectionNamed(client)
  for (const name of client.keys()) {
    const folded = name.replace(OTHER_SYMBOLS, '-')
    const dropped =
      (NEVER_FROM_CLIENT.has(folded) && !(kept.keepsAuthorization && name === 'authorization')) ||
      named.has(name) ||
      FAMILY_HEADER.test(folded) ||
      ACCESS_HEADER.test(folded) ||
      (SIGNATURE.has(folded) && !(kept.keepsSignature && name === folded))
    if (dropped) headers.delete(name)
  }
  return headers
}

export function connectionNamed(headers: Headers): ReadonlySet<string> {
  const connection = headers.get('connection')
  if (connection === null) return NONE
  return new Set(connection.split(',').map((token) => token.trim().toLowerCase()))
}

const NONE: ReadonlySet<string> = new Set()

/**
 * Whether a browser asks for the script of a service worker
 * (https://w3c.github.io/ServiceWorker/#service-worker-script-request). Such a script could answer
 * for every page below its path, for as long as it is installed.
 */
export function asksForServiceWorker(client: Headers): boolean {
  return /script/i.test(client.get('service-worker') ?? '')
}
