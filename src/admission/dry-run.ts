/**
 * The dry run of an upload: every check with its own result, and nothing reserved or forwarded.
 *
 * Where an upload stops at the first refusal, this goes on with every check that can still be made. The body is hashed and forgotten.
 * The nonce is looked up last and only for an upload that proved itself and may enter: the question creates the hotkey's ledger, so
 * a stranger may not ask it.
 */

import { type Challenge, requireChallenge } from '../challenge/challenge.ts'
import { parseSignedHeaders, parseTimestamp } from '../protocol/headers.ts'
import { ageSeconds } from '../protocol/metagraph.ts'
import { problemBody, rejected } from '../protocol/problem.ts'
import { accepted, type Result } from '../protocol/result.ts'
import { type Admitted, checkSignature, type Policy, requireFreeNonce, type Upload } from './admit.ts'
import { declaredBytes, type ReadBody, readBody, type Share } from './body.ts'
import { checkFreshness, checkShape } from './claim.ts'
import type { LedgerFindings, Ports } from './ports.ts'
import { lookUpUnknown, nameOf, type Standing, standingOf } from './registration.ts'

/** In the order in which an upload is checked; `nonce` is the ledger's word, on the quota too. */
const CHECKS = [
  'challenge',
  'size',
  'headers',
  'timestamp',
  'freshness',
  'signature',
  'registration',
  'nonce',
  'challenge_token',
] as const
type CheckName = (typeof CHECKS)[number]

interface Check {
  readonly check: CheckName
  readonly result: 'pass' | 'fail' | 'skipped'
  /** Why it failed: the problem document the upload would be answered with, without `instance`. */
  readonly problem?: object
}

/** What the challenge would be told of the upload. */
type Identity = Pick<
  Admitted,
  'challenge' | 'hotkey' | 'nonce' | 'uid' | 'bodyHash' | 'contentType' | 'filename'
>

export interface DryRun {
  readonly checks: readonly Check[]
  /** Undefined when a check failed. */
  readonly identity: Identity | undefined
  readonly uid: number | null
  readonly metagraph: { readonly block: number; readonly age_seconds: number } | null
  /** Null when it was not looked up. */
  readonly nonceFree: boolean | null
  /** What the body hashes to; null when it was not hashed. */
  readonly body: { readonly bytes: number; readonly sha256: string } | null
  /** Empty when the ledger was not asked. */
  readonly ledger: LedgerFindings
}

/** A body is never held here. */
const NO_SHARE: Share = { grow: () => false, release: () => {} }

/** `bad_request` when the body breaks off; every other fault is in the report. */
export async function dryRun(upload: Upload, policy: Policy, ports: Ports): Promise<Result<DryRun>> {
  const results = new Map<CheckName, Result<unknown>>()
  const note = <T>(check: CheckName, result: Result<T>): T | undefined => {
    results.set(check, result)
    return result.ok ? result.value : undefined
  }
  const now = upload.receivedAt
  const challenge = note('challenge', requireChallenge(policy.challenges, upload.challengeText))
  const signed = note('headers', parseSignedHeaders(upload.headers))
  const timestamp = signed && note('timestamp', parseTimestamp(signed.timestampText))
  if (timestamp !== undefined) note('freshness', checkFreshness(timestamp, now, policy.signatureTtlSeconds))
  const shape = signed && checkShape(signed, timestamp ?? 0n)
  const claim = shape?.ok === true ? shape.value : undefined

  const read = await readToHash(upload, policy, ports, challenge !== undefined && claim !== undefined)
  if (!read.ok && read.rejection.code !== 'submission_too_large') return read
  const body = note('size', read)
  let standing = signed && (await standingOf(signed.hotkey, now, policy, ports.metagraph))
  if (shape?.ok === false) note('signature', shape)
  if (challenge && claim && standing && body)
    note('signature', await checkSignature({ upload, challenge, claim, standing, body, policy, ports }))
  const proven = results.get('signature')?.ok === true

  if (signed && standing && proven) standing = await lookUpUnknown(standing, upload, policy, ports.metagraph)
  const member = standing && note('registration', standing)
  let ledger: LedgerFindings = {}
  if (challenge && signed && body && proven && member) {
    const hotkey = nameOf(signed.hotkey, policy)
    const key = { netuid: policy.netuid, slug: challenge.slug, hotkey }
    const { requestId } = upload
    const question = { nonce: signed.nonce, requestId, bodyHash: body.hash, reservedAt: now }
    const answer = await requireFreeNonce(key, question, ports)
    note('nonce', answer)
    ledger = answer.found
  }
  if (challenge) note('challenge_token', tokenOf(challenge, ports))

  const passed = CHECKS.every((check) => results.get(check)?.ok === true)
  const uid = uidIn(standing)
  const identity =
    passed && challenge && signed && body ? { ...signed, challenge, uid, bodyHash: body.hash } : undefined
  return accepted({
    checks: CHECKS.map((check) => toCheck(check, results.get(check))),
    identity,
    uid: uid ?? null,
    metagraph: await ageOf(now, ports),
    nonceFree: nonceFree(results.get('nonce')),
    body: body && body.hash !== '' ? { bytes: body.bytes, sha256: body.hash } : null,
    ledger,
  })
}

/** Hashes in constant memory, or only counts where no signature can be judged; a declared length over the limit is not read. */
async function readToHash(
  upload: Upload,
  policy: Policy,
  ports: Ports,
  hash: boolean,
): Promise<Result<ReadBody>> {
  const limits = { declaredBytes: declaredBytes(upload.headers), maxBytes: policy.maxUploadBytes }
  if ((limits.declaredBytes ?? 0) > limits.maxBytes)
    return rejected('submission_too_large', { max_bytes: limits.maxBytes })
  return readBody(upload.body, hash ? 'hash' : 'count', limits, NO_SHARE, ports.newDigest)
}

function nonceFree(nonce: Result<unknown> | undefined): boolean | null {
  if (nonce === undefined || nonce.ok) return nonce === undefined ? null : true
  return nonce.rejection.code === 'nonce_already_used' ? false : null
}

function tokenOf({ slug }: Challenge, ports: Ports): Result<true> {
  return ports.hasToken(slug) ? accepted(true) : rejected('challenge_token_unavailable', {})
}

function uidIn(standing: Standing | undefined): number | undefined {
  if (standing?.ok === true) return standing.value.uid
  return standing?.rejection.code === 'blocked_uid' ? (standing.rejection.facts.uid ?? undefined) : undefined
}

async function ageOf(now: number, ports: Ports): Promise<DryRun['metagraph']> {
  const metagraph = await ports.metagraph.current(now)
  return metagraph ? { block: metagraph.block, age_seconds: ageSeconds(metagraph, now) } : null
}

function toCheck(check: CheckName, result: Result<unknown> | undefined): Check {
  if (result === undefined) return { check, result: 'skipped' }
  if (result.ok) return { check, result: 'pass' }
  return { check, result: 'fail', problem: problemBody(result.rejection) }
}
