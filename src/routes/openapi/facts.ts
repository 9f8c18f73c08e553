/**
 * An example of every refusal's facts, from which their schemas are read (`schema.ts`).
 *
 * The compiler holds each example to the facts of its code in `PROBLEMS`. The name of a fact that
 * may be null or absent ends in `?`. A fact that is one of a few words is the set of those words.
 */

import { LIMITED, type LimitName, type NonceOutcome, REPLAY_HINTS } from '../../protocol/facts.ts'
import type { Facts, ProblemCode } from '../../protocol/problem.ts'
import { HOTKEY } from './examples.ts'

type Name<T, K extends keyof T> =
  Record<never, never> extends Pick<T, K> ? `${K & string}?` : null extends T[K] ? `${K & string}?` : K

type Example<T> = [T] extends [readonly (infer Item)[]]
  ? readonly Example<Item>[]
  : [T] extends [string]
    ? string extends T
      ? string
      : ReadonlySet<T>
    : [T] extends [number | boolean]
      ? T
      : { readonly [K in keyof T as Name<T, K>]-?: Example<NonNullable<T[K]>> }

const LIMITS = new Set(Object.keys(LIMITED) as LimitName[])
const OUTCOMES = new Set(Object.keys(REPLAY_HINTS) as NonceOutcome[])

const RETRY = { retry_after_seconds: 30 }
const NAMED = { hotkey: HOTKEY, netuid: 100 }
const SETTING = { 'setting?': 'MASTER_ORIGIN' }

export const FACTS: { readonly [C in ProblemCode]: Example<Facts<C>> } = {
  missing_header: { header: 'X-Nonce' },
  malformed_header: { header: 'X-Nonce', reason: 'longer than 256 characters' },
  invalid_timestamp: {},
  stale_signature: {
    server_time: 1_700_000_400,
    'request_time?': 1_700_000_000,
    'skew_seconds?': -400,
    max_skew_seconds: 300,
  },
  invalid_signature: {
    likely_cause: 'signed an empty body',
    'canonical_message?': 'platform-upload-v1:100:…',
    'fields?': [{ name: 'netuid', value: '100', source: 'the gateway' }],
    'body_bytes?': 9,
  },
  unknown_hotkey: {
    ...NAMED,
    metagraph_block: 5_000_000,
    metagraph_age_seconds: 12,
    looked_up: false,
    'retry_after_seconds?': 60,
  },
  blocked_uid: { ...NAMED, 'metagraph_block?': 5_000_000, 'metagraph_age_seconds?': 12, 'uid?': 1 },
  metagraph_unavailable: RETRY,
  nonce_already_used: {
    original: {
      request_id: 'b1e7c9a0-4f6d-4d7c-9d35-0a5e6f7a8b9c',
      reserved_at: 1_700_000_000,
      body_matches: true,
      outcome: OUTCOMES,
      'status?': 201,
    },
  },
  submission_too_large: { max_bytes: 7_500_000 },
  challenge_not_found: { challenges: ['demo'] },
  path_not_allowed: {},
  challenge_unavailable: {},
  challenge_token_unavailable: {},
  nonce_store_unavailable: RETRY,
  over_capacity: RETRY,
  rate_limited: { ...RETRY, limit: LIMITS, limit_requests: 60, limit_seconds: 60 },
  wrong_receiver: { receiver: HOTKEY },
  request_timeout: { idle_seconds: 30 },
  length_required: { max_bytes: 7_500_000 },
  unauthorized: SETTING,
  not_found: SETTING,
  method_not_allowed: { allow: ['GET', 'HEAD'] },
  bad_request: { 'reason?': 'the body is not JSON' },
  internal_error: {},
}
