import { describe, expect, test } from 'vitest'
import { PROBLEMS, problemResponse, type Rejection, rejected } from '../../src/protocol/problem.ts'

const ORIGINAL = {
  request_id: 'first',
  reserved_at: 1,
  body_matches: true,
  outcome: 'delivered',
  status: 201,
} as const
const SNAPSHOT = { hotkey: '5F', netuid: 100, metagraph_block: 5, metagraph_age_seconds: 12 }
const LIMIT = { limit: 'uploads', limit_requests: 60, limit_seconds: 3600, retry_after_seconds: 17 } as const
const STALE = { server_time: 1000, request_time: 400, skew_seconds: -600, max_skew_seconds: 300 }

/** Status and detail of every code, typed a second time. */
const TABLE: [refusal: { rejection: Rejection }, status: number, detail: string][] = [
  [rejected('missing_header', { header: 'x-nonce' }), 401, 'missing x-nonce'],
  [rejected('malformed_header', { header: 'x-nonce', reason: 'r' }), 400, 'malformed x-nonce'],
  [rejected('invalid_timestamp', {}), 401, 'invalid timestamp'],
  [rejected('stale_signature', STALE), 401, 'stale signature'],
  [rejected('invalid_signature', { likely_cause: 'c' }), 401, 'invalid signature'],
  [rejected('unknown_hotkey', { ...SNAPSHOT, looked_up: true }), 401, 'unknown hotkey'],
  [rejected('blocked_uid', { uid: 0, ...SNAPSHOT }), 401, 'blocked uid'],
  [rejected('metagraph_unavailable', { retry_after_seconds: 30 }), 401, 'metagraph unavailable'],
  [rejected('nonce_already_used', { original: ORIGINAL }), 409, 'nonce already used'],
  [rejected('submission_too_large', { max_bytes: 7 }), 413, 'Submission too large'],
  [rejected('challenge_not_found', { challenges: ['demo'] }), 404, 'Challenge not found'],
  [rejected('path_not_allowed', {}), 403, 'Proxy path is not allowed'],
  [rejected('challenge_unavailable', {}), 502, 'Challenge unavailable'],
  [rejected('challenge_token_unavailable', {}), 502, 'Challenge token is unavailable'],
  [rejected('nonce_store_unavailable', { retry_after_seconds: 1 }), 503, 'nonce store unavailable'],
  [rejected('over_capacity', { retry_after_seconds: 1 }), 503, 'over capacity'],
  [rejected('rate_limited', LIMIT), 429, 'rate limited'],
  [rejected('wrong_receiver', { receiver: '5G' }), 401, 'wrong receiver'],
  [rejected('request_timeout', { idle_seconds: 20 }), 408, 'Request Timeout'],
  [rejected('length_required', { max_bytes: 8 }), 411, 'Length Required'],
  [rejected('unauthorized', {}), 401, 'Unauthorized'],
  [rejected('not_found', {}), 404, 'Not Found'],
  [rejected('method_not_allowed', { allow: ['POST'] }), 405, 'Method Not Allowed'],
  [rejected('bad_request', {}), 400, 'Bad Request'],
  [rejected('internal_error', {}, 'cause'), 500, 'Internal Server Error'],
]

describe('every row of the table', () => {
  test('is here', () => {
    expect(TABLE.map(([refusal]) => refusal.rejection.code).sort()).toEqual(Object.keys(PROBLEMS).sort())
  })

  test.each(TABLE)('%j', async ({ rejection }, status, detail) => {
    const response = problemResponse(rejection, 'request-1')
    expect(response.status).toBe(status)
    expect(response.headers.get('content-type')).toBe('application/problem+json')
    expect(response.headers.get('cache-control')).toBe('no-store')
    expect(response.headers.has('www-authenticate')).toBe(status === 401)
    const body: Record<string, unknown> = await response.json()
    expect(body).toMatchObject({
      status,
      detail,
      code: rejection.code,
      instance: 'request-1',
      ...rejection.facts,
    })
    expect(body['type']).toBe(`urn:platform-edge:problem:${rejection.code}`)
    expect(String(body['title'])).not.toBe('')
    expect(String(body['hint']).length).toBeGreaterThan(10)
    expect(JSON.stringify(body)).not.toContain('cause":"cause')
  })
})

test('facts that HTTP has a header for are sent as one too', () => {
  const busy = problemResponse(rejected('over_capacity', { retry_after_seconds: 7 }).rejection, 'r')
  expect(busy.headers.get('retry-after')).toBe('7')
  const wrong = problemResponse(rejected('method_not_allowed', { allow: ['GET', 'HEAD'] }).rejection, 'r')
  expect(wrong.headers.get('allow')).toBe('GET, HEAD')
})

test.each(['address', 'hotkey', 'uploads', 'dry_run'] as const)(
  'the limit %s is named, with fields of its own',
  async (limit) => {
    const response = problemResponse(rejected('rate_limited', { ...LIMIT, limit }).rejection, 'r')
    expect(response.headers.get('ratelimit-policy')).toBe(`"${limit}";q=60;w=3600`)
    expect(response.headers.get('ratelimit')).toBe(`"${limit}";r=0;t=17`)
    expect(response.headers.get('retry-after')).toBe('17')
    const body: { hint: string } = await response.json()
    expect(body).toMatchObject({ limit, limit_requests: 60, limit_seconds: 3600, retry_after_seconds: 17 })
    expect(body.hint).toMatch(
      /^The limit is 60 (uploads|dry runs) (from|of) one .* in 3600 seconds\. Retry in 17 seconds/,
    )
  },
)

test('a hotkey that the chain was not asked for is told to come back', () => {
  const hint = (facts: { looked_up: boolean; retry_after_seconds?: number }) =>
    PROBLEMS.unknown_hotkey.hint({ ...SNAPSHOT, ...facts })
  expect(hint({ looked_up: true })).toContain('Register it')
  expect(hint({ looked_up: false, retry_after_seconds: 30 })).toContain('retry in 30 seconds')
})

test('a route may answer a code with another status', async () => {
  const response = problemResponse(rejected('challenge_unavailable', {}).rejection, 'r', 503)
  expect(response.status).toBe(503)
  expect(await response.json()).toMatchObject({ status: 503 })
})

test('the clock hint says which way and how far', async () => {
  const hint = async (skew: number | null) => {
    const facts = { ...STALE, request_time: skew === null ? null : 1000 + skew, skew_seconds: skew }
    const body: { hint: string } = await problemResponse(
      rejected('stale_signature', facts).rejection,
      'r',
    ).json()
    return body.hint
  }
  expect(await hint(-600)).toContain("600 seconds behind the gateway's clock")
  expect(await hint(301)).toContain("301 seconds ahead of the gateway's clock")
  expect(await hint(99_999_999_000 - 1)).toContain("seconds ahead of the gateway's clock")
  expect(await hint(1_700_000_000_000)).toContain('X-Timestamp is in milliseconds')
  expect(await hint(1_700_000_000_000_000)).toContain('X-Timestamp is in microseconds')
  expect(await hint(null)).toContain('Divide nanoseconds by 1,000,000,000')
})
