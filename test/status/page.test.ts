/**
 * The page: true when something is gone, in words, with nothing in it that could run or that names
 * a miner.
 */

import { describe, expect, test } from 'vitest'
import { contentPolicy, SCRIPT, STYLE } from '../../src/status/assets.ts'
import { drawDay, drawTimes } from '../../src/status/chart.ts'
import { type Place, toPage } from '../../src/status/page.ts'
import { type HourStatus, toReport } from '../../src/status/report.ts'
import { limitWords, reasons, refusalRows } from '../../src/status/words.ts'
import { BOARD, challengesOf, FACTS, NOW, reportOf, TERMS } from './support.ts'

const SUBMISSIONS = 'POST /v1/challenges/{challenge}/submissions'
const LIMITS = {
  max_upload_bytes: 7_500_000,
  signature_ttl_seconds: 300,
  nonce_ttl_seconds: 86_400,
  rate_limits: [
    { route: `${SUBMISSIONS}/verify`, per: 'address', requests: 60, seconds: 60 },
    { route: SUBMISSIONS, per: 'hotkey and challenge', requests: 1, seconds: 3600 },
  ],
}
const PLACE: Place = { origin: 'https://gateway.example.com', version: '0.1.0', clientHash: 'f00d' }
const pageOf = (report = reportOf(), place = PLACE) => toPage(report, LIMITS, place)
const dead = { ...BOARD, sightings: { demo: { failure: NOW - 1, kind: 'no_answer' as const } } }

