/**
 * Why a signature does not verify: the mistakes people make, tried one after the other until one fits.
 *
 * Each suspect is the text a miner signs who makes one mistake; the one the signature verifies over is the cause, proven and not
 * guessed. That costs verifications, so it is done for registered hotkeys only (a stranger's request costs what it did before), in the
 * order in which the request itself gives grounds for suspicion, at most `MAX_ATTEMPTS` times for one request and inside a
 * budget of the isolate. What the headers alone give away (a declared digest, a form's content type) costs nothing.
 * Pure: the verifier, the clock of the budget and everything about the request arrive through the arguments.
 */

import { bytesToHex } from '@noble/hashes/utils.js'
import type { Challenge } from '../challenge/challenge.ts'
import { canonicalMessage, type SignedRequest } from '../protocol/canonical.ts'
import { rawPath, rawQuery } from '../protocol/path.ts'

export interface FailedSignature {
  /** What the gateway expected to be signed. */
  readonly request: SignedRequest
  readonly challenge: Challenge
  /** The challenge as the URL has it. */
  readonly challengeText: string
  /** The URL as the client asked for it. */
  readonly url: string
  readonly headers: Headers
  readonly bodyBytes: number
}

/** Verifications for one request, and for one isolate: a burst, then so many a second. */
const MAX_ATTEMPTS = 16
const BURST = 160
const PER_SECOND = 16

const EMPTY_HASH = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
/** Subnets people sign for by mistake: this project's, its testnet twin, and bittensor's default. */
const USUAL_NETUIDS = [100, 541, 1]

/** In characters; see `suspects`. */
const LONGEST_URL = 2048

/** What is said of everybody whose cause was not looked for. */
export const SOME_DIFFERENCE =
  'the text that was signed differs from canonical_message, or another key signed it'

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

/** One sentence: the cause and its cure. `verify` asks whether the signature is over this message. */
export async function likelyCause(
  failed: FailedSignature,
  verify: (message: Uint8Array) => boolean,
  budget: AttemptBudget,
): Promise<string> {
  const changed = changedBody(failed)
  if (changed !== undefined) return changed
  let attempts = 0
  for await (const [cause, message] of suspects(failed)) {
    if (attempts++ === MAX_ATTEMPTS || !budget.take()) return `${SOME_DIFFERENCE}; ${bodyAdvice(failed)}`
    if (verify(typeof message === 'string' ? utf8(message) : message)) return cause
  }
  const rest = 'X-Hotkey is the hotkey of another wallet than the key that signed, or other text was signed'
  return declaredHash(failed.headers) === undefined
    ? `no usual mistake fits: ${rest} (compare canonical_message), or ${bodyAdvice(failed)}`
    : `no usual mistake fits and the body arrived as declared: ${rest} (compare canonical_message)`
}

type Suspect = readonly [cause: string, message: string | Uint8Array]

/** Grounds first, then what happens most. */
async function* suspects(failed: FailedSignature): AsyncGenerator<Suspect> {
  const { request, challenge, challengeText, url, bodyBytes } = failed
  const { path, slug, netuid, family, bodyHash, timestamp } = request
  const but = (change: Partial<SignedRequest>) => canonicalMessage({ ...request, ...change })
  const message = canonicalMessage(request)
  const bytes = utf8(message)
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))

  for (const name of new Set([challengeText, challenge.name])) {
    if (name !== slug)
      yield [`signed with "${name}" as the slug; sign the challenge's slug, ${slug}`, but({ slug: name })]
  }
  // A long query or path is not tried: each attempt would cost as much as its length.
  const query = url.length > LONGEST_URL ? '' : rawQuery(url)
  const encoded = url.length > LONGEST_URL ? path : rawPath(url)
  if (query !== '')
    yield ['signed with the query in the path; sign the path without it', but({ path: path + query })]
  if (encoded !== path)
    yield ['signed with the percent-encoded path; sign it decoded', but({ path: encoded })]
  if (bodyBytes > 0)
    yield ['signed with the hash of an empty body; hash the bytes you send', but({ bodyHash: EMPTY_HASH })]
  yield [
    'signed with the body hash in upper case; write it in lower case',
    but({ bodyHash: bodyHash.toUpperCase() }),
  ]
  yield [`signed with the challenge's own path; sign the gateway's, ${path}`, but({ path: '/submissions' })]
  yield [`signed with a slash at the end of the path; sign ${path}`, but({ path: `${path}/` })]
  yield [
    'signed with a line end behind the message, as echo adds one; sign the message alone (printf %s)',
    `${message}\n`,
  ]
  yield [`signed with the path of the dry run; sign the upload's, ${path}`, but({ path: `${path}/verify` })]
  if (url.length <= LONGEST_URL)
    yield [`signed with the full URL; sign its path only, ${path}`, but({ path: url })]
  yield ['signed with the method in lower case; sign POST', message.replace(':POST:', ':post:')]
  yield [
    'signed with milliseconds; sign X-Timestamp as you send it, in whole seconds',
    but({ timestamp: `${timestamp}000` }),
  ]
  const other = family === 'base' ? 'platform' : 'base'
  yield [`signed for ${other}-upload-v1; this gateway takes ${family}-upload-v1`, but({ family: other })]
  yield ['signed the SHA-256 of the message; sign the message itself', digest]
  yield ['signed the hex SHA-256 of the message; sign the message itself', bytesToHex(digest)]
  yield ['signed the message as hex text; sign its UTF-8 bytes', bytesToHex(bytes)]
  for (const usual of USUAL_NETUIDS) {
    if (usual !== netuid)
      yield [`signed for netuid ${usual}; this gateway serves netuid ${netuid}`, but({ netuid: usual })]
  }
}

/** The client said which bytes it signed, and others arrived. */
function changedBody(failed: FailedSignature): string | undefined {
  const declared = declaredHash(failed.headers)
  const { bodyHash } = failed.request
  if (declared === undefined || declared === bodyHash) return undefined
  const length = /^\d{1,12}$/.exec(failed.headers.get('x-body-length') ?? '')?.[0]
  const sent = length === undefined ? declared : `${declared} (${length} bytes)`
  return `the body changed after signing: SHA-256 ${sent} was declared, ${bodyHash} (${failed.bodyBytes} bytes) arrived; ${bodyAdvice(failed)}`
}

/** `Content-Digest: sha-256=:base64:` (RFC 9530), else `X-Body-SHA256: hex`; undefined when absent or not a SHA-256. */
function declaredHash(headers: Headers): string | undefined {
  const digest = /(?:^|,)\s*sha-256=:([A-Za-z0-9+/]{43}=):/.exec(headers.get('content-digest') ?? '')?.[1]
  if (digest !== undefined) return bytesToHex(Uint8Array.from(atob(digest), (char) => char.charCodeAt(0)))
  const hex = (headers.get('x-body-sha256') ?? '').toLowerCase()
  return /^[0-9a-f]{64}$/.test(hex) ? hex : undefined
}

/** How bodies come to differ, by what the content type gives away. */
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
