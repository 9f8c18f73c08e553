/**
 * The dry run of an upload: every check with its own result, and nothing reserved or forwarded.
 *
 * An upload stops at the first refusal; a dry run makes every check that can still be made. The
 * body is hashed and not kept. The nonce is looked up last, and only for a registered hotkey with
 * a right signature: the question creates the hotkey's ledger, so a stranger may not ask it.
 */

import { type Challenge, requireChallenge } from '../challenge/challenge.ts'
import { decodeSs58 } from '../crypto/ss58.ts'
import { parseSigned } from '../protocol/choose-dialect.ts'
import { ageSeconds } from '../protocol/metagraph.ts'
import { problemBody, rejected } from '../protocol/problem.ts'
import { accepted, type Result } from '../protocol/result.ts'
import {
  type Admitted,
  checkSignature,
  NO_ROOM,
  type Policy,
  requireFreeNonce,
  type Upload,
} from './admit.ts'
import { declaredBytes, type ReadBody, readBody } from './body.ts'
import type { Share } from './budget.ts'
import { checkFreshness, checkShape } from './claim.ts'
import type { LedgerFindings, Ports } from './ports.ts'
import { nameOf, type Standing, standingOf } from './registration.ts'

/**
 * In the order in which an upload is checked. `nonce` is the ledger's answer, which covers the
 * quota.
 */
export const CHECKS = [
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

/** What the challenge would learn about the upload. */
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

/**
 * Refuses with `request_timeout` or `bad_request` when the body does not arrive whole. Every other
 * fault is in the report.
 *
 * A dry run uses up nothing that others share: it does not ask the chain for a hotkey, and it
 * counts against no quota.
 */
export async function dryRun(
  upload: Upload,
  policy: Policy,
  ports: Ports,
  passing: Share,
): Promise<Result<DryRun>> {
  const results = new Map<CheckName, Result<unknown>>()
  const note = <T>(check: CheckName, result: Result<T>): T | undefined => {
    results.set(check, result)
    return result.ok ? result.value : undefined
  }
  const now = upload.receivedAt
  const challenge = note('challenge', requireChallenge(policy.challenges, upload.challengeText))
  const signed = note('headers', parseSigned(upload.headers, policy.gatewayHotkey))
  const timestamp = signed && note('timestamp', signed.time)
  const fresh =
    timestamp !== undefined && note('freshness', checkFreshness(timestamp, now, policy.signatureTtlSeconds))
  const shape = signed && checkShape(signed, timestamp ?? 0n)
  if (shape?.ok === false) note('signature', shape)
  const claim = shape?.ok === true ? shape.value : undefined

  // A body that an upload would be refused for before reading is not read here either.
  const isHopeless = challenge === undefined || claim === undefined || fresh !== true
  const read = await readToHash({ upload, policy, ports, passing, isHopeless })
  if (!read.ok && read.rejection.code !== 'submission_too_large') return read
  const body = note('size', read)
  const hotkey = signed && decodeSs58(signed.hotkey) !== undefined ? signed.hotkey : undefined
  const standing = hotkey === undefined ? undefined : await standingOf(hotkey, now, policy, ports.metagraph)
  const member = standing && note('registration', standing)
  let ledger: LedgerFindings = {}
  if (!isHopeless && standing && body) {
    const proven = note(
      'signature',
      await checkSignature({ upload, challenge, claim, standing, body, policy, ports }),
    )
    if (proven && member) {
      const name = nameOf(claim.hotkey, policy)
      const key = { netuid: policy.netuid, slug: challenge.slug, hotkey: name }
      const { requestId } = upload
      const question = { nonce: claim.nonce, requestId, bodyHash: body.hash, reservedAt: now }
      const answer = await requireFreeNonce(key, question, ports)
      note('nonce', answer)
      ledger = answer.found
    }
  }
  if (challenge) note('challenge_token', tokenOf(challenge, ports))

  const passed = CHECKS.every((check) => results.get(check)?.ok === true)
  const uid = uidIn(standing)
  const identity =
    passed && challenge && claim && body ? { ...claim, challenge, uid, bodyHash: body.hash } : undefined
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

interface Reading {
  readonly upload: Upload
  readonly policy: Policy
  readonly ports: Ports
  readonly passing: Share
  readonly isHopeless: boolean
}

/**
 * Hashes in constant memory. The body of a hopeless upload is only counted, and only where its
 * length is not declared.
 */
async function readToHash({
  upload,
  policy,
  ports,
  passing,
  isHopeless,
}: Reading): Promise<Result<ReadBody>> {
  const limits = { declaredBytes: declaredBytes(upload.headers), maxBytes: policy.maxUploadBytes }
  if ((limits.declaredBytes ?? 0) > limits.maxBytes)
    return rejected('submission_too_large', { max_bytes: limits.maxBytes })
  if (isHopeless && limits.declaredBytes !== undefined)
    return accepted({ bytes: limits.declaredBytes, hash: '', content: undefined })
  const mode = isHopeless ? 'count' : 'hash'
  return readBody({ stream: upload.body, mode, limits, held: NO_ROOM, passing, ports })
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
