/**
 * The Ledger port over the Durable Object binding.
 *
 * Every failure here is a refusal, `nonce_store_unavailable`, never an admission: only the exact
 * word 'reserved' admits. The runtime itself repeats a call that never arrived. Beyond that a call
 * is repeated once, with a fresh stub (a broken one stays broken) and the same request id, so that
 * a reservation whose answer was lost is not taken for a replay.
 */

import {
  type Ledger,
  type LedgerAnswer,
  type LedgerKey,
  QUOTA_SECONDS,
  type Quota,
  type Settlement,
} from '../admission/ports.ts'
import type { OriginalUpload } from '../protocol/facts.ts'
import { isRecord } from '../protocol/json.ts'
import { rejected } from '../protocol/problem.ts'
import { accepted, type Result } from '../protocol/result.ts'
import type { FindCall, ReserveCall } from './object.ts'

/**
 * Time beyond the origin's limit, for a slow start and a repeated settle. An upload that is in
 * flight for longer is not expected to be settled any more, so `inFlightSeconds` is
 * `originTimeoutSeconds + IN_FLIGHT_MARGIN_SECONDS`.
 */
export const IN_FLIGHT_MARGIN_SECONDS = 30

/**
 * An object that restarts or moves is back within seconds. An overloaded one needs as long without
 * calls.
 */
const RETRY_AFTER_SECONDS = 5

/**
 * The runtime's own repeats. Its default, 5 within 10 s, would hold an upload's body in memory for
 * too long.
 */
const RETRY_BUDGET = { retry: { maxRetries: 2, timeoutMs: 2000 } } as const

/** So that the cause fits into one log line. */
const MAX_CAUSE_LENGTH = 200

/** Flags on the errors that the platform throws. They say whether to ask the object again. */
const FLAGS = ['retryable', 'overloaded', 'durableObjectReset', 'remote'] as const

const OUTCOMES = ['in_flight', 'delivered', 'not_delivered', 'unknown'] as const

const UNKNOWN_ANSWER = 'unknown answer from the ledger object'

/** An object that never answers must not keep an upload's body in memory. */
const DEADLINE_MS = 10_000

/**
 * A NonceLedger that may run older or newer code than this, so its answers are unknown until
 * parsed.
 */
export interface LedgerStub {
  reserve(call: ReserveCall): Promise<unknown>
  find(call: FindCall): Promise<unknown>
  free(nonce: string, requestId: string): Promise<unknown>
  settle(nonce: string, requestId: string, settlement: Settlement): Promise<unknown>
}

/**
 * What is used of `DurableObjectNamespace<NonceLedger>`; the installed types do not know `retry`
 * yet.
 */
export interface LedgerNamespace {
  getByName(
    name: string,
    options: DurableObjectNamespaceGetDurableObjectOptions & typeof RETRY_BUDGET,
  ): LedgerStub
}

interface LedgerOptions {
  /** For one call with its repeats; 10 s by default. */
  readonly deadlineMs?: number
  readonly retentionSeconds: number
  readonly inFlightSeconds: number
  /** 0, the default: any number. */
  readonly uploadsPerHour?: number
}

export function createLedger(namespace: LedgerNamespace, options: LedgerOptions): Ledger {
  const { retentionSeconds, inFlightSeconds, uploadsPerHour = 0, deadlineMs = DEADLINE_MS } = options
  const ask = (key: LedgerKey, nonce: string, call: Call) =>
    within(deadlineMs, attemptTwice(namespace, key, nonce, call))
  /** `read` parses the verdicts of this question; undefined for any other value. */
  const askVerdict = async <T>(
    key: LedgerKey,
    nonce: string,
    call: Call,
    read: (verdict: unknown) => Result<T> | undefined,
  ): Promise<LedgerAnswer<T>> => {
    const askedAt = Date.now()
    const answer = await ask(key, nonce, call)
    const found = { milliseconds: Date.now() - askedAt }
    if (!answer.ok) return { ...answer, found }
    const parsed = parseAnswer(answer.value)
    if (parsed === undefined) return { ...unavailable(UNKNOWN_ANSWER), found }
    const { verdict, quota } = parsed
    if (quota === undefined) return { ...(read(verdict) ?? unavailable(UNKNOWN_ANSWER)), found }
    const result = verdict === 'exceeded' ? exceeded(uploadsPerHour, quota) : read(verdict)
    return { ...(result ?? unavailable(UNKNOWN_ANSWER)), found: { ...found, quota } }
  }
  return {
    reserve(key, reservation) {
      const call = { ...reservation, retentionSeconds, inFlightSeconds, uploadsPerHour }
      return askVerdict(key, call.nonce, (stub) => stub.reserve(call), toReserved)
    },
    find(key, { nonce, bodyHash, reservedAt }) {
      const call = { nonce, bodyHash, reservedAt, inFlightSeconds, uploadsPerHour }
      return askVerdict(key, nonce, (stub) => stub.find(call), toFound)
    },
    async free(key, nonce, requestId) {
      return (await ask(key, nonce, (stub) => stub.free(nonce, requestId))).ok
    },
    async settle(key, nonce, requestId, settlement) {
      // A failure is returned as a value. No answer waits for this call, so it needs no deadline.
      await attemptTwice(namespace, key, nonce, (stub) => stub.settle(nonce, requestId, settlement))
    },
  }
}

