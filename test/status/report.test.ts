/** The report: true when something is gone, and never "ok" while no upload can pass. */

import { describe, expect, test } from 'vitest'
import { type Facts, type Terms, toReport } from '../../src/status/report.ts'
import type { Sightings } from '../../src/status/statistics.ts'
import type { Board } from '../../src/status/sums.ts'
import { BOARD, CHALLENGES, challengesOf, FACTS, NOW, reportOf, TERMS } from './support.ts'

test('a challenge', () => {
  const report = reportOf()
  const counts = { accepted: 3, refused: { stale_signature: 2, challenge_5xx: 1 } }
  expect(report).toMatchObject({
    state: 'ok',
    statistics: true,
    nonce_store: { round_trip_ms: 3, measured_at: NOW - 60, failing: false },
  })
  const { hours, ...demo } = report.challenges[0] ?? { hours: [] }
  expect(report.challenges).toHaveLength(1)
  expect(demo).toEqual({
    slug: 'demo',
    name: CHALLENGES[0]?.name,
    state: 'answers',
    reachable: true,
    token_configured: true,
    checked_at: NOW - 61,
    last_success_at: NOW - 61,
    last_failure_at: NOW - 7200,
    p50_ms: 23,
    p95_ms: 23,
    uploads: { hour: counts, day: counts },
  })
  expect(hours).toHaveLength(24)
  expect(hours.slice(-2)).toEqual([
    {
      at: NOW - (NOW % 3600) - 3600,
      accepted: 0,
      refused: 0,
      answered: 0,
      unanswered: 0,
      p50_ms: null,
      p95_ms: null,
    },
    {
      at: NOW - (NOW % 3600),
      accepted: 3,
      refused: 3,
      answered: 2,
      unanswered: 1,
      p50_ms: 23,
      p95_ms: 23,
    },
  ])
})

describe('what a challenge is said to do', () => {
  const SEEN: [name: string, seen: Sightings, token: boolean, state: string, reachable: boolean | null][] = [
    ['answered last', { success: NOW - 1, failure: NOW - 2, kind: 'no_answer' }, true, 'answers', true],
    [
      'died between two crons',
      { success: NOW - 2, failure: NOW - 1, kind: 'no_answer' },
      true,
      'no_answer',
      false,
    ],
    [
      'died within the second of its last answer',
      { success: NOW - 1.5, failure: NOW - 1.4, kind: 'no_answer' },
      true,
      'no_answer',
      false,
    ],
    ['both at once', { success: NOW - 1, failure: NOW - 1, kind: 'no_answer' }, true, 'no_answer', false],
    ['its own 5xx', { success: NOW - 2, failure: NOW - 1, kind: 'error' }, true, 'error', false],
    ['its 401', { success: NOW - 2, failure: NOW - 1, kind: 'token' }, true, 'token_refused', true],
    ['a success of nearly a quarter of an hour ago', { success: NOW - 899 }, true, 'answers', true],
    ['nothing since a quarter of an hour', { success: NOW - 900 }, true, 'unknown', null],
    [
      'an old failure is no evidence either',
      { failure: NOW - 900, kind: 'no_answer' },
      true,
      'unknown',
      null,
    ],
    ['never seen', {}, true, 'unknown', null],
    ['answers, and has no token', { success: NOW - 1 }, false, 'no_token', true],
    ['never seen, and has no token', {}, false, 'no_token', null],
  ]
  test.each(SEEN)('%s', (_, seen, token, state, reachable) => {
    const board = { ...BOARD, sightings: { demo: seen } }
    const [challenge] = reportOf(board, {}, { hasToken: () => token }).challenges
    expect(challenge).toMatchObject({ state, reachable, token_configured: token })
  })
})

describe('the state', () => {
  const dead: Partial<Board> = { sightings: { demo: { failure: NOW - 1, kind: 'no_answer' } } }
  const failing: Partial<Board> = { sightings: { demo: { failure: NOW - 1, kind: 'error' } } }
  const refusing: Partial<Board> = { sightings: { demo: { failure: NOW - 1, kind: 'token' } } }
  const ROWS: [
    name: string,
    facts: Partial<Facts>,
    board: Partial<Board> | null,
    terms: Partial<Terms>,
    state: string,
  ][] = [
    ['all well', {}, {}, {}, 'ok'],
    ['no metagraph', { metagraph: null }, {}, {}, 'down'],
    [
      'no metagraph where none is needed',
      { metagraph: null },
      {},
      { requireRegisteredHotkey: false },
      'degraded',
    ],
    ['the only challenge does not answer', {}, dead, {}, 'down'],
    ['the only challenge has no token', {}, {}, { hasToken: () => false }, 'down'],
    ['its last upload got a 5xx', {}, failing, {}, 'degraded'],
    ['it refuses the token', {}, refusing, {}, 'degraded'],
    ['not probed yet', {}, { sightings: {} }, {}, 'degraded'],
    ['not probed lately', { server_time: NOW + 900 }, {}, {}, 'degraded'],
    ['no statistics', {}, null, {}, 'degraded'],
    ['no statistics and no token', {}, null, { hasToken: () => false }, 'down'],
    [
      'the nonce store fails',
      {},
      { ledger: { ms: 1, answeredAt: NOW - 9, failedAt: NOW - 8 } },
      {},
      'degraded',
    ],
    ['it failed before', {}, { ledger: { ms: 1, answeredAt: NOW - 7, failedAt: NOW - 8 } }, {}, 'ok'],
    ['it failed long ago', {}, { ledger: { failedAt: NOW - 900 } }, {}, 'ok'],
  ]
  test.each(ROWS)('%s', (_, facts, board, terms, state) => {
    expect(reportOf(board && { ...BOARD, ...board }, facts, terms).state).toBe(state)
  })

  const stateOf = (seen: Board['sightings'], tokens: readonly string[]) => {
    const two = challengesOf({
      one: { origin: 'https://one.example.com' },
      two: { origin: 'https://two.example.com' },
    })
    const terms = { ...TERMS, hasToken: (slug: string) => tokens.includes(slug) }
    return toReport(FACTS, two, { ...BOARD, sightings: seen }, terms).state
  }
  const up: Sightings = { success: NOW - 1 }
  const down: Sightings = { failure: NOW - 1, kind: 'no_answer' }

  test('two challenges', () => {
    expect(stateOf({ one: up, two: up }, ['one', 'two'])).toBe('ok')
    expect(stateOf({ one: up, two: down }, ['one', 'two'])).toBe('degraded')
    expect(stateOf({ one: up, two: up }, ['one'])).toBe('degraded')
    expect(stateOf({ one: up, two: down }, ['two'])).toBe('down')
  })

  test('no challenge at all', () => {
    expect(toReport(FACTS, [], BOARD, TERMS).state).toBe('down')
  })
})
