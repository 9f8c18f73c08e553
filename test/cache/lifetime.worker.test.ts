/** Who may share an answer, which answers may be kept, and for how long: tables only. */

import { describe, expect, test } from 'vitest'
import {
  cacheRule,
  isSharedRead,
  isUnchanged,
  type Lifetime,
  lifetimeOf,
  type Phase,
  phaseOf,
  usefulSeconds,
} from '../../src/cache/lifetime.ts'

describe('a request takes part', () => {
  const SHARED: [headers: Record<string, string>, answersOrigin: boolean][] = [
    [{}, false],
    [
      { accept: 'application/json', 'accept-encoding': 'gzip', 'accept-language': 'de', 'user-agent': 'x' },
      false,
    ],
    [{ referer: 'https://a.example', 'sec-fetch-mode': 'cors', 'cf-connecting-ip': '1.2.3.4' }, false],
    [{ 'if-none-match': '"1"', 'cache-control': 'no-cache', pragma: 'no-cache' }, false],
    [{ origin: 'https://a.example' }, true],
  ]
  test.each(SHARED)('%j', (headers, answersOrigin) => {
    expect(isSharedRead('GET', new Headers(headers), answersOrigin)).toBe(true)
  })

  const ALONE = [
    { authorization: 'Bearer x' },
    { authorization: '' },
    { cookie: 'a=1' },
    { 'x-hotkey': '5Grw' },
    { 'X-Signature': '0x' },
    { 'x-nonce': 'n' },
    { 'x-timestamp': '1' },
    { x_signature: '0x' },
    { 'x-admin-token': 'x' },
    { 'x-api-key': 'x' },
    { 'cf-access-jwt-assertion': 'x' },
    { 'proxy-authorization': 'x' },
    { range: 'bytes=0-1' },
    { 'last-event-id': '1' },
    { 'x-forwarded-host': 'evil.example' },
    { 'x-original-url': '/admin' },
    { origin: 'https://a.example' },
  ]
  test.each(ALONE)('not with %j', (headers) => {
    expect(isSharedRead('GET', new Headers(headers as Record<string, string>), false)).toBe(false)
  })

  test.each(['HEAD', 'POST', 'OPTIONS', 'get'])('not as %s', (method) => {
    expect(isSharedRead(method, new Headers(), false)).toBe(false)
  })
})

const RULE = { path: ['leaderboard'], seconds: 10, staleSeconds: 600 }
const BY_RULE: Lifetime = { freshSeconds: 10, staleSeconds: 600, errorSeconds: 600 }
const DAY = 86_400

