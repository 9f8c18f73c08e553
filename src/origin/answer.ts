/**
 * A challenge's answer as its client is to see it.
 *
 * All challenges share the gateway's web origin. So an answer must not affect pages of other
 * challenges: headers that change how a browser treats a whole origin are removed, and a cookie is
 * confined to the challenge's own paths. Headers of the platform between the gateway and the
 * challenge are removed too.
 */

import type { Origins } from '../challenge/challenge.ts'
import { connectionNamed, FAMILY_HEADER, HOP_BY_HOP } from './headers.ts'
import { NAMES_A_PLACE, showPlace } from './location.ts'

/** Headers of the platform, and identity headers, which only a challenge may see. */
const NEVER_TO_CLIENT: ReadonlySet<string> = new Set([
  ...HOP_BY_HOP,
  'authorization',
  'server',
  'date',
  'x-request-id',
])

/**
 * Headers that make a browser remember or do something for the whole origin, or for pages below
 * another path.
 */
const ORIGIN_WIDE: ReadonlySet<string> = new Set([
  'accept-ch',
  'alt-svc',
  'alternate-protocol',
  'clear-site-data',
  'critical-ch',
  'expect-ct',
  'nel',
  'origin-agent-cluster',
  'public-key-pins',
  'public-key-pins-report-only',
  'report-to',
  'reporting-endpoints',
  'sec-session-registration',
  'secure-session-registration',
  'service-worker-allowed',
  'set-login',
  'shared-storage-write',
  'strict-transport-security',
  'use-as-dictionary',
])

export interface Shown {
  readonly origins: Origins
  /** Response header that proves where the answer came from; the client does not see it. */
  readonly marker: string | undefined
  /**
   * Where the client finds the origin's root, such as `/challenges/demo`. Empty for the gateway's
   * own root: then no cookie passes.
   */
  readonly publicPath: string
}

/** The body is the same stream. */
export function returnedAnswer(answer: Response, { origins, marker, publicPath }: Shown): Response {
  // `answer` itself is not passed as the second argument: a tab in its reason phrase, which
  // HTTP/1.1 allows, would make the constructor throw.
  const returned = new Response(answer.body, { status: answer.status, headers: answer.headers })
  const { headers } = returned
  const named = connectionNamed(headers)
  const hidden = marker?.toLowerCase()
  for (const name of answer.headers.keys()) {
    const dropped =
      NEVER_TO_CLIENT.has(name) ||
      ORIGIN_WIDE.has(name) ||
      named.has(name) ||
      FAMILY_HEADER.test(name) ||
      name === hidden ||
      name.startsWith('cf-')
    if (dropped) headers.delete(name)
    else if (NAMES_A_PLACE.has(name)) showPlace(headers, name, origins, publicPath)
    else if (name === 'set-cookie') confineCookies(headers, publicPath)
  }
  return returned
}

/**
 * Removes cookies of the tunnel's Access application, which is between the gateway and the origin.
 * Other cookies are set again where they must change.
 */
function confineCookies(headers: Headers, publicPath: string): void {
  const cookies = headers.getSetCookie()
  const own = publicPath === '' ? [] : cookies.filter((cookie) => !cookie.startsWith('CF_A'))
  const confined = own.map((cookie) => confinedCookie(cookie, publicPath))
  if (confined.length === cookies.length && confined.every((cookie, at) => cookie === cookies[at])) return
  headers.delete('set-cookie')
  for (const cookie of confined) headers.append('set-cookie', cookie)
}

/**
 * Without `Domain`, and with one `Path` at or below `publicPath`. Without a `Path` a browser takes
 * the directory of the request's path (RFC 6265 5.1.4). For `/challenges/{slug}` that is
 * `/challenges`, where every challenge would get the cookie.
 */
function confinedCookie(cookie: string, publicPath: string): string {
  const [pair = '', ...attributes] = cookie.split(';')
  const nameOf = (attribute: string) => attribute.split('=', 1)[0]?.trim().toLowerCase()
  const path = attributes.findLast((attribute) => nameOf(attribute) === 'path')
  const others = attributes.filter((attribute) => !['domain', 'path'].includes(nameOf(attribute) ?? ''))
  return [pair, ...others, ` Path=${confinedPath(attributeValue(path), publicPath)}`].join(';')
}

function attributeValue(attribute: string | undefined): string {
  return attribute === undefined ? '' : attribute.slice(attribute.indexOf('=') + 1).trim()
}

/** Turns a path of the challenge into the client's path, as for a `Location`. */
function confinedPath(path: string, publicPath: string): string {
  if (path === publicPath || path.startsWith(`${publicPath}/`)) return path
  return path.startsWith('/') ? publicPath + path.replace(/\/$/, '') : publicPath
}
