/**
 * The closed table of refusals (RFC 9457).
 *
 * Every "no" the gateway says itself is one row here: its status, the reference proxy's `detail` to the letter (a client that
 * reads `detail` keeps working), and a hint that says what to do next. The code union and the facts of each code are
 * derived from the table, so a refusal that is not in it does not compile. No fact may hold a token, a signature, a body
 * byte or an origin's host.
 */

/** One way of saying no. `detail` and `hint` are sentences for people; `code` (the key) is for programs and never changes meaning. */
interface ProblemRow {
  readonly status: number
  readonly title: string
  readonly detail: (facts: never) => string
  readonly hint: (facts: never) => string
  /** `WWW-Authenticate` of a 401. */
  readonly challenge?: 'upload' | 'admin'
}

type NoFacts = Record<never, never>
type RetryFacts = { readonly retry_after_seconds: number }
type MetagraphFacts = { readonly metagraph_block: number; readonly metagraph_age_seconds: number }
/** `retry_after_seconds` when the chain could not be asked whether the hotkey registered after the snapshot. */
type UnknownHotkeyFacts = MetagraphFacts & { readonly retry_after_seconds?: number }
/** Null: the hotkey itself is blocked, whatever its uid. */
type BlockedFacts = Partial<MetagraphFacts> & { readonly uid: number | null }
/** `reason` says what was wrong, in words of ours. */
type BadRequestFacts = { readonly reason?: string }

/** What became of the request that first used a nonce. `unknown`: it may or may not have reached the challenge. */
type NonceOutcome = 'in_flight' | 'delivered' | 'not_delivered' | 'unknown'

export interface OriginalUpload {
  /** `X-Request-Id` that the challenge saw with the first upload. */
  readonly request_id: string
  /** Unix seconds. */
  readonly reserved_at: number
  /** Whether the first upload had the same SHA-256 as this one. */
  readonly body_matches: boolean
  readonly outcome: NonceOutcome
  /** The challenge's HTTP status, present when `outcome` is `delivered`. */
  readonly status?: number
}

/** One field of the canonical message and where the gateway took it from. */
export interface SignedField {
  readonly name: string
  readonly value: string
  readonly source: string
}

/** What `invalid_signature` shows; all but `likely_cause` is absent when the body was not read. */
export interface InvalidSignatureFacts {
  readonly likely_cause: string
  readonly canonical_message?: string
  readonly fields?: readonly SignedField[]
  readonly body_bytes?: number
}

/** `request_time` and `skew_seconds` are null for a number no clock can show (beyond 2^53). Skew is client minus server. */
export interface StaleFacts {
  readonly server_time: number
  readonly request_time: number | null
  readonly skew_seconds: number | null
  readonly max_skew_seconds: number
}

const signAgain = 'Sign again with a fresh nonce and timestamp, then send.'

