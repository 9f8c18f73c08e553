/**
 * The closed table of refusals (RFC 9457).
 *
 * Every refusal of the gateway itself is one row here. `detail` is to the letter that of the
 * Python proxy that this gateway replaces, so that clients which read it keep working. `hint` says
 * what to do next. The code union and the facts of each code are derived from the table, so a
 * refusal that is not in it does not compile. `facts.ts` has the facts.
 */

import {
  type BadRequestFacts,
  type BlockedFacts,
  type ChallengeFacts,
  clockSentence,
  type InvalidSignatureFacts,
  LIMITED,
  type LimitFacts,
  type NoFacts,
  type OriginalUpload,
  REPLAY_HINTS,
  type RetryFacts,
  type SettingFacts,
  SIGN_AGAIN,
  type StaleFacts,
  type UnknownHotkeyFacts,
} from './facts.ts'

const BTAUTH_PREFIX = 'x-bittensor-'
const BTAUTH_NEEDS =
  'X-Bittensor-Version, -Hotkey, -Receiver, -Nonce and -Signature, as bittensor.http_auth.sign makes them'

const WWW_AUTHENTICATE = {
  upload: 'Hotkey-Signature realm="upload", headers="x-hotkey x-signature x-nonce x-timestamp"',
  admin: 'Bearer realm="admin"',
} as const

/**
 * One kind of refusal. `detail` and `hint` are sentences for people. The key, `code`, is for
 * programs and never changes its meaning.
 */
interface ProblemRow {
  readonly status: number
  readonly title: string
  readonly detail: (facts: never) => string
  readonly hint: (facts: never) => string
  /** `WWW-Authenticate` of a 401. */
  readonly challenge?: 'upload' | 'admin'
}

