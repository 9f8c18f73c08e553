/**
 * Why a signature does not verify: the mistakes people make, tried one after the other until one
 * fits.
 *
 * A suspect is the text that a miner signs who makes one mistake. The suspect over which the
 * signature verifies is the cause: that is proven, not guessed. Each attempt costs a verification.
 * So the cause is searched for registered hotkeys only (a stranger's request costs one
 * verification), at most `MAX_ATTEMPTS` times for one request, and within a budget of the isolate.
 * Mistakes that the request itself points to come first. Mistakes that the headers show (a
 * declared digest, a form's content type) cost nothing. Pure: the verifier, the clock of the
 * budget and everything about the request arrive through the arguments.
 */

import { bytesToHex } from '@noble/hashes/utils.js'
import type { FailedUpload, SignedHeaders } from '../protocol/dialect.ts'

export interface FailedSignature {
  readonly claim: SignedHeaders
  readonly upload: FailedUpload
  readonly headers: Headers
}

/**
 * Verifications for one request; and for one isolate: at most a burst, which refills by so many a
 * second.
 */
const MAX_ATTEMPTS = 16
const BURST = 160
const PER_SECOND = 16

const SOME_DIFFERENCE = 'the text that was signed differs from canonical_message, or another key signed it'

/**
 * For a hotkey that is not registered: a stranger's request must not cost more than one
 * verification.
 */
export const NOT_LOOKED_FOR = `${SOME_DIFFERENCE}; the gateway looks for the mistake only for registered hotkeys`

export interface AttemptBudget {
  take(): boolean
}

/** One for each isolate. `now` in Unix seconds. */
export function createAttemptBudget(now: () => number): AttemptBudget {
  let left = BURST
  let filledAt = now()
  return {
    take() {
      left = Math.min(BURST, left + Math.max(0, now() - filledAt) * PER_SECOND)
      filledAt = now()
      if (left < 1) return false
      left -= 1
      return true
    },
  }
}

/**
 * One sentence: the cause and its cure. `verify` says whether the signature is over the message.
 */
export async function likelyCause(
  failed: FailedSignature,
  verify: (message: Uint8Array) => boolean,
  budget: AttemptBudget,
): Promise<string> {
  const changed = changedBody(failed)
  if (changed !== undefined) return changed
  let attempts = 0
  for await (const [cause, message] of failed.claim.suspects(failed.upload)) {
    if (attempts++ === MAX_ATTEMPTS || !budget.take())
      return `${SOME_DIFFERENCE}; the gateway could not try every known mistake now; ${bodyAdvice(failed)}`
    if (verify(typeof message === 'string' ? utf8(message) : message)) return cause
  }
  const { hotkeyHeader } = failed.claim
  const rest = `either ${hotkeyHeader} and the signing key belong to different wallets, or a different text was signed`
  return declaredHash(failed.headers) === undefined
    ? `no known mistake fits: ${rest} (compare canonical_message), or ${bodyAdvice(failed)}`
    : `no known mistake fits and the body arrived as declared: ${rest} (compare canonical_message)`
}

/** The client declared the hash of its body, and a body with another hash arrived. */
function changedBody(failed: FailedSignature): string | undefined {
  const declared = declaredHash(failed.headers)
  const { bodyHash, bodyBytes } = failed.upload
  if (declared === undefined || declared === bodyHash) return undefined
  const length = /^\d{1,12}$/.exec(failed.headers.get('x-body-length') ?? '')?.[0]
  const sent = length === undefined ? declared : `${declared} (${length} bytes)`
  return `the body changed after signing: SHA-256 ${sent} was declared, ${bodyHash} (${bodyBytes} bytes) arrived; ${bodyAdvice(failed)}`
}

/**
 * `Content-Digest: sha-256=:base64:` (RFC 9530), else `X-Body-SHA256: hex`; undefined when absent
 * or not a SHA-256.
 */
function declaredHash(headers: Headers): string | undefined {
  const digest = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):/.exec(headers.get('content-digest') ?? '')?.[1]
  if (digest !== undefined) return bytesToHex(Uint8Array.from(atob(digest), (char) => char.charCodeAt(0)))
  const hex = (headers.get('x-body-sha256') ?? '').toLowerCase()
  return /^[0-9a-f]{64}$/.test(hex) ? hex : undefined
}

/** Why the bodies may differ, judged by the content type. */
function bodyAdvice(failed: FailedSignature): string {
  const type = failed.headers.get('content-type') ?? ''
  if (type.startsWith('application/x-www-form-urlencoded'))
    return 'curl -d drops line ends: send with --data-binary @file'
  if (type.startsWith('multipart/')) return "a form wraps the file: send the file's bytes as the body"
  return 'the body sent is not the one hashed: hash and send the same bytes'
}

function utf8(text: string) {
  return new TextEncoder().encode(text)
}
