/**
 * Admission: may this signed upload reach its challenge?
 *
 * challenge → size → headers → freshness → signature → registration → nonce; the first check that
 * fails answers. The order is that of the answers, not of the work: an upload whose headers fail
 * is refused before its body is read. The body of a hotkey that cannot be admitted is hashed and
 * not kept. The nonce comes last, so only an authentic upload from a registered hotkey that can be
 * forwarded spends one. Pure: time, metagraph, ledger and key cache arrive through the arguments.
 */

import { type Challenge, requireChallenge } from '../challenge/challenge.ts'
import type { ProtocolFamily } from '../protocol/canonical.ts'
import { shownField, shownMessage } from '../protocol/facts.ts'
import { rawTarget } from '../protocol/path.ts'
import { rejected } from '../protocol/problem.ts'
import { accepted, type Result } from '../protocol/result.ts'
import { type BodyLimits, type BodyMode, declaredBytes, type ReadBody, readBody } from './body.ts'
import type { BodyBudget, Share } from './budget.ts'
import { type Claim, type ClaimPolicy, checkDelay, checkHeaders } from './claim.ts'
import { likelyCause, NOT_LOOKED_FOR } from './likely-cause.ts'
import type { LedgerAnswer, LedgerFindings, LedgerKey, Ports, Reservation } from './ports.ts'
import { nameOf, type RegistrationPolicy, type Standing, standingAfter, standingOf } from './registration.ts'

/** The share of a body that is not kept in memory. */
export const NO_ROOM: Share = { grow: () => false, release: () => {} }

/** The operator's rules; `Config` satisfies it. */
export interface Policy extends RegistrationPolicy, ClaimPolicy {
  readonly family: ProtocolFamily
  readonly challenges: readonly Challenge[]
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
  /**
   * The network that the client sends from; empty when it is not known. Lookups are limited by it.
   */
  readonly client: string
  /** Unix seconds when the headers arrived: a slow body does not make a request stale. */
  readonly receivedAt: number
}

export interface Admitted {
  readonly challenge: Challenge
  readonly ledgerKey: LedgerKey
  readonly nonce: string
  readonly hotkey: string
  /**
   * Undefined for an allow-listed hotkey, and for an unregistered one where registration is not
   * required.
   */
  readonly uid: number | undefined
  readonly content: Uint8Array<ArrayBuffer>
  /** Lower-case hex SHA-256 of `content`. */
  readonly bodyHash: string
  /** Call when `content` has been sent. */
  readonly held: Share
  readonly contentType: string | undefined
  readonly filename: string | undefined
}

/** What admission found out about an upload, as far as it came. */
export interface Findings {
  readonly slug?: string
  /** As sent, once it has the shape of a hotkey. Only a right signature proves it. */
  readonly hotkey?: string
  readonly bytes?: number
  readonly uid?: number
  readonly ledger?: LedgerFindings
}

export type Found<T> = Result<T> & { readonly found: Findings }

/** An isolate's memory for bodies. */
export interface Budgets {
  /** For hotkeys that may upload. */
  readonly uploads: BodyBudget
  /** For hotkeys that may have registered after the snapshot. It is small. */
  readonly newcomers: BodyBudget
  /** For the buffers of bodies that are hashed or counted and not kept. */
  readonly passing: BodyBudget
}

/** An upload before its body is read. */
interface Head {
  readonly upload: Upload
  readonly limits: BodyLimits
  readonly policy: Policy
  readonly ports: Ports
  readonly passing: Share
}

/** An upload whose body was read, on its way through the last checks. */
interface Attempt {
  readonly upload: Upload
  readonly challenge: Challenge
  readonly claim: Claim
  readonly standing: Standing
  readonly body: ReadBody
  readonly policy: Policy
  readonly ports: Ports
}

/** Of an admitted upload the caller must release `held`. */
export async function admitUpload(
  upload: Upload,
  policy: Policy,
  ports: Ports,
  budgets: Budgets,
): Promise<Found<Admitted>> {
  const named = requireChallenge(policy.challenges, upload.challengeText)
  if (!named.ok) return { ...named, found: {} }
  const challenge = named.value
  const { slug } = challenge
  const limits = { declaredBytes: declaredBytes(upload.headers), maxBytes: policy.maxUploadBytes }
  const passing = budgets.passing.open()
  const claimed = await checkHead({ upload, limits, policy, ports, passing })
  if (!claimed.ok) return { ...claimed, found: { slug } }
  const claim = claimed.value
  const found = { slug, hotkey: claim.hotkey }

  const standing = await standingOf(claim.hotkey, upload.receivedAt, policy, ports.metagraph)
  const { mode, held } = bodyModeFor(standing, challenge, policy, budgets)
  const body = await readBody({ stream: upload.body, mode, limits, held, passing, ports })
  const admitted = body.ok
    ? await admitBody({ upload, challenge, claim, standing, body: body.value, policy, ports }, found)
    : { ...body, found }
  if (admitted.ok) return { ...admitted, value: { ...admitted.value, held } }
  held.release()
  return admitted
}

