/**
 * Admission: may this signed upload reach its challenge?
 *
 * challenge → size → headers → freshness → signature → registration → nonce; the first that fails answers (design section 2). The
 * order is about answers, not about work: whatever is hopeless is refused before the body is read, and the body of a hotkey that
 * cannot be admitted is hashed and forgotten. The nonce comes last, so only an authentic upload from a registered hotkey that can
 * be forwarded spends one.
 * Pure: time, metagraph, ledger and key cache arrive through the arguments.
 */

import { type Challenge, requireChallenge } from '../challenge/challenge.ts'
import { parseSignature } from '../crypto/signature.ts'
import { decodeSs58 } from '../crypto/ss58.ts'
import {
  canonicalMessage,
  type ProtocolFamily,
  type SignedRequest,
  signedFields,
} from '../protocol/canonical.ts'
import { parseSignedHeaders, parseTimestamp, type SignedHeaders } from '../protocol/headers.ts'
import { rejected } from '../protocol/problem.ts'
import { accepted, type Result } from '../protocol/result.ts'
import {
  type BodyBudget,
  type BodyLimits,
  type BodyMode,
  declaredBytes,
  holdBytes,
  type ReadBody,
  readBody,
  type Share,
} from './body.ts'
import { likelyCause, SOME_DIFFERENCE } from './likely-cause.ts'
import type { LedgerFacts, LedgerKey, Ports, Reservation } from './ports.ts'
import { lookUpUnknown, type RegistrationPolicy, type Standing, standingOf } from './registration.ts'

/** The operator's rules; `Config` satisfies it. */
export interface Policy extends RegistrationPolicy {
  readonly family: ProtocolFamily
  readonly netuid: number
  readonly challenges: readonly Challenge[]
  readonly signatureTtlSeconds: number
  readonly nonceTtlSeconds: number
  readonly maxUploadBytes: number
}

export interface Upload {
  /** Slug or name as the URL has it, percent-decoded. */
  readonly challengeText: string
  readonly method: string
  /** Percent-decoded, without the query. */
  readonly path: string
  /** The whole URL as the client asked for it. */
  readonly url: string
  readonly headers: Headers
  readonly body: ReadableStream<Uint8Array> | null
  readonly requestId: string
  /** Unix seconds when the headers arrived: a slow body does not make a request stale. */
  readonly receivedAt: number
  /** Told what is known as it becomes known, for the request's log line. */
  readonly observe: (
    facts: LedgerFacts | { slug?: string; hotkey?: string; uid?: number; bytes?: number },
  ) => void
}

export interface Admitted {
  readonly challenge: Challenge
  readonly ledgerKey: LedgerKey
  readonly nonce: string
  readonly hotkey: string
  /** Undefined for an allow-listed hotkey, and for an unregistered one where registration is not required. */
  readonly uid: number | undefined
  readonly content: Uint8Array<ArrayBuffer>
  /** Lower-case hex SHA-256 of `content`. */
  readonly bodyHash: string
  /** Call when `content` has been sent. */
  readonly release: () => void
  readonly contentType: string | undefined
  readonly filename: string | undefined
}

/** An isolate's memory for bodies. */
export interface Budgets {
  /** For hotkeys that may upload. */
  readonly uploads: BodyBudget
  /** Small: for hotkeys that may turn out to have registered after the snapshot. */
  readonly newcomers: BodyBudget
}

/** What the headers claim, once they are in order. */
export interface Claim extends SignedHeaders {
  /** Unix seconds. */
  readonly timestamp: bigint
  readonly publicKey: Uint8Array
  readonly signatureBytes: Uint8Array
}

