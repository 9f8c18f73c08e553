/**
 * Header hygiene, both ways.
 *
 * Identity headers have one author: whatever a client sends that looks like one of ours is dropped, in every spelling a server
 * behind us might fold into the same name. Hop-by-hop headers, and those that `Connection` names, end here (RFC 9110 7.6.1).
 */

import type { Origins } from '../challenge/challenge.ts'
import { VPC_URL } from './origin.ts'

const HOP_BY_HOP = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** What a miner signs with; some routes of a challenge verify it themselves. */
const SIGNATURE = new Set(['x-hotkey', 'x-signature', 'x-nonce', 'x-timestamp'])

/**
 * Besides those: credentials and everything the gateway or the platform states itself. `expect` too: the body is on its way
 * already, and the runtime would take an origin's `100 Continue` for the answer.
 */
const NEVER_FROM_CLIENT = new Set([
  ...HOP_BY_HOP,
  'authorization',
  'content-length',
  'expect',
  'host',
  'x-admin-token',
  'x-request-id',
  'cf-access-client-id',
  'cf-access-client-secret',
  'cf-access-jwt-assertion',
])

/** Of an answer: the platform's own, and identity headers, which only go towards a challenge. */
const NEVER_TO_CLIENT = new Set([
  ...HOP_BY_HOP,
  'authorization',
  'cf-access-client-secret',
  'server',
  'date',
  'x-request-id',
])

const FAMILY_HEADER = /^x-(platform|base)-/

/**
 * What a client's headers become on the way to a challenge. The copy keeps repeated lines apart and bytes as they were sent.
 * `keepsSignature`: the four signature headers pass, in the one spelling that their author is held to.
 */
export function forwardedHeaders(client: Headers, keepsSignature = false): Headers {
  const headers = new Headers(client)
  const named = connectionNamed(client)
  for (const name of client.keys()) {
    const folded = name.includes('_') ? name.replaceAll('_', '-') : name
    const dropped =
      NEVER_FROM_CLIENT.has(folded) ||
      named.has(name) ||
      FAMILY_HEADER.test(folded) ||
      (SIGNATURE.has(folded) && !(keepsSignature && name === folded))
    if (dropped) headers.delete(name)
  }
  return headers
}

/**
 * An origin's answer as the client is to see it; `marker` and the internal hosts of all `origins` stay behind. `publicPath` is where
 * the client finds the origin's root (`/challenges/demo`), when there is such a place. The body is the same stream.
 */
export function returnedAnswer(
  answer: Response,
  origins: Origins,
  marker: string | undefined,
  publicPath?: string,
): Response {
  // Not `answer` itself as the second argument: a tab in its reason phrase, which HTTP/1.1 allows, would make this throw.
  const returned = new Response(answer.body, { status: answer.status, headers: answer.headers })
  const { headers } = returned
  const named = connectionNamed(headers)
  const hidden = marker?.toLowerCase()
  for (const name of answer.headers.keys()) {
    const dropped =
      NEVER_TO_CLIENT.has(name) ||
      named.has(name) ||
      FAMILY_HEADER.test(name) ||
      name === hidden ||
      name.startsWith('cf-')
    if (dropped) headers.delete(name)
    else if (NAMES_A_PLACE.has(name)) showPlace(headers, name, origins, publicPath)
    else if (name === 'set-cookie') dropAccessCookies(headers)
  }
  return returned
}

/** Those of the tunnel's Access application, which is between the gateway and the origin. */
function dropAccessCookies(headers: Headers): void {
  const cookies = headers.getSetCookie()
  const own = cookies.filter((cookie) => !cookie.startsWith('CF_A'))
  if (own.length === cookies.length) return
  headers.delete('set-cookie')
  for (const cookie of own) headers.append('set-cookie', cookie)
}

const NAMES_A_PLACE = new Set(['location', 'content-location', 'refresh'])
/** Two lines of one header, joined: clients disagree which one counts. No URL has a space of its own. */
const TWO_PLACES = /, (\/|[a-z][a-z0-9+.-]*:)/i
/** What stands before the place in a `Refresh`. */
const REFRESH_DELAY = /^[\s\d.]+[;,]\s*(url\s*=\s*)?["']?/i

/** Set anew only when it changes: other bytes than ASCII do not survive being read and written. */
function showPlace(headers: Headers, name: string, origins: Origins, publicPath: string | undefined): void {
  const value = headers.get(name) ?? ''
  const at = name === 'refresh' ? (REFRESH_DELAY.exec(value)?.[0].length ?? value.length) : 0
  const shown = value.slice(0, at) + publicLocation(value.slice(at), origins, publicPath)
  if (name !== 'refresh' && TWO_PLACES.test(value)) headers.delete(name)
  else if (shown !== value) headers.set(name, shown)
}

/** A relative reference passes as it is; an absolute one to an internal host is shown as the path it has for the client. */
function publicLocation(location: string, origins: Origins, publicPath: string | undefined): string {
  const known = origins.map((origin) => (origin.protocol === 'vpc:' ? VPC_URL : origin))
  if (!/^([a-z][a-z0-9+.-]*:|[/\\]{2})/i.test(location) || !URL.canParse(location, VPC_URL.href))
    return location
  const target = new URL(location, VPC_URL)
  const host = bareHost(target)
  const origin = known.find((each) => bareHost(each) === host)
  if (!target.protocol.startsWith('http') || !(origin !== undefined || isInternal(host))) return location
  const prefix = (origin ?? known[0] ?? VPC_URL).pathname.replace(/\/+$/, '')
  const below = target.pathname.startsWith(`${prefix}/`) && publicPath !== undefined
  const path = below ? publicPath + target.pathname.slice(prefix.length) : target.pathname
  return path + target.search + target.hash
}

/** A name with the root's dot behind it is the same name. */
function bareHost({ hostname }: URL): string {
  return hostname.replace(/\.$/, '')
}

/** An address, or a name that only a network of its own knows, such as a container's: none means anything to a client. */
function isInternal(host: string): boolean {
  return !host.includes('.') || /^[\d.]+$/.test(host) || INTERNAL_ZONE.test(host)
}

/** RFC 6762, 6761, 8375, ICANN's `.internal`, and what routers and clusters use. */
const INTERNAL_ZONE = /\.(internal|local|localhost|lan|home\.arpa)$/

function connectionNamed(headers: Headers): ReadonlySet<string> {
  const connection = headers.get('connection')
  if (connection === null) return NONE
  return new Set(connection.split(',').map((token) => token.trim().toLowerCase()))
}

const NONE: ReadonlySet<string> = new Set()