/** Everything that is decided without the body's bytes. A body of undeclared length is counted. */
async function checkHead({ upload, limits, policy, ports, passing }: Head): Promise<Result<Claim>> {
  if (limits.declaredBytes !== undefined && limits.declaredBytes > limits.maxBytes)
    return rejected('submission_too_large', { max_bytes: limits.maxBytes })
  const claim = checkHeaders(upload.headers, upload.receivedAt, policy)
  if (claim.ok || limits.declaredBytes !== undefined || upload.body === null) return claim
  // Without a declared length only the bytes themselves tell whether 413 comes first.
  const counted = await readBody({
    stream: upload.body,
    mode: 'count',
    limits,
    held: NO_ROOM,
    passing,
    ports,
  })
  return counted.ok ? claim : counted
}

/**
 * Whether the body is kept. A member's always is. That of a hotkey which a lookup may still find
 * is kept while the room for newcomers lasts. All others are not. Where several challenges are
 * active, the bodies for one of them get half of the room at most.
 */
function bodyModeFor(
  standing: Standing,
  challenge: Challenge,
  { challenges, maxUploadBytes }: Policy,
  budgets: Budgets,
): { readonly mode: BodyMode; readonly held: Share } {
  if (standing.ok) {
    const isAlone = challenges.every(({ slug, status }) => slug === challenge.slug || status !== 'active')
    const holder = { name: challenge.slug, largestBytes: maxUploadBytes + 1 }
    return { mode: 'hold', held: isAlone ? budgets.uploads.open() : budgets.uploads.open(holder) }
  }
  const mayBeFound = standing.rejection.code === 'unknown_hotkey'
  return mayBeFound
    ? { mode: 'hold_if_room', held: budgets.newcomers.open() }
    : { mode: 'hash', held: NO_ROOM }
}

/** The checks that need the body's hash: signature, registration, token, nonce. */
async function admitBody(attempt: Attempt, early: Findings): Promise<Found<Omit<Admitted, 'held'>>> {
  const { upload, challenge, claim, body, policy, ports } = attempt
  const before = { ...early, bytes: body.bytes }
  const reservedAt = ports.now()
  const timely = checkDelay(claim.timestamp, reservedAt, policy)
  if (!timely.ok) return { ...timely, found: before }
  const signed = await checkSignature(attempt)
  if (!signed.ok) return { ...signed, found: before }
  const member = await standingAfter({
    before: attempt.standing,
    hotkey: claim.hotkey,
    now: reservedAt,
    client: upload.client,
    policy,
    source: ports.metagraph,
  })
  if (!member.ok) return { ...member, found: before }
  const { uid } = member.value
  const found = uid === undefined ? before : { ...before, uid }
  const { content, hash: bodyHash } = body
  // The chain knows the hotkey, but there was no room for the body. The next attempt is a
  // member's.
  if (content === undefined) return { ...rejected('over_capacity', { retry_after_seconds: 1 }), found }

  const { hotkey, nonce, contentType, filename } = claim
  const ledgerKey = { netuid: policy.netuid, slug: challenge.slug, hotkey: nameOf(hotkey, policy) }
  const reserved = await reserve(
    ledgerKey,
    { nonce, requestId: upload.requestId, bodyHash, reservedAt },
    ports,
  )
  if (!reserved.ok) return { ...reserved, found: { ...found, ledger: reserved.found } }
  return {
    ...accepted({ challenge, ledgerKey, nonce, hotkey, uid, content, bodyHash, contentType, filename }),
    found: { ...found, ledger: reserved.found },
  }
}

/**
 * A challenge without a token spends no nonce, but a nonce that is already spent is still told
 * first.
 */
async function reserve(
  key: LedgerKey,
  reservation: Reservation,
  ports: Ports,
): Promise<LedgerAnswer<'reserved'>> {
  if (ports.hasToken(key.slug)) return ports.ledger.reserve(key, reservation)
  const free = await requireFreeNonce(key, reservation, ports)
  return free.ok ? { ...rejected('challenge_token_unavailable', {}), found: free.found } : free
}

/** Asks the ledger for the nonce without reserving it. */
export async function requireFreeNonce(
  key: LedgerKey,
  reservation: Reservation,
  ports: Ports,
): Promise<LedgerAnswer<true>> {
  const answer = await ports.ledger.find(key, reservation)
  if (!answer.ok) return answer
  const { value: original, found } = answer
  return original === undefined
    ? { ...accepted(true), found }
    : { ...rejected('nonce_already_used', { original }), found }
}

/**
 * Only members' keys are kept in the verifier's memory, and only for members is the cause
 * searched.
 */
export async function checkSignature(attempt: Attempt): Promise<Result<true>> {
  const { upload, challenge, claim, standing, body, policy, ports } = attempt
  const { method, path, url, headers, challengeText } = upload
  const received = {
    family: policy.family,
    netuid: policy.netuid,
    slug: challenge.slug,
    method,
    path,
    target: rawTarget(url),
    bodyHash: body.hash,
  }
  const { fields, message } = claim.text(received)
  const registered = standing.ok && standing.value.registered
  const terms = { registered, mayBeWrapped: claim.mayBeWrapped }
  const verify = (signed: Uint8Array) => ports.verify(claim.publicKey, signed, claim.signatureBytes, terms)
  if (verify(new TextEncoder().encode(message))) return accepted(true)
  const failed = { ...received, challengeName: challenge.name, challengeText, url, bodyBytes: body.bytes }
  return rejected('invalid_signature', {
    likely_cause: registered
      ? await likelyCause({ claim, upload: failed, headers }, verify, ports.causes)
      : NOT_LOOKED_FOR,
    canonical_message: shownMessage(message),
    fields: fields.map(shownField),
    body_bytes: body.bytes,
  })
}
