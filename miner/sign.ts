/**
 * Signing an upload, for miners: the four headers and the text they sign.
 *
 * Pure, and the same in Node, browsers and workers: time, nonce and randomness are passed in. The
 * path that is signed is the one in the URL, percent-decoded, without the query; with a plain slug
 * that is the default below.
 */

import { bytesToHex } from '@noble/hashes/utils.js'
import type { Signer } from '../src/crypto/sign.ts'
import { encodeSs58 } from '../src/crypto/ss58.ts'
import { canonicalMessage, type ProtocolFamily } from '../src/protocol/canonical.ts'
import { sha256 } from '../src/protocol/sha256.ts'

export interface UploadToSign {
  readonly family: ProtocolFamily
  readonly netuid: number
  readonly slug: string
  /** Defaults to `submissionsPath(slug)`. */
  readonly path?: string
  /** Lower-case hex SHA-256 of the body; see `hashBody`. */
  readonly bodyHash: string
  /** 1 to 256 printable ASCII characters, never used before with this hotkey and challenge. */
  readonly nonce: string
  /** Unix seconds. */
  readonly timestamp: number
}

export interface SignedUpload {
  readonly hotkey: string
  /** The canonical message: compare this first when signatures disagree. */
  readonly message: string
  readonly headers: {
    readonly 'X-Hotkey': string
    readonly 'X-Signature': string
    readonly 'X-Nonce': string
    readonly 'X-Timestamp': string
  }
}

/** `random` is 32 fresh bytes (sr25519 only). */
export function signUpload(upload: UploadToSign, signer: Signer, random: Uint8Array): SignedUpload {
  const hotkey = encodeSs58(signer.publicKey)
  const message = uploadMessage(upload, hotkey)
  return signedUpload(upload, hotkey, bytesToHex(signer.sign(new TextEncoder().encode(message), random)))
}

/** The text to sign, as UTF-8. */
export function uploadMessage(upload: UploadToSign, hotkey: string): string {
  const { family, netuid, slug, nonce, bodyHash } = upload
  const path = upload.path ?? submissionsPath(slug)
  const timestamp = String(upload.timestamp)
  return canonicalMessage({ family, netuid, slug, method: 'POST', path, hotkey, nonce, timestamp, bodyHash })
}

/** The headers that carry a signature (hex) of `uploadMessage`. */
export function signedUpload(upload: UploadToSign, hotkey: string, signature: string): SignedUpload {
  return {
    hotkey,
    message: uploadMessage(upload, hotkey),
    headers: {
      'X-Hotkey': hotkey,
      'X-Signature': signature,
      'X-Nonce': upload.nonce,
      'X-Timestamp': String(upload.timestamp),
    },
  }
}

/** Where uploads to a challenge go. */
export function submissionsPath(slug: string): string {
  return `/v1/challenges/${slug}/submissions`
}

/** Lower-case hex SHA-256, as the canonical message has it. */
export async function hashBody(body: Uint8Array<ArrayBuffer>): Promise<string> {
  return bytesToHex(await sha256(body))
}