describe('an answer is kept', () => {
  const KEPT: [headers: Record<string, string>, rule: typeof RULE | undefined, lifetime: Lifetime][] = [
    [{}, RULE, BY_RULE],
    [{ 'cache-control': 'max-age=5' }, RULE, BY_RULE],
    [{ 'cache-control': 'max-age=0' }, RULE, BY_RULE],
    [{ vary: 'Accept-Encoding, Origin', 'content-encoding': 'gzip' }, RULE, BY_RULE],
    [{ 'cache-control': 'max-age=60' }, undefined, lifetime(60, 0, DAY)],
    [{ 'cache-control': 'max-age=60, no-transform' }, undefined, lifetime(60, 0, DAY)],
    [{ 'cache-control': 'Public, Max-Age="60"' }, undefined, lifetime(60, 0, DAY)],
    [{ 'cache-control': 'max-age=5, s-maxage=60' }, undefined, lifetime(60, 0, 0)],
    [{ 'cache-control': 'max-age=60, must-revalidate' }, undefined, lifetime(60, 0, 0)],
    [
      { 'cache-control': 'max-age=60, stale-while-revalidate=30, stale-if-error=90' },
      undefined,
      lifetime(60, 30, 90),
    ],
    [{ 'cache-control': 'max-age=60', age: '59' }, undefined, lifetime(60, 0, DAY)],
    [
      { 'cache-control': 'max-age=9999999999, stale-while-revalidate=9999999999' },
      undefined,
      lifetime(DAY, 7 * DAY, DAY),
    ],
  ]
  test.each(KEPT)('%j, rule %j', (headers, rule, expected) => {
    expect(lifetimeOf(200, new Headers(headers), rule)).toEqual(expected)
  })

  const FORBIDDEN: Record<string, string>[] = [
    { 'cache-control': 'no-store, max-age=60' },
    { 'cache-control': 'private, max-age=60' },
    { 'cache-control': 'private="x", max-age=60' },
    { 'cache-control': 'NO-CACHE, max-age=60' },
    { 'cache-control': 'max-age=60', 'set-cookie': 'a=1' },
    { 'cache-control': 'max-age=60', vary: '*' },
    { 'cache-control': 'max-age=60', vary: 'accept-encoding, Cookie' },
    { 'cache-control': 'max-age=60', 'content-type': 'text/event-stream; charset=utf-8' },
    { 'cache-control': 'max-age=60', 'content-encoding': 'zstd' },
    { 'cache-control': 'max-age=60, no-transform', 'content-encoding': 'gzip' },
  ]
  test.each(FORBIDDEN)('never %j, rule or no rule', (headers) => {
    expect(lifetimeOf(200, new Headers(headers), RULE)).toBeUndefined()
    expect(lifetimeOf(200, new Headers(headers), undefined)).toBeUndefined()
  })

  const UNSPOKEN = [
    '',
    'public',
    'max-age=0',
    'max-age=-1',
    'max-age=soon',
    's-maxage=0, max-age=60',
    'immutable',
  ]
  test.each(UNSPOKEN)('not without a rule for Cache-Control %j', (control) => {
    expect(lifetimeOf(200, new Headers({ 'cache-control': control }), undefined)).toBeUndefined()
  })

  test('not one that was old when it came', () => {
    const headers = new Headers({ 'cache-control': 'max-age=60', age: '60' })
    expect(lifetimeOf(200, headers, undefined)).toBeUndefined()
  })

  test.each([201, 203, 204, 206, 301, 304, 404, 500, 503])('not with status %i', (status) => {
    expect(lifetimeOf(status, new Headers({ 'cache-control': 'max-age=60' }), RULE)).toBeUndefined()
  })
})

describe('phases', () => {
  const PHASES: [age: number, lifetime: Lifetime, phase: Phase][] = [
    [0, lifetime(10, 20, 30), 'fresh'],
    [9, lifetime(10, 20, 30), 'fresh'],
    [10, lifetime(10, 20, 30), 'stale'],
    [29, lifetime(10, 20, 30), 'stale'],
    [30, lifetime(10, 20, 30), 'last_resort'],
    [39, lifetime(10, 20, 30), 'last_resort'],
    [40, lifetime(10, 20, 30), 'dead'],
    [10, lifetime(10, 0, 0), 'dead'],
    [0, lifetime(0, 0, 5), 'last_resort'],
    [15, lifetime(10, 20, 0), 'stale'],
    [30, lifetime(10, 20, 0), 'dead'],
  ]
  test.each(PHASES)('%i s into %j', (age, of, phase) => {
    expect(phaseOf(age, of)).toBe(phase)
    expect(age < usefulSeconds(of)).toBe(phase !== 'dead')
  })
})

test('the first rule that matches counts', () => {
  const rules = [
    { path: ['scores', '{id}'], seconds: 1, staleSeconds: 0 },
    { path: ['scores', '**'], seconds: 2, staleSeconds: 0 },
  ]
  expect(
    ['/scores/1', '/scores/1/', '/scores/1/2', '/other'].map((path) => cacheRule(rules, path)?.seconds),
  ).toEqual([1, 1, 2, undefined])
})

const TAGS: [ifNoneMatch: string, etag: string | null, unchanged: boolean][] = [
  ['"1"', '"1"', true],
  ['W/"1"', '"1"', true],
  ['"0", "1"', 'W/"1"', true],
  ['*', '"1"', true],
  ['"2"', '"1"', false],
  ['1', '"1"', false],
  ['*', null, false],
]
test.each(TAGS)('If-None-Match %s against %s', (ifNoneMatch, etag, unchanged) => {
  expect(isUnchanged(ifNoneMatch, etag)).toBe(unchanged)
})

function lifetime(freshSeconds: number, staleSeconds: number, errorSeconds: number): Lifetime {
  return { freshSeconds, staleSeconds, errorSeconds }
}
