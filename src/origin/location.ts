/**
 * URLs that an answer names (`Location`, `Content-Location`, `Refresh`), as the client can reach
 * them.
 *
 * A URL of the challenge's own network becomes the path that it has for the client. A public URL
 * stays.
 */

import type { Origins } from '../challenge/challenge.ts'
import { VPC_URL } from './origin.ts'

export const NAMES_A_PLACE: ReadonlySet<string> = new Set(['location', 'content-location', 'refresh'])
/** Two lines of one header, joined. Clients disagree which one counts. No URL contains a space. */
const TWO_PLACES = /, (\/|[a-z][a-z0-9+.-]*:)/i
/** The part of a `Refresh` before its URL. */
const REFRESH_DELAY = /^[\s\d.]+[;,]\s*(url\s*=\s*)?["']?/i
/**
 * Zones of RFC 6762, 6761 and 8375, ICANN's `.internal`, and zones that routers and clusters use.
 */
const INTERNAL_ZONE = /\.(internal|local|localhost|lan|home\.arpa)$/

/**
 * Addresses that mean something only inside a network: this host, private, shared (carrier's NAT
 * and overlay networks), loopback, link-local
 * (https://www.iana.org/assignments/iana-ipv4-special-registry/).
 */
const INTERNAL_IPV4: readonly (readonly [network: string, bits: number])[] = [
  ['0.0.0.0', 8],
  ['10.0.0.0', 8],
  ['100.64.0.0', 10],
  ['127.0.0.0', 8],
  ['169.254.0.0', 16],
  ['172.16.0.0', 12],
  ['192.168.0.0', 16],
]
/** First groups of unique local, link-local and the old site-local addresses: value and mask. */
const INTERNAL_IPV6: readonly (readonly [value: number, mask: number])[] = [
  [0xfc00, 0xfe00],
  [0xfe80, 0xffc0],
  [0xfec0, 0xffc0],
]

/**
 * The header is set only when it changes: bytes that are not ASCII do not survive being read and
 * written.
 */
export function showPlace(headers: Headers, name: string, origins: Origins, publicPath: string): void {
  const value = headers.get(name) ?? ''
  const at = name === 'refresh' ? (REFRESH_DELAY.exec(value)?.[0].length ?? value.length) : 0
  const shown = value.slice(0, at) + publicLocation(value.slice(at), origins, publicPath)
  if (name !== 'refresh' && TWO_PLACES.test(value)) headers.delete(name)
  else if (shown !== value) headers.set(name, shown)
}

/**
 * A relative reference passes as it is; an absolute URL of an internal host becomes the path that
 * it has for the client.
 */
function publicLocation(location: string, origins: Origins, publicPath: string): string {
  const known = origins.map((origin) => (origin.protocol === 'vpc:' ? VPC_URL : origin))
  if (!/^([a-z][a-z0-9+.-]*:|[/\\]{2})/i.test(location) || !URL.canParse(location, VPC_URL.href))
    return location
  const target = new URL(location, VPC_URL)
  const host = bareHost(target)
  const origin = known.find((each) => bareHost(each) === host)
  if (!target.protocol.startsWith('http') || !(origin !== undefined || isInternal(host))) return location
  const prefix = (origin ?? known[0] ?? VPC_URL).pathname.replace(/\/+$/, '')
  const below = target.pathname.startsWith(`${prefix}/`)
  const path = below ? publicPath + target.pathname.slice(prefix.length) : target.pathname
  return path + target.search + target.hash
}

/** A name with a dot at the end is the same name. */
function bareHost({ hostname }: URL): string {
  return hostname.replace(/\.$/, '')
}

/** `host` is as the URL parser writes it, which turns every spelling of an address into one. */
function isInternal(host: string): boolean {
  if (host.startsWith('[')) return isInternalIpv6(host.slice(1, -1))
  if (/^\d+(\.\d+){3}$/.test(host)) return isInternalIpv4(host)
  return !host.includes('.') || INTERNAL_ZONE.test(host)
}

function isInternalIpv4(address: string): boolean {
  return INTERNAL_IPV4.some(([network, bits]) => {
    const beyond = 32 - bits
    return ipv4Number(address) >>> beyond === ipv4Number(network) >>> beyond
  })
}

function ipv4Number(address: string): number {
  return address.split('.').reduce((number, part) => number * 256 + Number(part), 0)
}

/**
 * An IPv4 address inside it (mapped, compatible, or behind NAT64) is judged as an IPv4 address.
 * `::` and `::1` stand for this host and for loopback.
 */
function isInternalIpv6(address: string): boolean {
  const groups = ipv6Groups(address)
  const [first = 0] = groups
  const head = groups
    .slice(0, 6)
    .map((group) => group.toString(16))
    .join(':')
  if (['0:0:0:0:0:0', '0:0:0:0:0:ffff', '64:ff9b:0:0:0:0'].includes(head)) {
    const [high = 0, low = 0] = groups.slice(6)
    return isInternalIpv4([high >> 8, high & 255, low >> 8, low & 255].join('.'))
  }
  return INTERNAL_IPV6.some(([value, mask]) => (first & mask) === value)
}

/** The eight groups of an address that the URL parser has written. */
function ipv6Groups(address: string): readonly number[] {
  const [before = '', after] = address.split('::')
  const numbers = (text: string) =>
    text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16))
  const [left, right] = [numbers(before), numbers(after ?? '')]
  return [...left, ...Array<number>(8 - left.length - right.length).fill(0), ...right]
}
