/**
 * A dialect is one way of signing an upload, with headers, a time and a text of its own.
 *
 * There are two: the platform's own message (canonical.ts) and the official SDK's `btauth/1`
 * (btauth.ts). Admission uses the dialect of the request through this interface.
 */

import type { ProtocolFamily } from './canonical.ts'
import type { SignedField } from './facts.ts'
import type { ForwardedHeaders } from './headers.ts'
import type { Result } from './result.ts'

/** What a signed text may hold, besides the values of the signed headers. */
export interface ReceivedUpload {
  readonly family: ProtocolFamily
  readonly netuid: number
  /** The challenge's slug, also when the URL used its name. */
  readonly slug: string
  readonly method: string
  /** Percent-decoded, without the query. */
  readonly path: string
  /** Path and query as sent. */
  readonly target: string
  /** Lower-case hex SHA-256 of the body's bytes. */
  readonly bodyHash: string
}

export interface SignedText {
  /** The fields in signing order, each with where the gateway took it from. */
  readonly fields: readonly SignedField[]
  readonly message: string
}

/** What is known about an upload whose signature failed, for finding the mistake. */
export interface FailedUpload extends ReceivedUpload {
  readonly challengeName: string
  /** The challenge as the URL has it. */
  readonly challengeText: string
  /** The URL as the client asked for it. */
  readonly url: string
  readonly bodyBytes: number
}

/** The text that a miner signs who makes one mistake, and the sentence for it. */
export type Suspect = readonly [cause: string, message: string | Uint8Array]

/**
 * The signed headers of one request, after their grammar was checked, as their dialect reads them.
 */
export interface SignedHeaders extends ForwardedHeaders {
  readonly hotkey: string
  readonly signature: string
  readonly nonce: string
  /** The names of two headers, as sentences for the miner spell them. */
  readonly hotkeyHeader: string
  readonly signatureHeader: string
  /** The scheme that the request names; undefined where only the signature shows it. */
  readonly scheme: 'sr25519' | 'ed25519' | undefined
  /** Whether a wallet may have signed the text inside `<Bytes>…</Bytes>`. */
  readonly mayBeWrapped: boolean
  /** Unix seconds, or 401 `invalid_timestamp`. */
  readonly time: Result<bigint>
  text(upload: ReceivedUpload): SignedText
  /** First what the request points to, then the most frequent mistakes. */
  suspects(upload: FailedUpload): Iterable<Suspect> | AsyncIterable<Suspect>
}
