/**
 * The canonical message: the exact text both sides sign.
 *
 * `{family}-upload-v1:{netuid}:{slug}:{METHOD}:{path}:{hotkey}:{nonce}:{timestamp}:{body_hash}`,
 * joined without escaping, as the Python proxy that this gateway replaces does. It is still
 * unambiguous. The path has exactly one form and ends in `/submissions`. A hotkey that verifies is
 * base58, and timestamp and hash hold no colon. All other colons belong to the nonce.
 */

import type { SignedField } from './facts.ts'

export type ProtocolFamily = 'platform' | 'base'

/**
 * A challenge's slug: 2 to 64 lower-case letters, digits and inner hyphens. It is part of the
 * signed text.
 */
export function isSlug(text: string): boolean {
  return /^[a-z0-9][a-z0-9-]{0,62}[a-z0-9]$/.test(text)
}

export interface SignedRequest {
  readonly family: ProtocolFamily
  readonly netuid: number
  /** The challenge's slug, also when the URL used its name. */
  readonly slug: string
  readonly method: string
  /** Percent-decoded, without the query. */
  readonly path: string
  readonly hotkey: string
  readonly nonce: string
  /** The header's text as sent, not the number it means. */
  readonly timestamp: string
  /** Lower-case hex SHA-256 of the body's bytes. */
  readonly bodyHash: string
}

/**
 * The fields in signing order, each with where the gateway took it from; `invalid_signature` shows
 * them.
 */
export function signedFields(request: SignedRequest): readonly SignedField[] {
  return [
    { name: 'prefix', value: `${request.family}-upload-v1`, source: "gateway's PROTOCOL_FAMILY" },
    { name: 'netuid', value: String(request.netuid), source: "gateway's NETUID" },
    { name: 'slug', value: request.slug, source: "challenge's slug (not its name)" },
    { name: 'method', value: request.method.toUpperCase(), source: 'request method' },
    { name: 'path', value: request.path, source: 'request path, percent-decoded, without query' },
    { name: 'hotkey', value: request.hotkey, source: 'X-Hotkey' },
    { name: 'nonce', value: request.nonce, source: 'X-Nonce' },
    { name: 'timestamp', value: request.timestamp, source: 'X-Timestamp, as sent' },
    { name: 'body_hash', value: request.bodyHash, source: 'SHA-256 of the body as received, lower-case hex' },
  ]
}

export function canonicalMessage(request: SignedRequest): string {
  return messageOf(signedFields(request))
}

/** The message that these fields make. */
export function messageOf(fields: readonly SignedField[]): string {
  return fields.map((field) => field.value).join(':')
}
