/**
 * The four signed headers: names and grammar.
 *
 * A value the parser refuses never becomes a database key, a log field or part of a signed text. Duplicates arrive joined by
 * `, ` and so fail as a hotkey, a signature or a timestamp.
 */

import type { ProtocolFamily } from './canonical.ts'
import { rejected } from './problem.ts'
import { accepted, type Result } from './result.ts'

/** Longest nonce, in characters. It is a database key. */
export const NONCE_MAX_LENGTH = 256

/** Longest timestamp, in characters: long enough for every clock, short enough to be repeated in an answer. */
const TIMESTAMP_MAX_LENGTH = 32
/** Longest content type, in characters: it is handed on, and a dry run shows it. */
const CONTENT_TYPE_MAX_LENGTH = 256

const SIGNED_HEADERS = ['x-hotkey', 'x-signature', 'x-nonce', 'x-timestamp'] as const
const MAX_LENGTH: Readonly<Record<string, number>> = {
  'x-nonce': NONCE_MAX_LENGTH,
  'content-type': CONTENT_TYPE_MAX_LENGTH,
}
const PRINTABLE_ASCII = /^[\x20-\x7e]*$/
/** Python's `int(text)` on ASCII digits. */
const PYTHON_INT = /^[+-]?\d+(_\d+)*$/
const FILENAME = /^(?!\.{1,2}$)[\x20-\x2e\x30-\x5b\x5d-\x7e]{1,255}$/

export interface SignedHeaders {
  readonly hotkey: string
  readonly signature: string
  readonly nonce: string
  /** As sent; this text is what was signed. */
  readonly timestampText: string
  /** Content type to forward; undefined when the client sent none. */
  readonly contentType: string | undefined
  /** `X-Submission-Filename` when it is a plain file name; anything else is dropped. */
  readonly filename: string | undefined
}

/** What the gateway's own headers begin with. */
export function headerPrefix(family: ProtocolFamily): 'X-Platform' | 'X-Base' {
  return family === 'base' ? 'X-Base' : 'X-Platform'
}

/** Presence of all four first (401 `missing_header`), then their characters (400 `malformed_header`). */
export function parseSignedHeaders(headers: Headers): Result<SignedHeaders> {
  for (const header of SIGNED_HEADERS) {
    if (fieldValue(headers, header).trim() === '') return rejected('missing_header', { header })
  }
  for (const header of [...SIGNED_HEADERS, 'content-type']) {
    const reason = malformation(header, fieldValue(headers, header))
    if (reason !== undefined) return rejected('malformed_header', { header, reason })
  }
  const filename = headers.get('x-submission-filename') ?? ''
  return accepted({
    hotkey: fieldValue(headers, 'x-hotkey'),
    signature: fieldValue(headers, 'x-signature'),
    nonce: fieldValue(headers, 'x-nonce'),
    timestampText: fieldValue(headers, 'x-timestamp'),
    contentType: headers.get('content-type') ?? undefined,
    filename: isFilename(filename) ? filename : undefined,
  })
}

/** Whether a challenge is told this name: printable ASCII without a slash or backslash, at most 255 characters. */
export function isFilename(name: string): boolean {
  return FILENAME.test(name)
}

/** Unix seconds of any size, or 401 `invalid_timestamp`. */
export function parseTimestamp(text: string): Result<bigint> {
  if (text.length > TIMESTAMP_MAX_LENGTH || !PYTHON_INT.test(text)) return rejected('invalid_timestamp', {})
  const digits = text.replace(/[+_-]/g, '')
  return accepted(text.startsWith('-') ? -BigInt(digits) : BigInt(digits))
}

/**
 * Blanks around a value are no part of it (RFC 9110 5.5). The runtime keeps those behind it, until it writes the value to the
 * challenge: two nonces here would be one nonce there.
 */
function fieldValue(headers: Headers, name: string): string {
  return (headers.get(name) ?? '').replace(/^[ \t]+|[ \t]+$/g, '')
}

function malformation(header: string, value: string): string | undefined {
  if (!PRINTABLE_ASCII.test(value)) return 'control or non-ASCII character'
  const longest = MAX_LENGTH[header] ?? Number.POSITIVE_INFINITY
  return value.length > longest ? `longer than ${longest} characters` : undefined
}
