/**
 * What comes back, as a value a program can branch on.
 *
 * A refusal of the gateway is a `Problem`: a union discriminated by `code`, each with the facts of
 * that code, derived from the gateway's own table. Whatever else is not a 2xx was said by the
 * challenge and is handed over as it came. What was not said by the gateway at all (a page, a
 * redirect, Cloudflare) is `foreign`, whatever its status.
 */

import { parseJson } from '../src/protocol/json.ts'
import { PROBLEMS, type ProblemCode, type Rejection } from '../src/protocol/problem.ts'
import { type Foreign, foreignAnswer } from './foreign.ts'

interface Document<C extends string> {
  readonly code: C
  readonly type: string
  readonly title: string
  readonly status: number
  /** What is wrong. */
  readonly detail: string
  /** What to do next. */
  readonly hint: string
  /** Request id, for the operator. */
  readonly instance: string
}

type FactsOf<C extends ProblemCode> = Extract<Rejection, { readonly code: C }>['facts']

/**
 * Every way the gateway says no. `other` is a code that this version does not know; `originalCode`
 * has it.
 */
export type Problem =
  | { [C in ProblemCode]: Document<C> & FactsOf<C> }[ProblemCode]
  | (Document<'other'> & { readonly originalCode: string })

export type Answer<T> =
  | Delivered<T>
  | (Received & { readonly ok: false; readonly kind: 'problem'; readonly problem: Problem })
  /** The challenge itself refused. */
  | (Received & { readonly ok: false; readonly kind: 'challenge' })
  /**
   * Something on the way answered in the gateway's place, with any status: no upload was accepted
   * by it.
   */
  | (Received & Foreign & { readonly ok: false; readonly kind: 'foreign' })
  /** No answer came. `cause` is short and has no secrets. */
  | (Attempted & { readonly ok: false; readonly kind: 'unreachable'; readonly cause: string })

export interface Delivered<T> extends Received {
  readonly ok: true
  /** Parsed JSON; undefined when the body is something else. */
  readonly value: T | undefined
  /**
   * An earlier attempt was answered so, as the gateway remembers it: the status only, the body is
   * lost.
   */
  readonly arrivedBefore?: true
}

interface Attempted {
  /** What was signed, with an upload and its dry run. */
  readonly sent?: { readonly nonce: string; readonly message: string }
  /**
   * Set when the upload may have arrived: send `sent.nonce` again to find out; a fresh one would
   * be another upload.
   */
  readonly mayHaveArrived?: true
}

interface Received extends Attempted {
  readonly status: number
  /** `X-Request-Id`. */
  readonly requestId: string | undefined
  /** From `Retry-After`. */
  readonly retryAfterSeconds: number | undefined
  /** The body as text. */
  readonly text: string
}

const TYPE_PREFIX = 'urn:platform-edge:problem:'

/**
 * Reads the answer of `url` to its end. `now` in Unix seconds, for a `Retry-After` that is a date.
 */
export async function readAnswer<T>(response: Response, url: string, now: number): Promise<Answer<T>> {
  const text = await response.text()
  const received: Received = {
    status: response.status,
    requestId: response.headers.get('x-request-id') || undefined,
    retryAfterSeconds: parseRetryAfter(response.headers.get('retry-after'), now),
    text,
  }
  const foreign = foreignAnswer({ response, text, url })
  if (foreign !== undefined) return { ok: false, kind: 'foreign', ...received, ...foreign }
  const value = parseJson(text)
  // The caller says what its challenge answers; nothing here can check it.
  if (response.ok) return { ok: true, ...received, value: value as T | undefined }
  const problem = parseProblem(value)
  return problem === undefined
    ? { ok: false, kind: 'challenge', ...received }
    : { ok: false, kind: 'problem', ...received, problem }
}

/** Undefined for anything but a problem document of the gateway. */
export function parseProblem(value: unknown): Problem | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const fields: Partial<Record<string, unknown>> = { ...value }
  const { type, code, detail, hint, status } = fields
  if (typeof type !== 'string' || !type.startsWith(TYPE_PREFIX)) return undefined
  if (typeof code !== 'string' || typeof detail !== 'string' || typeof hint !== 'string') return undefined
  if (typeof status !== 'number') return undefined
  // The gateway's own table made this document, and the code says which facts it has.
  if (Object.hasOwn(PROBLEMS, code)) return fields as Problem
  return { ...fields, code: 'other', originalCode: code } as Problem
}

type Replay = Extract<Problem, { code: 'nonce_already_used' }>

/**
 * Whether the upload that first used the nonce reached the challenge; undefined when that is
 * unknown.
 */
export function firstArrived(problem: Replay): boolean | undefined {
  const { outcome } = problem.original
  if (outcome === 'delivered') return true
  return outcome === 'not_delivered' ? false : undefined
}

/** What is said about the upload that first used the nonce; undefined for any other answer. */
export function originalOf(answer: Answer<unknown>): Replay['original'] | undefined {
  if (answer.ok || answer.kind !== 'problem' || answer.problem.code !== 'nonce_already_used') return undefined
  return answer.problem.original
}

/**
 * The answer that was lost, as far as the ledger kept it; undefined unless this very file was
 * delivered.
 */
export function lostAnswer<T>(answer: Answer<T>): Answer<T> | undefined {
  const { outcome, body_matches, status, request_id } = originalOf(answer) ?? {}
  if (outcome !== 'delivered' || !body_matches || status === undefined) return undefined
  const received = { status, requestId: request_id, retryAfterSeconds: undefined, text: '' }
  const sent = answer.sent === undefined ? {} : { sent: answer.sent }
  return status >= 200 && status < 300
    ? { ok: true, ...received, ...sent, value: undefined, arrivedBefore: true }
    : { ok: false, kind: 'challenge', ...received, ...sent }
}

function parseRetryAfter(text: string | null, now: number): number | undefined {
  if (text === null) return undefined
  if (/^\d{1,9}$/.test(text)) return Number(text)
  const date = Date.parse(text)
  return Number.isNaN(date) ? undefined : Math.max(0, Math.ceil(date / 1000 - now))
}