export const PROBLEMS = {
  missing_header: {
    status: 401,
    title: 'Missing header',
    detail: (facts: { readonly header: string }) => `missing ${facts.header}`,
    hint: (facts: { readonly header: string }) =>
      `Send ${facts.header}; a signed upload needs ${facts.header.startsWith(BTAUTH_PREFIX) ? BTAUTH_NEEDS : 'X-Hotkey, X-Signature, X-Nonce and X-Timestamp'}.`,
    challenge: 'upload',
  },
  malformed_header: {
    status: 400,
    title: 'Malformed header',
    detail: (facts: { readonly header: string; readonly reason: string }) => `malformed ${facts.header}`,
    hint: (facts: { readonly header: string; readonly reason: string }) =>
      `Fix ${facts.header}: it ${facts.reason}.`,
  },
  invalid_timestamp: {
    status: 401,
    title: 'Invalid timestamp',
    detail: (_: NoFacts) => 'invalid timestamp',
    hint: () =>
      'Send the time as digits: X-Timestamp in whole Unix seconds, such as 1700000000; X-Bittensor-Nonce in Unix nanoseconds.',
    challenge: 'upload',
  },
  stale_signature: {
    status: 401,
    title: 'Stale signature',
    detail: (_: StaleFacts) => 'stale signature',
    hint: (facts: StaleFacts) =>
      `${clockSentence(facts)} ${SIGN_AGAIN} GET /v1/time shows the gateway's clock.`,
    challenge: 'upload',
  },
  invalid_signature: {
    status: 401,
    title: 'Invalid signature',
    detail: (_: InvalidSignatureFacts) => 'invalid signature',
    hint: (facts: InvalidSignatureFacts) =>
      facts.canonical_message === undefined
        ? 'Send the hotkey as SS58 and the signature as 128 hex digits, with or without 0x.'
        : 'Compare canonical_message with the text you signed, byte for byte; sign those UTF-8 bytes with the hotkey that the request names.',
    challenge: 'upload',
  },
  unknown_hotkey: {
    status: 401,
    title: 'Unknown hotkey',
    detail: (_: UnknownHotkeyFacts) => 'unknown hotkey',
    hint: (facts: UnknownHotkeyFacts) => {
      const unknown = `The hotkey, exactly as sent, is not registered on subnet ${facts.netuid} at block ${facts.metagraph_block}`
      return facts.looked_up
        ? `${unknown}, nor at the chain's newest block. Register it, or sign with a registered hotkey.`
        : `${unknown}. The gateway did not ask the chain this time. If you have registered the hotkey, sign again and retry in ${facts.retry_after_seconds ?? 60} seconds.`
    },
    challenge: 'upload',
  },
  blocked_uid: {
    status: 401,
    title: 'Blocked uid',
    detail: (_: BlockedFacts) => 'blocked uid',
    hint: (facts: BlockedFacts) =>
      facts.uid === null
        ? 'The operator has blocked this hotkey. Ask the operator of the gateway why.'
        : `The operator has blocked uid ${facts.uid}. Use the hotkey of another uid, or ask the operator why.`,
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
    detail: (_: ChallengeFacts) => 'Challenge not found',
    hint: (facts: ChallengeFacts) =>
      facts.challenges.length === 0
        ? 'No challenge is active here. Ask the operator of the gateway.'
        : `Use the slug of an active challenge in the URL, such as ${facts.challenges.slice(0, 3).join(', ')}.`,
  },
  path_not_allowed: {
    status: 403,
    title: 'Proxy path is not allowed',
    detail: (_: NoFacts) => 'Proxy path is not allowed',
    hint: () =>
      'Use a public path of the challenge in canonical form, without empty or dot segments and encoded separators. The gateway passes on neither WebSockets nor scripts of service workers.',
  },
  challenge_unavailable: {
    status: 502,
    title: 'Challenge unavailable',
    detail: (_: NoFacts) => 'Challenge unavailable',
    hint: () =>
      'No usable answer came from behind the gateway in time. Retry a read. An upload may still have arrived: resend the identical request. If it did arrive, a 409 says what happened to it; sign a new one only if it did not.',
  },
  challenge_token_unavailable: {
    status: 502,
    title: 'Challenge token is unavailable',
    detail: (_: NoFacts) => 'Challenge token is unavailable',
    hint: () =>
      'Tell the operator that the gateway has no token for this challenge, and retry later. Nothing was forwarded and your nonce was not used.',
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
      'Retry: the gateway has too many uploads in flight. Nothing was forwarded and your nonce was not used.',
  },
  rate_limited: {
    status: 429,
    title: 'Rate limited',
    detail: (_: LimitFacts) => 'rate limited',
    hint: (facts: LimitFacts) =>
      `The limit is ${facts.limit_requests} ${LIMITED[facts.limit]} in ${facts.limit_seconds} seconds. Retry in ${facts.retry_after_seconds} seconds with a fresh nonce and timestamp.`,
  },
  wrong_receiver: {
    status: 401,
    title: 'Wrong receiver',
    detail: (_: { readonly receiver: string }) => 'wrong receiver',
    hint: (facts: { readonly receiver: string }) =>
      `The request is signed for another receiver. Sign it for this gateway's hotkey, ${facts.receiver}.`,
    challenge: 'upload',
  },
  request_timeout: {
    status: 408,
    title: 'Request Timeout',
    detail: (_: { readonly idle_seconds: number }) => 'Request Timeout',
    hint: (facts: { readonly idle_seconds: number }) =>
      `The body stopped arriving, or came too slowly, for ${facts.idle_seconds} seconds. Nothing was forwarded and your nonce was not used: send it again over a faster connection.`,
  },
  length_required: {
    status: 411,
    title: 'Length Required',
    detail: (_: { readonly max_bytes: number }) => 'Length Required',
    hint: (facts: { readonly max_bytes: number }) =>
      `Send Content-Length: a body without one may have at most ${facts.max_bytes} bytes.`,
  },
  unauthorized: {
    status: 401,
    title: 'Unauthorized',
    detail: (_: SettingFacts) => 'Unauthorized',
    hint: (facts: SettingFacts) =>
      facts.setting === undefined
        ? 'Send the admin token as X-Admin-Token or as Authorization: Bearer.'
        : `Ask the operator of the gateway to set ${facts.setting}: until then no token opens this route.`,
    challenge: 'admin',
  },
  not_found: {
    status: 404,
    title: 'Not Found',
    detail: (_: SettingFacts) => 'Not Found',
    hint: (facts: SettingFacts) =>
      facts.setting === undefined
        ? 'Check the path; uploads go to POST /v1/challenges/{challenge}/submissions.'
        : `The path is right, but this gateway does not offer it. Ask its operator to set ${facts.setting}.`,
  },
  method_not_allowed: {
    status: 405,
    title: 'Method Not Allowed',
    detail: (_: { readonly allow: readonly string[] }) => 'Method Not Allowed',
    hint: (facts: { readonly allow: readonly string[] }) =>
      `Use one of the methods that this path takes: ${facts.allow.join(', ')}.`,
  },
  bad_request: {
    status: 400,
    title: 'Bad Request',
    detail: (_: BadRequestFacts) => 'Bad Request',
    hint: (facts: BadRequestFacts) =>
      `Fix the request and send it again: ${facts.reason ?? 'it cannot be read'}.`,
  },
  internal_error: {
    status: 500,
    title: 'Internal Server Error',
    detail: (_: NoFacts) => 'Internal Server Error',
    hint: () => 'The fault is in the gateway, not in your request. Tell the operator the instance id.',
  },
} as const satisfies Record<string, ProblemRow>

export type ProblemCode = keyof typeof PROBLEMS
export type Facts<C extends ProblemCode> = Parameters<(typeof PROBLEMS)[C]['detail']>[0]

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

/**
 * A refusal on the wire. `requestId` becomes `instance`. `status` replaces the row's: routes that
 * set or read a miner's environment answer 503.
 */
export function problemResponse(rejection: Rejection, requestId: string, status?: number): Response {
  const { code, facts } = rejection
  const row: ProblemRow = PROBLEMS[code]
  const body = { ...problemBody(rejection, status), instance: requestId }
  const headers = new Headers({ 'content-type': 'application/problem+json', 'cache-control': 'no-store' })
  if (row.challenge !== undefined) headers.set('www-authenticate', WWW_AUTHENTICATE[row.challenge])
  if ('retry_after_seconds' in facts) headers.set('retry-after', String(facts.retry_after_seconds))
  if ('limit' in facts) {
    headers.set('ratelimit-policy', `"${facts.limit}";q=${facts.limit_requests};w=${facts.limit_seconds}`)
    headers.set('ratelimit', `"${facts.limit}";r=0;t=${facts.retry_after_seconds}`)
  }
  if ('allow' in facts) headers.set('allow', facts.allow.join(', '))
  return new Response(JSON.stringify(body), { status: body.status, headers })
}
