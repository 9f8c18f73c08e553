import { describe, expect, test } from 'vitest'
import { PROBLEMS, problemResponse, type Rejection, rejected } from '../../src/protocol/problem.ts'

const ORIGINAL = {
  request_id: 'first',
  reserved_at: 1,
  body_matches: true,
  outcome: 'delivered',
  status: 201,
} as const
const SNAPSHOT = { metagraph_block: 5, metagraph_age_seconds: 12 }
const STALE = { server_time: 1000, request_time: 400, skew_seconds: -600, max_skew_seconds: 300 }

/** Design section 3, retyped: status and detail of every code. */
const TABLE: [refusal: { rejection: Rejection }, status: number, detail: string][] = [
  [rejected('missing_header', { header: 'x-nonce' }), 401, 'missing x-nonce'],
  [rejected('malformed_header', { header: 'x-nonce', reason: 'r' }), 400, 'malformed x-nonce'],
  [rejected('invalid_timestamp', {}), 401, 'invalid timestamp'],
  [rejected('stale_signature', STALE), 401, 'stale signature'],
  [rejected('invalid_signature', { likely_cause: 'c' }), 401, 'invalid signature'],
  [rejected('unknown_hotkey', SNAPSHOT), 401, 'unknown hotkey'],
  [rejected('blocked_uid', { uid: 0, ...SNAPSHOT }), 401, 'blocked uid'],
  [rejected('metagraph_unavailable', { retry_after_seconds: 30 }), 401, 'metagraph unavailable'],
  [rejected('nonce_already_used', { original: ORIGINAL }), 409, 'nonce already used'],
  [rejected('submission_too_large', { max_bytes: 7 }), 413, 'Submission too large'],
  [rejected('challenge_not_found', {}), 404, 'Challenge not found'],
  [rejected('path_not_allowed', {}), 403, 'Proxy path is not allowed'],
  [rejected('challenge_unavailable', {}), 502, 'Challenge unavailable'],
  [rejected('challenge_token_unavailable', {}), 502, 'Challenge token is unavailable'],
  [rejected('nonce_store_unavailable', { retry_after_seconds: 1 }), 503, 'nonce store unavailable'],
  [rejected('over_capacity', { retry_after_seconds: 1 }), 503, 'over capacity'],
  [rejected('rate_limited', { retry_after_seconds: 60 }), 429, 'rate limited'],
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
  expect(await hint(1_700_000_000_000)).toContain('X-Timestamp is in milliseconds')
  expect(await hint(null)).toContain('not a time in Unix seconds')
})
