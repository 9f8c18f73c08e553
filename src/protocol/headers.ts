/**
 * What the headers of signed uploads have in common in every dialect: presence, characters, and
 * which of them are passed on.
 *
 * A value the parser refuses never becomes a database key, a log field or part of a signed text.
 * The runtime joins repeated headers with `, `, so they fail as a hotkey, a signature or a time.
 */

import type { ProtocolFamily } from './canonical.ts'
import { isFilename } from './filename.ts'
import { rejected } from './problem.ts'
import { accepted, type Result } from './result.ts'

/** Longest nonce, in characters. It is a database key. */
export const NONCE_MAX_LENGTH = 256

/** Longest content type, in characters. The challenge gets it, and a dry run shows it. */
const CONTENT_TYPE_MAX_LENGTH = 256
const MAX_LENGTH: Readonly<Record<string, number>> = {
  'x-nonce': NONCE_MAX_LENGTH,
  'x-bittensor-nonce': NONCE_MAX_LENGTH,
  'content-type': CONTENT_TYPE_MAX_LENGTH,
}
const PRINTABLE_ASCII = /^[\x20-\x7e]*$/

/** The unsigned headers of the client that reach the challenge. */
export interface ForwardedHeaders {
  /** Undefined when the client sent none. */
  readonly contentType: string | undefined
  /** `X-Submission-Filename` when it is a plain file name; anything else is dropped. */
  readonly filename: string | undefined
}

/** What the gateway's own headers begin with. */
export function headerPrefix(family: ProtocolFamily): 'X-Platform' | 'X-Base' {
  return family === 'base' ? 'X-Base' : 'X-Platform'
}

export function parseForwardedHeaders(headers: Headers): ForwardedHeaders {
  const filename = headers.get('x-submission-filename') ?? ''
  return {
    contentType: headers.get('content-type') ?? undefined,
    filename: isFilename(filename) ? filename : undefined,
  }
}

/** A header's value by its name; empty when the client did not send it. */
type Values = (header: string) => string

/**
 * The values, once it is certain that all of `required` are there, in their order (401
 * `missing_header`), and that they, `optional` and the content type are printable (400
 * `malformed_header`).
 */
export function requireWellFormed(
  headers: Headers,
  required: readonly string[],
  optional: readonly string[] = [],
): Result<Values> {
  const values = new Map<string, string>()
  for (const header of [...required, ...optional, 'content-type'])
    values.set(header, fieldValue(headers, header))
  const missing = required.find((header) => values.get(header)?.trim() === '')
  if (missing !== undefined) return rejected('missing_header', { header: missing })
  for (const [header, value] of values) {
    const reason = malformation(header, value)
    if (reason !== undefined) return rejected('malformed_header', { header, reason })
  }
  return accepted((header) => values.get(header) ?? '')
}

/**
 * Blanks around a value are not part of it (RFC 9110 5.5). The runtime drops those at the end only
 * when it sends the value on: two nonces of the gateway would be one nonce of the challenge.
 */
function fieldValue(headers: Headers, name: string): string {
  return (headers.get(name) ?? '').replace(/^[ \t]+|[ \t]+$/g, '')
}

function malformation(header: string, value: string): string | undefined {
  if (!PRINTABLE_ASCII.test(value)) return 'must be printable ASCII'
  const longest = MAX_LENGTH[header] ?? Number.POSITIVE_INFINITY
  return value.length > longest ? `must have at most ${longest} characters` : undefined
}
