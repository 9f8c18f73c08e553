/**
 * What a request in the platform's own dialect says: its four headers, their grammar and its time.
 */

import { messageOf, signedFields } from './canonical.ts'
import { suspectsOfCanonical } from './canonical-suspects.ts'
import type { ReceivedUpload, SignedHeaders } from './dialect.ts'
import { parseForwardedHeaders, requireWellFormed } from './headers.ts'
import { rejected } from './problem.ts'
import { accepted, type Result } from './result.ts'

export const PLATFORM_HEADERS: readonly string[] = ['x-hotkey', 'x-signature', 'x-nonce', 'x-timestamp']

/**
 * Python's `int(text)` on ASCII digits, as the Python proxy that this gateway replaces reads it.
 */
const PYTHON_INT = /^[+-]?\d+(_\d+)*$/
/** Far beyond any clock; what is longer costs time to turn into a number. */
const TIMESTAMP_MAX_LENGTH = 32

/**
 * Presence of all four first (401 `missing_header`), then their characters (400
 * `malformed_header`).
 */
export function parseSignedHeaders(headers: Headers): Result<SignedHeaders> {
  const present = requireWellFormed(headers, PLATFORM_HEADERS)
  if (!present.ok) return present
  const value = present.value
  const hotkey = value('x-hotkey')
  const nonce = value('x-nonce')
  const timestamp = value('x-timestamp')
  const request = (upload: ReceivedUpload) => ({ ...upload, hotkey, nonce, timestamp })
  return accepted({
    ...parseForwardedHeaders(headers),
    hotkey,
    nonce,
    signature: value('x-signature'),
    hotkeyHeader: 'X-Hotkey',
    signatureHeader: 'X-Signature',
    scheme: undefined,
    mayBeWrapped: true,
    time: parseTimestamp(timestamp),
    text(upload) {
      const fields = signedFields(request(upload))
      return { fields, message: messageOf(fields) }
    },
    suspects: (upload) => suspectsOfCanonical(request(upload), upload),
  })
}

/** Unix seconds, or 401 `invalid_timestamp`. */
export function parseTimestamp(text: string): Result<bigint> {
  if (text.length > TIMESTAMP_MAX_LENGTH || !PYTHON_INT.test(text)) return rejected('invalid_timestamp', {})
  const digits = text.replace(/[+_-]/g, '')
  return accepted(text.startsWith('-') ? -BigInt(digits) : BigInt(digits))
}