/** The refusals are those of design section 2, in its order; `release` the content of what is admitted. */
export async function admitUpload(
  upload: Upload,
  policy: Policy,
  ports: Ports,
  budgets: Budgets,
): Promise<Result<Admitted>> {
  const named = requireChallenge(policy.challenges, upload.challengeText)
  if (!named.ok) return named
  const challenge = named.value
  upload.observe({ slug: challenge.slug })

  const limits = { declaredBytes: declaredBytes(upload.headers), maxBytes: policy.maxUploadBytes }
  if (limits.declaredBytes !== undefined && limits.declaredBytes > limits.maxBytes) {
    return rejected('submission_too_large', { max_bytes: limits.maxBytes })
  }
  const claim = judgeHeaders(upload, policy)
  if (!claim.ok) {
    if (limits.declaredBytes !== undefined || upload.body === null) return claim
    // Without a declared length only the bytes themselves tell whether 413 comes first.
    const counted = await readBody(upload.body, 'count', limits, budgets.newcomers.open(), ports.newDigest)
    return counted.ok ? claim : counted
  }
  upload.observe({ hotkey: claim.value.hotkey })

  const standing = await standingOf(claim.value.hotkey, upload.receivedAt, policy, ports.metagraph)
  const { mode, share } = roomFor(standing, limits, budgets)
  const body = await readBody(upload.body, mode, limits, share, ports.newDigest)
  if (body.ok) upload.observe({ bytes: body.value.bytes })
  const admitted = body.ok
    ? await judgeBody(upload, challenge, claim.value, standing, body.value, policy, ports)
    : body
  if (!admitted.ok) {
    share.release()
    return admitted
  }
  return accepted({ ...admitted.value, release: share.release })
}

/** Everything the headers alone decide: presence, grammar, freshness, and whether hotkey and signature can be such at all. */
function judgeHeaders(upload: Upload, policy: Policy): Result<Claim> {
  const signed = parseSignedHeaders(upload.headers)
  if (!signed.ok) return signed
  const timestamp = parseTimestamp(signed.value.timestampText)
  if (!timestamp.ok) return timestamp
  const fresh = judgeFreshness(timestamp.value, upload.receivedAt, policy.signatureTtlSeconds)
  return fresh.ok ? readClaim(signed.value, timestamp.value) : fresh
}

/** Whether hotkey and signature can be such at all. */
export function readClaim(signed: SignedHeaders, timestamp: bigint): Result<Claim> {
  const publicKey = decodeSs58(signed.hotkey)?.publicKey
  if (publicKey === undefined) {
    return rejected('invalid_signature', {
      likely_cause: 'X-Hotkey is not an SS58 address with a right checksum',
    })
  }
  const signatureBytes = parseSignature(signed.signature)
  if (signatureBytes === undefined) {
    return rejected('invalid_signature', {
      likely_cause: 'X-Signature is not 128 hex digits with an optional 0x',
    })
  }
  return accepted({ ...signed, timestamp, publicKey, signatureBytes })
}

/** Both ends of the window are inside. */
export function judgeFreshness(timestamp: bigint, now: number, windowSeconds: number): Result<true> {
  const skew = timestamp - BigInt(now)
  const window = BigInt(windowSeconds)
  return skew <= window && -skew <= window ? accepted(true) : stale(timestamp, now, windowSeconds)
}

/**
 * A body may be slow, but not outlast the memory of its nonce: a copy of the request that was accepted first reserved it at
 * timestamp - window at the earliest, so until timestamp - window + retention a replay is certain to be seen.
 */
function judgeDelay(timestamp: bigint, now: number, policy: Policy): Result<true> {
  const longest = policy.nonceTtlSeconds - policy.signatureTtlSeconds
  return BigInt(now) - timestamp <= BigInt(longest) ? accepted(true) : stale(timestamp, now, longest)
}

function stale(timestamp: bigint, now: number, allowedSeconds: number) {
  return rejected('stale_signature', {
    server_time: now,
    request_time: toSafeNumber(timestamp),
    skew_seconds: toSafeNumber(timestamp - BigInt(now)),
    max_skew_seconds: allowedSeconds,
  })
}

/**
 * Whether the body is kept: for a member always, for a hotkey that a lookup may still find as long as there is room set aside for
 * such, for anybody else never.
 */
function roomFor(standing: Standing, limits: BodyLimits, budgets: Budgets): { mode: BodyMode; share: Share } {
  if (standing.ok) return { mode: 'hold', share: budgets.uploads.open() }
  const share = budgets.newcomers.open()
  const mayBeFound = standing.rejection.code === 'unknown_hotkey'
  return { mode: mayBeFound && share.grow(holdBytes(limits)) ? 'hold' : 'hash', share }
}