export const PROBLEMS = {
  missing_header: {
    status: 401,
    title: 'Missing header',
    detail: (facts: { readonly header: string }) => `missing ${facts.header}`,
    hint: (facts: { readonly header: string }) =>
      `Send ${facts.header}; a signed upload needs X-Hotkey, X-Signature, X-Nonce and X-Timestamp.`,
    challenge: 'upload',
  },
  malformed_header: {
    status: 400,
    title: 'Malformed header',
    detail: (facts: { readonly header: string; readonly reason: string }) => `malformed ${facts.header}`,
    hint: (facts: { readonly header: string; readonly reason: string }) =>
      `${facts.header}: ${facts.reason}. Send printable ASCII only; a nonce has 1 to 256 characters.`,
  },
  invalid_timestamp: {
    status: 401,
    title: 'Invalid timestamp',
    detail: (_: NoFacts) => 'invalid timestamp',
    hint: () => 'X-Timestamp is the time in whole Unix seconds, such as 1700000000.',
    challenge: 'upload',
  },
  stale_signature: {
    status: 401,
    title: 'Stale signature',
    detail: (_: StaleFacts) => 'stale signature',
    hint: (facts: StaleFacts) =>
      `${clockSentence(facts)} ${signAgain} GET /v1/time shows the gateway's clock.`,
    challenge: 'upload',
  },
  invalid_signature: {
    status: 401,
    title: 'Invalid signature',
    detail: (_: InvalidSignatureFacts) => 'invalid signature',
    hint: (facts: InvalidSignatureFacts) =>
      facts.canonical_message === undefined
        ? 'Send the hotkey as SS58 and the signature as 128 hex digits, with or without 0x.'
        : 'Compare canonical_message with the text you signed, byte for byte; sign those UTF-8 bytes with the hotkey of X-Hotkey.',
    challenge: 'upload',
  },
  unknown_hotkey: {
    status: 401,
    title: 'Unknown hotkey',
    detail: (_: UnknownHotkeyFacts) => 'unknown hotkey',
    hint: (facts: UnknownHotkeyFacts) =>
      facts.retry_after_seconds === undefined
        ? `The hotkey, as spelled, is not registered on the subnet at block ${facts.metagraph_block}. GET /v1/metagraph?hotkey=… shows when it is.`
        : `The hotkey is not registered at block ${facts.metagraph_block}. If you registered it just now, sign again and retry in ${facts.retry_after_seconds} seconds.`,
    challenge: 'upload',
  },
  blocked_uid: {
    status: 401,
    title: 'Blocked uid',
    detail: (_: BlockedFacts) => 'blocked uid',
    hint: (facts: BlockedFacts) =>
      facts.uid === null
        ? 'This hotkey may not upload. Ask the operator of the subnet why.'
        : `Uid ${facts.uid} may not upload; use the hotkey of another uid.`,
    challenge: 'upload',
  },
  metagraph_unavailable: {
    status: 401,
    title: 'Metagraph unavailable',
    detail: (_: RetryFacts) => 'metagraph unavailable',
    hint: (facts: RetryFacts) =>
      `The gateway cannot tell who is registered right now. Your signature was not the problem: sign again and retry in ${facts.retry_after_seconds} seconds.`,
    challenge: 'upload',
  },
  nonce_already_used: {
    status: 409,
    title: 'Nonce already used',
    detail: (_: { readonly original: OriginalUpload }) => 'nonce already used',
    hint: (facts: { readonly original: OriginalUpload }) => REPLAY_HINTS[facts.original.outcome],
  },
  submission_too_large: {
    status: 413,
    title: 'Submission too large',
    detail: (_: { readonly max_bytes: number }) => 'Submission too large',
    hint: (facts: { readonly max_bytes: number }) => `Send at most ${facts.max_bytes} bytes.`,
  },
  challenge_not_found: {
    status: 404,
    title: 'Challenge not found',
    detail: (_: NoFacts) => 'Challenge not found',
    hint: () => 'Check the slug in the URL; the challenge may also be inactive.',
  },
  path_not_allowed: {
    status: 403,
    title: 'Proxy path is not allowed',
    detail: (_: NoFacts) => 'Proxy path is not allowed',
    hint: () =>
      'This path is private to the challenge, not in canonical form, or asked to become a WebSocket, which is not offered.',
  },
  challenge_unavailable: {
    status: 502,
    title: 'Challenge unavailable',
    detail: (_: NoFacts) => 'Challenge unavailable',
    hint: () =>
      'What stands behind the gateway gave no usable answer in time. A read: retry. An upload may have arrived all the same: send it again as it was, and the 409 says what became of it; sign anew only if it never arrived.',
  },
  challenge_token_unavailable: {
    status: 502,
    title: 'Challenge token is unavailable',
    detail: (_: NoFacts) => 'Challenge token is unavailable',
    hint: () => 'The operator has not configured this challenge yet. Your nonce was not used.',
  },
  nonce_store_unavailable: {
    status: 503,
    title: 'Nonce store unavailable',
    detail: (_: RetryFacts) => 'nonce store unavailable',
    hint: () => 'Nothing was forwarded. Sign again with a fresh nonce and retry.',
  },
  over_capacity: {
    status: 503,
    title: 'Over capacity',
    detail: (_: RetryFacts) => 'over capacity',
    hint: () =>
      'Too many uploads are in flight here. Nothing was forwarded and your nonce was not used: retry.',
  },
  rate_limited: {
    status: 429,
    title: 'Rate limited',
    detail: (_: RetryFacts) => 'rate limited',
    hint: (facts: RetryFacts) =>
      `Retry in ${facts.retry_after_seconds} seconds with a fresh nonce and timestamp.`,
  },
  unauthorized: {
    status: 401,
    title: 'Unauthorized',
    detail: (_: NoFacts) => 'Unauthorized',
    hint: () => 'Send the admin token as X-Admin-Token or as Authorization: Bearer.',
    challenge: 'admin',
  },
  not_found: {
    status: 404,
    title: 'Not Found',
    detail: (_: NoFacts) => 'Not Found',
    hint: () => 'Check the path; uploads go to POST /v1/challenges/{challenge}/submissions.',
  },
  method_not_allowed: {
    status: 405,
    title: 'Method Not Allowed',
    detail: (_: { readonly allow: readonly string[] }) => 'Method Not Allowed',
    hint: (facts: { readonly allow: readonly string[] }) => `This path takes ${facts.allow.join(', ')}.`,
  },
  bad_request: {
    status: 400,
    title: 'Bad Request',
    detail: (_: BadRequestFacts) => 'Bad Request',
    hint: (facts: BadRequestFacts) =>
      `Mend the request and send it again: ${facts.reason ?? 'it cannot be read'}.`,
  },
  internal_error: {
    status: 500,
    title: 'Internal Server Error',
    detail: (_: NoFacts) => 'Internal Server Error',
    hint: () => 'Not your fault. Quote the instance id to the operator.',
  },
} as const satisfies Record<string, ProblemRow>

