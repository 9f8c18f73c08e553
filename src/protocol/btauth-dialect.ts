/**
 * What a request in the dialect `btauth/1` says: its headers, their grammar and its time.
 *
 * The receiver is required, and the text is never wrapped in `<Bytes>`.
 */

import { BTAUTH_VERSION, btauthText } from './btauth.ts'
import { suspectsOfBtauth } from './btauth-suspects.ts'
import type { SignedHeaders } from './dialect.ts'
import { parseForwardedHeaders, requireWellFormed } from './headers.ts'
import { rejected } from './problem.ts'
import { accepted, type Result } from './result.ts'

const NANOSECONDS = 1_000_000_000n
/** Unix nanoseconds without leading zeros; 32 digits are far beyond any clock. */
const NONCE = /^(?:0|[1-9]\d{0,31})$/

const VERSION_HEADER = 'x-bittensor-version'
const HOTKEY_HEADER = 'x-bittensor-hotkey'
const RECEIVER_HEADER = 'x-bittensor-receiver'
const NONCE_HEADER = 'x-bittensor-nonce'
const CRYPTO_HEADER = 'x-bittensor-crypto'
const SIGNATURE_HEADER = 'x-bittensor-signature'
const REQUIRED = [VERSION_HEADER, HOTKEY_HEADER, RECEIVER_HEADER, NONCE_HEADER, SIGNATURE_HEADER]

/** Whether any header belongs to this dialect. */
export function speaksBtauth(headers: Headers): boolean {
  return [...headers.keys()].some((name) => name.startsWith('x-bittensor-'))
}

/**
 * `receiver`: this gateway's own hotkey. Presence, then grammar, then the receiver (401
 * `wrong_receiver`).
 */
export function parseBtauthHeaders(headers: Headers, receiver: string): Result<SignedHeaders> {
  const present = requireWellFormed(headers, REQUIRED, [CRYPTO_HEADER])
  if (!present.ok) return present
  const value = present.value
  if (value(VERSION_HEADER) !== BTAUTH_VERSION) return malformed(VERSION_HEADER, `must be ${BTAUTH_VERSION}`)
  const scheme = value(CRYPTO_HEADER) || 'sr25519'
  if (scheme !== 'sr25519' && scheme !== 'ed25519')
    return malformed(CRYPTO_HEADER, 'must be sr25519 or ed25519')
  if (value(RECEIVER_HEADER) !== receiver) return rejected('wrong_receiver', { receiver })
  const signed = { hotkey: value(HOTKEY_HEADER), nonce: value(NONCE_HEADER), scheme, receiver } as const
  return accepted({
    ...parseForwardedHeaders(headers),
    hotkey: signed.hotkey,
    nonce: signed.nonce,
    signature: value(SIGNATURE_HEADER),
    hotkeyHeader: 'X-Bittensor-Hotkey',
    signatureHeader: 'X-Bittensor-Signature',
    scheme,
    mayBeWrapped: false,
    time: NONCE.test(signed.nonce)
      ? accepted(BigInt(signed.nonce) / NANOSECONDS)
      : rejected('invalid_timestamp', {}),
    text: (upload) => btauthText(signed, upload),
    suspects: (upload) => suspectsOfBtauth(signed, upload),
  })
}

function malformed(header: string, reason: string) {
  return rejected('malformed_header', { header, reason })
}
