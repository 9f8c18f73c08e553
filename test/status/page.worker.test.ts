/** Report, page and metrics: true when something is gone, and nothing in them that could run or that names anybody. */

import { describe, expect, test } from 'vitest'
import { toMetrics } from '../../src/status/metrics.ts'
import type { Board } from '../../src/status/object.ts'
import { toPage } from '../../src/status/page.ts'
import { type Facts, toReport } from '../../src/status/report.ts'
import { configOf } from '../support/gateway.worker.ts'

const NOW = 1_700_000_000
const FACTS: Facts = {
  server_time: NOW,
  version: 'v1',
  netuid: 100,
  metagraph: { block: 1000, age_seconds: 30, hotkeys: 2 },
  contradicting_endpoints: [],
}
const DOWN = { demo: { at: NOW - 10, reachable: false } }
const UP = { demo: { at: NOW - 10, reachable: true } }
const { challenges } = configOf({
  CHALLENGES: {
    demo: { name: '<img src=x onerror=alert(1)>"\'&', origin: 'https://canary.example.com' },
    asleep: { origin: 'https://canary.example.com', status: 'draft' },
  },
})
const tally = {
  outcomes: { accepted: 3, stale_signature: 2, challenge_5xx: 1 },
  times: { 0: 9, 2: 10, 5: 1 },
}
const BOARD: Board = {
  totals: { demo: { accepted: 30 }, '': { challenge_not_found: 1 } },
  sightings: { demo: { success: NOW - 60, failure: NOW - 7200 } },
  probes: UP,
  ledger: { ms: 3.4, at: NOW - 60 },
  hour: { demo: tally },
  day: { demo: tally },
}

test('a challenge', () => {
  const report = toReport(FACTS, challenges, BOARD)
  const counts = { accepted: 3, refused: { stale_signature: 2, challenge_5xx: 1 } }
  expect(report).toMatchObject({ state: 'ok', statistics: true, nonce_store: { round_trip_ms: 3 } })
  expect(report.challenges).toEqual([
    {
      slug: 'demo',
      name: challenges[0]?.name,
      reachable: true,
      checked_at: NOW - 10,
      last_success_at: NOW - 60,
      last_failure_at: NOW - 7200,
      p50_ms: 23,
      p95_ms: 23,
      uploads: { hour: counts, day: counts },
    },
  ])
})

describe('the state', () => {
  const STATES: [name: string, facts: Partial<Facts>, board: Partial<Board> | undefined, state: string][] = [
    ['all well', {}, {}, 'ok'],
    ['no metagraph', { metagraph: null }, {}, 'down'],
    ['the only challenge is down', {}, { probes: DOWN }, 'down'],
    ['nobody asked yet', {}, { probes: {} }, 'degraded'],
    ['nobody asked lately', { server_time: NOW + 900 }, {}, 'degraded'],
    ['no statistics', {}, undefined, 'degraded'],
  ]
  test.each(STATES)('%s', (_, facts, board, state) => {
    expect(toReport({ ...FACTS, ...facts }, challenges, board && { ...BOARD, ...board }).state).toBe(state)
  })

  test('one of two challenges', () => {
    const [demo] = challenges
    if (demo === undefined) throw new Error('no challenge')
    const other = { ...demo, slug: 'other' }
    const probes = { ...UP, other: { at: NOW, reachable: false } }
    expect(toReport(FACTS, [demo, other], { ...BOARD, probes }).state).toBe('degraded')
    expect(toReport(FACTS, [], BOARD).state).toBe('down')
  })
})

describe('the page', () => {
  const pageOf = (board: Board | undefined, facts = FACTS) =>
    toPage(toReport(facts, challenges, board), ['a <limit>'], 'nonce-of-this')

  test('escapes what is not ours', () => {
    const page = pageOf(BOARD)
    expect(page).toContain('&#60;img src=x onerror=alert(1)&#62;&#34;&#39;&#38;')
    expect(page).not.toMatch(/<img|a <limit>|canary/)
    expect(page).toContain('3 accepted<br>2 <code>stale<wbr>_signature<wbr></code>')
    expect([...page.matchAll(/<(style|script)(.*?)>/g)].map((match) => match[2])).toEqual(
      Array(2).fill(' nonce="nonce-of-this"'),
    )
  })

  test('says what is missing', () => {
    expect(pageOf(undefined, { ...FACTS, metagraph: null })).toMatch(
      /Uploads do not pass.*counts cannot be read.*none that can be used.*not checked lately/s,
    )
  })

  test('names chain endpoints that contradict each other', () => {
    expect(pageOf(BOARD)).not.toContain('contradict')
    const facts = { ...FACTS, metagraph: null, contradicting_endpoints: ['a.example', 'b.example'] }
    expect(pageOf(BOARD, facts)).toContain('a.example and b.example contradict each other')
  })
})

test('metrics', () => {
  const text = toMetrics(toReport(FACTS, challenges, BOARD), BOARD.totals)
  expect(text).toContain(
    '# TYPE gateway_uploads_total counter\ngateway_uploads_total{challenge="demo",outcome="accepted"} 30\n',
  )
  expect(text).toContain('gateway_challenge_reachable{challenge="demo"} 1\n')
  expect(text).toContain('gateway_metagraph_age_seconds 30\n')
  const LINE = /^(# TYPE gateway_\w+ (counter|gauge)|gateway_\w+(\{(\w+="[a-z0-9_-]*",?)+\})? -?\d+(\.\d+)?)$/
  expect(
    text
      .trimEnd()
      .split('\n')
      .filter((line) => !LINE.test(line)),
  ).toEqual([])
})
