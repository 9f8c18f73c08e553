/**
 * How the sums of all isolates add up, what of them a page is made of, and how much of them is
 * kept.
 */

import { expect, test } from 'vitest'
import type { Batch, Sightings } from '../../src/status/statistics.ts'
import { addBatch, addProbes, NOTHING, type Sums, toBoard } from '../../src/status/sums.ts'

/** 23 minutes and 20 seconds into an hour of the clock. */
const NOW = 1_700_000_600
const HOUR = NOW - (NOW % 3600)

function batch(outcomes: Record<string, number>, slug = 'demo', sightings: Sightings = {}): Batch {
  return {
    tallies: { [slug]: { outcomes, times: { 3: 1 } } },
    sightings: { [slug]: sightings },
    ledger: { ms: 5, answeredAt: NOW },
  }
}

const after = (...steps: ((sums: Sums) => Sums)[]) => steps.reduce((sums, step) => step(sums), NOTHING)
const add = (now: number, each: Batch) => (sums: Sums) => addBatch(sums, now, each)

test('sums isolates, keeps challenges apart', () => {
  const sums = after(
    add(NOW, batch({ accepted: 2 })),
    add(NOW + 1, batch({ accepted: 1, rate_limited: 4 })),
    add(NOW, batch({ challenge_not_found: 1 }, '')),
  )
  const { hour, hours, totals, ledger } = toBoard(sums, NOW + 2)
  expect(totals).toEqual({ demo: { accepted: 3, rate_limited: 4 }, '': { challenge_not_found: 1 } })
  expect(hour).toEqual(totals)
  expect(hours.map(({ at }) => at)).toEqual(Array.from({ length: 24 }, (_, ago) => HOUR - (23 - ago) * 3600))
  expect(hours.at(-1)?.tallies).toEqual({
    demo: { outcomes: { accepted: 3, rate_limited: 4 }, times: { 3: 2 } },
    '': { outcomes: { challenge_not_found: 1 }, times: { 3: 1 } },
  })
  expect(ledger).toEqual({ ms: 5, answeredAt: NOW })
})

test('a challenge may be called as every object’s property is', () => {
  const sums = after(
    ...['demo', 'constructor', 'constructor'].map((slug) => add(NOW, batch({ accepted: 1 }, slug))),
    (before) => addProbes(before, { constructor: { at: NOW, reachable: true } }),
  )
  const { totals, sightings, checked, hours } = toBoard(sums, NOW)
  expect(Object.entries(totals)).toEqual([
    ['demo', { accepted: 1 }],
    ['constructor', { accepted: 2 }],
  ])
  expect([Object.keys(sightings), Object.keys(checked), Object.keys(hours.at(-1)?.probes ?? {})]).toEqual([
    ['demo', 'constructor'],
    ['constructor'],
    ['constructor'],
  ])
})

const AGES: [seconds: number, inHour: boolean, hoursAgo: number | undefined][] = [
  [0, true, 0],
  [3300, true, 1],
  [3700, false, 1],
  [24 * 3600 - (NOW - HOUR) - 1, false, 23],
  [24 * 3600 - (NOW - HOUR), false, undefined],
]
test.each(AGES)('after %i s', (seconds, inHour, hoursAgo) => {
  const board = toBoard(after(add(NOW, batch({ accepted: 1 }))), NOW + seconds)
  expect(board.hour['demo'] !== undefined).toBe(inHour)
  const found = board.hours.toReversed().findIndex(({ tallies }) => tallies['demo'] !== undefined)
  expect(found).toBe(hoursAgo ?? -1)
  expect(board.totals).toEqual({ demo: { accepted: 1 } })
})

test('no more than a day of hours and an hour of five minutes is kept', () => {
  const days = Array.from({ length: 1000 }, (_, index) => add(NOW + index * 299, batch({ accepted: 1 })))
  const { hours, parts, totals } = after(...days)
  expect([hours.size, parts.size]).toEqual([24, 13])
  expect(totals).toEqual({ demo: { accepted: 1000 } })
})

test('probes are counted by the hour they were answered in', () => {
  const probe = (at: number, reachable: boolean) => (sums: Sums) =>
    addProbes(sums, { demo: { at, reachable } })
  const sums = after(
    probe(HOUR - 0.5, false),
    probe(HOUR, true),
    probe(HOUR + 300, true),
    probe(HOUR + 600, false),
  )
  const { hours, checked } = toBoard(sums, NOW)
  expect(hours.slice(-2).map(({ probes }) => probes)).toEqual([
    { demo: { answered: 0, unanswered: 1 } },
    { demo: { answered: 2, unanswered: 1 } },
  ])
  expect(checked).toEqual({ demo: HOUR + 600 })
})

const LATER: [name: string, older: Sightings, newer: Sightings, both: Sightings][] = [
  ['an earlier success changes nothing', { success: 20 }, { success: 10 }, { success: 20 }],
  ['a later success', { success: 10 }, { success: 20 }, { success: 20 }],
  [
    'a failure beside it',
    { success: 10 },
    { failure: 5, kind: 'error' },
    { success: 10, failure: 5, kind: 'error' },
  ],
  [
    'the kind is the later failure’s',
    { failure: 9, kind: 'token' },
    { failure: 5, kind: 'error' },
    { failure: 9, kind: 'token' },
  ],
  [
    'and changes with it',
    { failure: 5, kind: 'token' },
    { failure: 9, kind: 'error' },
    { failure: 9, kind: 'error' },
  ],
]
test.each(LATER)('%s', (_, older, newer, both) => {
  const sums = after(add(NOW, batch({}, 'demo', older)), add(NOW, batch({}, 'demo', newer)))
  expect(sums.sightings).toEqual({ demo: both })
})

test('a challenge that is gone from the cron is no longer checked', () => {
  const sums = after(
    (before) =>
      addProbes(before, { demo: { at: NOW, reachable: false }, gone: { at: NOW, reachable: true } }),
    (before) => addProbes(before, { demo: { at: NOW + 300, reachable: true } }),
  )
  expect(sums.checked).toEqual({ demo: NOW + 300 })
  expect(sums.sightings['demo']).toEqual({ success: NOW + 300, failure: NOW, kind: 'no_answer' })
})
