/**
 * Which dialect a request speaks.
 *
 * A request has one signer, so a request with the headers of both dialects is refused. Without a
 * receiver `btauth/1` is off and its headers are ignored.
 */

import { parseBtauthHeaders, speaksBtauth } from './btauth-dialect.ts'
import type { SignedHeaders } from './dialect.ts'
import { PLATFORM_HEADERS, parseSignedHeaders } from './platform-dialect.ts'
import { rejected } from './problem.ts'
import type { Result } from './result.ts'

/** `receiver`: this gateway's own hotkey, undefined where it has none. */
export function parseSigned(headers: Headers, receiver: string | undefined): Result<SignedHeaders> {
  if (receiver === undefined || !speaksBtauth(headers)) return parseSignedHeaders(headers)
  if (PLATFORM_HEADERS.some((name) => headers.has(name)))
    return rejected('bad_request', {
      reason:
        'send either the X-Bittensor-* headers or X-Hotkey, X-Signature, X-Nonce and X-Timestamp, not both',
    })
  return parseBtauthHeaders(headers, receiver)
}