export type ProblemCode = keyof typeof PROBLEMS
type Facts<C extends ProblemCode> = Parameters<(typeof PROBLEMS)[C]['detail']>[0]

/** A refusal as a value. `cause` is a short reason for the operator's log; it is never sent. */
export type Rejection = {
  [C in ProblemCode]: { readonly code: C; readonly facts: Facts<C>; readonly cause?: string }
}[ProblemCode]

/** Builds a refusal; the compiler checks that `facts` are those of `code`. */
export function rejected<C extends ProblemCode>(
  code: C,
  facts: Facts<C>,
  cause?: string,
): { readonly ok: false; readonly rejection: Rejection } {
  const rejection = cause === undefined ? { code, facts } : { code, facts, cause }
  return { ok: false, rejection: rejection as Rejection }
}

/** The members of a problem document that do not depend on the request. */
export function problemBody({ code, facts }: Rejection, status?: number) {
  const row: ProblemRow = PROBLEMS[code]
  return {
    type: `urn:platform-edge:problem:${code}`,
    title: row.title,
    status: status ?? row.status,
    detail: row.detail(facts as never),
    code,
    hint: row.hint(facts as never),
    ...facts,
  }
}

/** A refusal on the wire. `requestId` becomes `instance`. `status` overrides the row's only where design section 3 says so (503 on env routes). */
export function problemResponse(rejection: Rejection, requestId: string, status?: number): Response {
  const { code, facts } = rejection
  const row: ProblemRow = PROBLEMS[code]
  const body = { ...problemBody(rejection, status), instance: requestId }
  const headers = new Headers({ 'content-type': 'application/problem+json', 'cache-control': 'no-store' })
  if (row.challenge !== undefined) headers.set('www-authenticate', WWW_AUTHENTICATE[row.challenge])
  if ('retry_after_seconds' in facts) headers.set('retry-after', String(facts.retry_after_seconds))
  if ('allow' in facts) headers.set('allow', facts.allow.join(', '))
  return new Response(JSON.stringify(body), { status: body.status, headers })
}

const WWW_AUTHENTICATE = {
  upload: 'Hotkey-Signature realm="upload", headers="x-hotkey x-signature x-nonce x-timestamp"',
  admin: 'Bearer realm="admin"',
} as const

const REPLAY_HINTS: Record<NonceOutcome, string> = {
  in_flight:
    'The first upload with this nonce is still on its way; wait, then ask the challenge for its status.',
  delivered:
    'The challenge answered the first upload with this nonce; sign again with a fresh nonce only to upload anew.',
  not_delivered:
    'The first upload with this nonce never reached the challenge. Sign again with a fresh nonce.',
  unknown:
    'The first upload with this nonce may have reached the challenge. Look for it among your submissions there; sign again with a fresh nonce if it is not one of them.',
}

/** As seconds this is the year 5138, as milliseconds 1973. */
const MILLISECONDS = 100_000_000_000

function clockSentence(facts: StaleFacts): string {
  const skew = facts.skew_seconds
  if (skew === null) return 'X-Timestamp is not a time in Unix seconds.'
  if ((facts.request_time ?? 0) >= MILLISECONDS)
    return 'X-Timestamp is in milliseconds; it must be whole seconds.'
  const way = skew > 0 ? 'ahead of' : 'behind'
  return `X-Timestamp is ${Math.abs(skew)} seconds ${way} the gateway's clock; at most ${facts.max_skew_seconds} are allowed.`
}