describe('the page', () => {
  test('escapes what is not markup of the gateway', () => {
    const page = pageOf(reportOf(), { ...PLACE, origin: 'https://a.example/"><script>' })
    expect(page).toContain('&#60;img src=x onerror=alert(1)&#62;&#34;&#39;&#38;')
    expect(page).not.toMatch(/<img|canary|"><script>/)
    expect([...page.matchAll(/<(?:style|script)(.*?)>/g)].map((match) => match[1])).toEqual(['', ''])
    const tags = page.match(/<[a-z][^>]*>/g) ?? []
    expect(tags.filter((tag) => / (style|on\w+)=/.test(tag))).toEqual([])
  })

  test('allows its own style and script by their hashes, and no other', async () => {
    const page = pageOf()
    expect([page.includes(`<style>${STYLE}</style>`), page.includes(`<script>${SCRIPT}</script>`)]).toEqual([
      true,
      true,
    ])
    expect(await contentPolicy()).not.toMatch(/unsafe|https?:|\*/)
  })

  test('gives the commands of this very gateway', () => {
    const page = pageOf()
    for (const command of [
      'uv run https://gateway.example.com/upload.py FILE --challenge demo',
      'npx -p ./platform-edge-gateway-0.1.0.tgz platform-edge upload FILE --challenge demo --gateway https://gateway.example.com',
      'GATEWAY=https://gateway.example.com CHALLENGE=demo HOTKEY=5... sh docs/upload.sh FILE',
      'SHA-256 of that upload.py: <code>f00d</code>',
    ]) {
      expect(page).toContain(command)
    }
  })

  test('shows a miner neither ids nor route templates', () => {
    expect(pageOf()).not.toMatch(/\{challenge\}|[0-9a-f]{8}-[0-9a-f]{4}-|>v1</)
  })

  const VERDICTS: [report: ReturnType<typeof reportOf>, words: RegExp][] = [
    [reportOf(), /<title>Uploads pass .*<h1>Uploads pass<\/h1><ul><li>The challenge answers\./s],
    [reportOf(dead), /<title>Uploads do not pass .*<h1>Uploads do not pass.*<b>does not answer<\/b>/s],
    [
      reportOf(null, { metagraph: null }),
      /Uploads do not pass.*no metagraph that can be used.*counts cannot be read.*none that can be used/s,
    ],
    [
      reportOf(BOARD, { contradicting_endpoints: ['a.example', 'b.example'] }),
      /a\.example and b\.example contradict each other/,
    ],
    [reportOf(BOARD, {}, { hasToken: () => false }), /Uploads do not pass.*has no token here/s],
    [toReport(FACTS, [], BOARD, TERMS), /Uploads do not pass.*No challenge takes uploads here/s],
  ]
  test.each(VERDICTS)('%#', (report, words) => {
    expect(pageOf(report)).toMatch(words)
  })
})

test('many challenges with one trouble are not all named', () => {
  const table = Object.fromEntries(
    ['aa', 'bb', 'cc', 'dd'].map((slug) => [slug, { origin: `https://${slug}.example.com` }]),
  )
  const without = { ...TERMS, hasToken: () => false }
  expect(reasons(toReport(FACTS, challengesOf(table), BOARD, without))).toEqual([
    'aa, bb and 2 others: each has no token here: its operator has not set it up yet.',
  ])
})

test('refusals of all challenges together, in words', () => {
  expect(refusalRows(reportOf())).toEqual([
    { code: 'stale_signature', words: 'Stale signature', hour: 2, day: 2 },
    { code: 'challenge_5xx', words: 'Error of the challenge itself', hour: 1, day: 1 },
  ])
})

test('limits in words', () => {
  expect(limitWords(LIMITS)).toEqual([
    'At most 7.5 MB an upload',
    "Timestamp at most 5 minutes off the gateway's clock",
    'A nonce is remembered for 24 hours',
    '60 dry runs a minute per address',
    '1 upload an hour per hotkey and challenge',
  ])
  expect(limitWords({ ...LIMITS, max_upload_bytes: 1 })[0]).toBe('At most 1 byte an upload')
})

describe('the drawing of a day', () => {
  const QUIET: HourStatus = {
    at: NOW - (NOW % 3600),
    accepted: 0,
    refused: 0,
    answered: 0,
    unanswered: 0,
    p50_ms: null,
    p95_ms: null,
  }
  const day = (changes: Readonly<Record<number, Partial<HourStatus>>> = {}) =>
    Array.from({ length: 24 }, (_, index) => ({ ...QUIET, ...changes[index] }))
  const heights = (text: string, kind: string) =>
    [...text.matchAll(new RegExp(`class="${kind}".*?height="([\\d.]+)"`, 'g'))].map((match) =>
      Number(match[1]),
    )

  test('says in words what it shows', () => {
    expect(drawDay(day()).text).toContain('aria-label="Last 24 hours: no uploads; not probed."')
    const { text } = drawDay(day({ 3: { accepted: 1, refused: 2, answered: 11, unanswered: 1 } }))
    expect(text).toMatch(
      /aria-label="Last 24 hours: 1 upload accepted, 2 refused; answered 11 of 12 probes, missed some in the hour from \d\d:00 UTC\."/,
    )
    expect(text).toContain('1 accepted, 2 refused, answered 11 of 12 probes</title>')
  })

  const HOURS: [hour: Partial<HourStatus>, accepted: number[], refused: number[]][] = [
    [{}, [], []],
    [{ accepted: 10 }, [40], []],
    [{ refused: 10 }, [], [40]],
    [{ accepted: 10, refused: 10 }, [20], [20]],
    [{ accepted: 1_000_000, refused: 1 }, [40], [1]],
  ]
  test.each(HOURS)('%j', (hour, accepted, refused) => {
    const { text } = drawDay(day({ 23: hour }))
    expect([heights(text, 'a'), heights(text, 'r')]).toEqual([accepted, refused])
  })

  test('what did not answer is taller', () => {
    const { text } = drawDay(
      day({ 1: { answered: 12 }, 2: { unanswered: 12 }, 3: { answered: 6, unanswered: 6 } }),
    )
    expect([heights(text, 'y'), heights(text, 'n'), heights(text, 'p')]).toEqual([[2], [8], [6]])
  })

  test('a line needs two hours', () => {
    const timed = { p50_ms: 10, p95_ms: 100 }
    expect(drawTimes(day({ 1: timed }))).toBeUndefined()
    const { text = '' } = drawTimes(day({ 1: timed, 5: { p50_ms: 100, p95_ms: 200 } })) ?? {}
    expect(text).toContain('within 200 ms')
    expect(text).toContain('points="14,10 54,1"')
  })
})