/** The checks that need the body's hash: signature, registration, token, nonce. */
async function judgeBody(
  upload: Upload,
  challenge: Challenge,
  claim: Claim,
  standing: Standing,
  body: ReadBody,
  policy: Policy,
  ports: Ports,
): Promise<Result<Omit<Admitted, 'release'>>> {
  const reservedAt = ports.now()
  const timely = judgeDelay(claim.timestamp, reservedAt, policy)
  if (!timely.ok) return timely
  const signed = await judgeSignature(upload, challenge, claim, standing, body, policy, ports)
  if (!signed.ok) return signed
  const member = await lookUpUnknown(standing, upload.receivedAt, policy, ports.metagraph)
  if (!member.ok) return member
  const { uid } = member.value
  if (uid !== undefined) upload.observe({ uid })
  const { content, hash: bodyHash } = body
  // Found on the chain, but there was no room to keep its body: the next attempt finds the hotkey remembered.
  if (content === undefined) return rejected('over_capacity', { retry_after_seconds: 1 })

  const ledgerKey = { netuid: policy.netuid, slug: challenge.slug, hotkey: claim.hotkey }
  const reservation: Reservation = { nonce: claim.nonce, requestId: upload.requestId, bodyHash, reservedAt }
  if (!ports.hasToken(challenge.slug))
    return refuseWithoutToken(ledgerKey, reservation, ports, upload.observe)
  const reserved = await ports.ledger.reserve(ledgerKey, reservation, upload.observe)
  if (!reserved.ok) return reserved
  const { hotkey, nonce, contentType, filename } = claim
  return accepted({ challenge, ledgerKey, nonce, hotkey, uid, content, bodyHash, contentType, filename })
}

/** Only keys of members may take room in the verifier's memory, and only for members is the cause looked for. */
export async function judgeSignature(
  upload: Pick<Upload, 'challengeText' | 'method' | 'path' | 'url' | 'headers'>,
  challenge: Challenge,
  claim: Claim,
  standing: Standing,
  body: ReadBody,
  policy: Policy,
  ports: Ports,
): Promise<Result<SignedRequest>> {
  const request: SignedRequest = {
    family: policy.family,
    netuid: policy.netuid,
    slug: challenge.slug,
    method: upload.method,
    path: upload.path,
    hotkey: claim.hotkey,
    nonce: claim.nonce,
    timestamp: claim.timestampText,
    bodyHash: body.hash,
  }
  const message = canonicalMessage(request)
  const registered = standing.ok && standing.value.registered
  const verify = (signed: Uint8Array) =>
    ports.verify(claim.publicKey, signed, claim.signatureBytes, registered)
  if (verify(new TextEncoder().encode(message))) return accepted(request)
  const { challengeText, url, headers } = upload
  const failed = { request, challenge, challengeText, url, headers, bodyBytes: body.bytes }
  return rejected('invalid_signature', {
    likely_cause: registered ? await likelyCause(failed, verify, ports.causes) : SOME_DIFFERENCE,
    canonical_message: message,
    fields: signedFields(request),
    body_bytes: body.bytes,
  })
}

/** A challenge without a token burns nobody's nonce; a nonce that is already spent still says so first. */
async function refuseWithoutToken(
  key: LedgerKey,
  reservation: Reservation,
  ports: Ports,
  observe: Upload['observe'],
): Promise<Result<never>> {
  const free = await requireFreeNonce(key, reservation, ports, observe)
  return free.ok ? rejected('challenge_token_unavailable', {}) : free
}

/** Asks and reserves nothing. */
export async function requireFreeNonce(
  key: LedgerKey,
  reservation: Reservation,
  ports: Ports,
  observe: Upload['observe'],
): Promise<Result<true>> {
  const found = await ports.ledger.find(key, reservation, observe)
  if (!found.ok) return found
  return found.value === undefined
    ? accepted(true)
    : rejected('nonce_already_used', { original: found.value })
}

function toSafeNumber(value: bigint): number | null {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : null
}
