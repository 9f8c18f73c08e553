/**
 * The mistakes people make with `btauth/1`, each as the text that they sign.
 */

import { type BtauthHeaders, btauthText } from './btauth.ts'
import { canonicalMessage } from './canonical.ts'
import { EMPTY_HASH, LONGEST_URL } from './canonical-suspects.ts'
import type { FailedUpload, Suspect } from './dialect.ts'

/** None for a long URL: each attempt would cost as much as its length. */
export function* suspectsOfBtauth(signed: BtauthHeaders, upload: FailedUpload): Generator<Suspect> {
  if (upload.url.length > LONGEST_URL) return
  const but = (headers: Partial<BtauthHeaders>, request: Partial<FailedUpload> = {}) =>
    btauthText({ ...signed, ...headers }, { ...upload, ...request }).message
  const { target, path, url, bodyBytes, bodyHash } = upload
  const { nonce, scheme } = signed
  const bare = target.replace(/\?.*/s, '')

  if (bare !== target)
    yield [
      'signed the target without its query; sign path and query as you send them',
      but({}, { target: bare }),
    ]
  if (path !== bare) {
    yield [
      'signed the decoded path; sign path and query as you send them, percent-encoded',
      but({}, { target: path }),
    ]
    yield [
      'signed the decoded path; sign path and query as you send them, percent-encoded',
      but({}, { target: path + target.slice(bare.length) }),
    ]
  }
  yield ['signed the full URL; sign its path and query only', but({}, { target: url })]
  yield [
    "signed without a receiver; pass receiver_ss58, this gateway's hotkey of GET /version",
    but({ receiver: '-' }),
  ]
  if (bodyBytes > 0)
    yield ['signed an empty body; pass the bytes you send as body', but({}, { bodyHash: EMPTY_HASH })]
  const other = scheme === 'sr25519' ? 'ed25519' : 'sr25519'
  yield [
    `signed the scheme line ${other}; X-Bittensor-Crypto says ${scheme}, and the line must say the same`,
    but({ scheme: other }),
  ]
  yield [
    'signed the nonce in seconds; sign X-Bittensor-Nonce as you send it, in nanoseconds',
    but({ nonce: nonce.slice(0, -9) }),
  ]
  yield [
    'signed the nonce in milliseconds; sign X-Bittensor-Nonce as you send it, in nanoseconds',
    but({ nonce: nonce.slice(0, -6) }),
  ]
  yield [
    "signed the target of the dry run; sign the upload's, without /verify",
    but({}, { target: `${bare}/verify${target.slice(bare.length)}` }),
  ]
  yield [
    'signed the body hash in upper case; write it in lower case',
    but({}, { bodyHash: bodyHash.toUpperCase() }),
  ]
  yield ['signed a line end behind the last line; join the eight lines and add nothing', `${but({})}\n`]
  yield ['signed the method in lower case; sign POST', but({}).replace('\nPOST\n', '\npost\n')]
  yield [
    "signed the platform's own message; sign the eight lines of btauth/1, or send X-Hotkey, X-Signature, X-Nonce and X-Timestamp",
    canonicalMessage({ ...upload, hotkey: signed.hotkey, nonce, timestamp: nonce.slice(0, -9) }),
  ]
}