type Call = (stub: LedgerStub) => Promise<unknown>

function toReserved(verdict: unknown): Result<'reserved'> | undefined {
  if (verdict === 'reserved') return accepted(verdict)
  const original = parseOriginal(verdict)
  return original && rejected('nonce_already_used', { original })
}

function toFound(verdict: unknown): Result<OriginalUpload | undefined> | undefined {
  if (verdict === 'free') return accepted(undefined)
  const original = parseOriginal(verdict)
  return original && accepted(original)
}

/** The verdict, and its quota unless the object runs older code. Undefined for anything else. */
function parseAnswer(answer: unknown): { readonly verdict: unknown; readonly quota?: Quota } | undefined {
  if (!isRecord(answer) || !('quota' in answer)) return { verdict: answer }
  const { verdict, quota } = answer
  if (!isRecord(quota)) return undefined
  const { remaining, resetSeconds } = quota
  if (typeof remaining !== 'number' || typeof resetSeconds !== 'number') return undefined
  return { verdict, quota: { remaining, resetSeconds } }
}

function exceeded(uploadsPerHour: number, { resetSeconds }: Quota) {
  const facts = {
    limit: 'uploads',
    limit_requests: uploadsPerHour,
    limit_seconds: QUOTA_SECONDS,
    retry_after_seconds: resetSeconds,
  } as const
  return rejected('rate_limited', facts, 'quota')
}

/** Calls the object of this key, and once more when the fault says that this may help. */
async function attemptTwice(
  namespace: LedgerNamespace,
  key: LedgerKey,
  nonce: string,
  call: Call,
): Promise<Result<unknown>> {
  const attempt = () => call(namespace.getByName(`${key.netuid}:${key.slug}:${key.hotkey}`, RETRY_BUDGET))
  try {
    return accepted(await attempt())
  } catch (fault) {
    if (!mayHelp(fault)) return unavailable(toCause(fault, nonce))
  }
  try {
    return accepted(await attempt())
  } catch (fault) {
    return unavailable(`second attempt: ${toCause(fault, nonce)}`)
  }
}

/**
 * Whether to ask once more. A deploy resets an object: a call under way then fails with
 * `durableObjectReset` and without `retryable`. The request's id makes it safe to ask again. An
 * overloaded object is not asked again.
 */
function mayHelp(fault: unknown): boolean {
  return (says(fault, 'retryable') || says(fault, 'durableObjectReset')) && !says(fault, 'overloaded')
}

async function within(deadlineMs: number, answer: Promise<Result<unknown>>): Promise<Result<unknown>> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<Result<unknown>>((resolve) => {
    timer = setTimeout(() => resolve(unavailable('no answer in time')), deadlineMs)
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}

function unavailable(cause: string) {
  return rejected('nonce_store_unavailable', { retry_after_seconds: RETRY_AFTER_SECONDS }, cause)
}

function says(fault: unknown, flag: (typeof FLAGS)[number]): boolean {
  return typeof fault === 'object' && fault !== null && Reflect.get(fault, flag) === true
}

/** For the operator's log, which must not hold a nonce: a message that repeats it is left out. */
function toCause(fault: unknown, nonce: string): string {
  const message = String(fault)
  const flags = FLAGS.filter((flag) => says(fault, flag)).join(' ')
  return `${message.includes(nonce) ? 'message withheld' : message} (${flags})`.slice(0, MAX_CAUSE_LENGTH)
}

/** The facts of a replay, copied one by one; undefined when they are not all there. */
function parseOriginal(answer: unknown): OriginalUpload | undefined {
  if (!isRecord(answer)) return undefined
  const { request_id, reserved_at, body_matches, outcome, status } = answer
  const known = OUTCOMES.find((name) => name === outcome)
  if (typeof request_id !== 'string' || typeof reserved_at !== 'number') return undefined
  if (typeof body_matches !== 'boolean' || known === undefined) return undefined
  const original = { request_id, reserved_at, body_matches, outcome: known }
  if (known !== 'delivered') return original
  return typeof status === 'number' ? { ...original, status } : undefined
}
