/**
 * The text of `btauth/1`, the official SDK's way of signing a request: eight lines, bound to the
 * receiving hotkey.
 *
 *     btauth/1, scheme, METHOD, target (raw path and query),
 *     body hash, nonce, sender, receiver, joined by line feeds
 *
 * Source: https://www.bittensor.com/docs/guides/signed-requests, and `bittensor/http_auth.py` of
 * the package bittensor 11.3.0. A line feed can stand neither in a header nor in a request target,
 * so the lines are unambiguous.
 */

import type { ReceivedUpload, SignedText } from './dialect.ts'

export const BTAUTH = 'btauth/1'
export const BTAUTH_VERSION = '1'

/** The signed values that come from the headers. */
export interface BtauthHeaders {
  readonly scheme: string
  readonly nonce: string
  readonly hotkey: string
  readonly receiver: string
}

type BtauthRequest = Pick<ReceivedUpload, 'method' | 'target' | 'bodyHash'>

export function btauthText(signed: BtauthHeaders, { method, target, bodyHash }: BtauthRequest): SignedText {
  const fields = [
    { name: 'protocol', value: BTAUTH, source: `the dialect, X-Bittensor-Version ${BTAUTH_VERSION}` },
    { name: 'scheme', value: signed.scheme, source: 'X-Bittensor-Crypto, sr25519 when absent' },
    { name: 'method', value: method.toUpperCase(), source: 'request method' },
    { name: 'target', value: target, source: 'request path and query, as sent' },
    { name: 'body_hash', value: bodyHash, source: 'SHA-256 of the body as received, lower-case hex' },
    { name: 'nonce', value: signed.nonce, source: 'X-Bittensor-Nonce, as sent' },
    { name: 'sender', value: signed.hotkey, source: 'X-Bittensor-Hotkey' },
    { name: 'receiver', value: signed.receiver, source: 'X-Bittensor-Receiver, the GATEWAY_HOTKEY' },
  ]
  return { fields, message: fields.map(({ value }) => value).join('\n') }
}
