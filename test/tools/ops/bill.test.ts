/** The bill: what is free, where it stops being free, and that every price is in it once. */

import { describe, expect, test } from 'vitest'
import { type Bill, bill, cpuPerUpload, monthlyUse, type Usage } from '../../../tools/ops/bill.ts'
import { PRICES } from '../../../tools/ops/prices.ts'
import { runCommand } from '../../support/command.ts'

const usage = (uploadsPerDay: number, bytes = 1000, ledgers = 256): Usage => ({
  uploadsPerDay,
  bytes,
  ledgers,
})
const dollarsOf = ({ lines }: Bill, item: string) =>
  lines.find((line) => line.item === item)?.dollars ?? Number.NaN

test('a line per price, in its order, and they add up', () => {
  const { lines, dollars } = bill(usage(1_000_000))
  expect(lines.map(({ item }) => item)).toEqual(Object.values(PRICES).map(({ item }) => item))
  expect(dollars).toBeCloseTo(
    lines.reduce((sum, line) => sum + line.dollars, 5),
    9,
  )
})

test('nothing uploaded costs the subscription', () => {
  expect(bill(usage(0, 0, 0))).toMatchObject({ dollars: 5, freePlan: [] })
})

test('an upload is one request, three rows written, two calls, an alarm of its ledger and a batch of counts', () => {
  const none = monthlyUse(usage(0, 0))
  const one = monthlyUse(usage(1, 0))
  expect(one.requests - none.requests).toBe(30)
  expect(one.rowsWritten - none.rowsWritten).toBe(30 * 6)
  expect(one.objectRequests - none.objectRequests).toBe(30 * 4)
  expect(one.kvWrites - none.kvWrites).toBe(0)
})

test('alarms stop growing when every ledger wakes hourly', () => {
  const quiet = monthlyUse(usage(48 * 256))
  const busy = monthlyUse(usage(48 * 256 + 1000))
  expect(busy.objectRequests - quiet.objectRequests).toBeCloseTo(30 * 2000, 6)
})

describe('included, and one more', () => {
  /** Uploads a day that use up exactly what is included. */
  const ROWS: [item: string, uploads: number][] = [
    ['Worker requests', (10_000_000 - 30 * 288) / 30],
    ['Durable Object requests', (1_000_000 / 30 - 288 * 2 - 24 - 8640) / 2],
    ['SQLite rows written', (50_000_000 / 30 - 288 * 2 - 24 - 2 * 8640) / 3],
    ['KV reads', (10_000_000 / 30 - 288) / 0.05],
  ]
  test.each(ROWS)('%s', (item, uploads) => {
    expect(dollarsOf(bill(usage(uploads, 0, 1)), item)).toBeCloseTo(0, 9)
    expect(dollarsOf(bill(usage(uploads + 1000, 0, 1)), item)).toBeGreaterThan(0)
  })
})

test('the worked figure of the platform notes: a million uploads a month beyond what is included', () => {
  const million = 1_000_000 / 30
  const more = bill(usage(100 * million)).dollars - bill(usage(99 * million)).dollars
  expect(more).toBeGreaterThan(2.7)
  expect(more).toBeLessThan(4.6)
})

describe('the free plan', () => {
  const FREE: [name: string, uploads: number, bytes: number, says: RegExp | undefined][] = [
    ['a small subnet', 1000, 1000, undefined],
    ['requests at the limit', 100_000 - 288, 1000, /Durable Object requests/],
    ['rows at the limit', Math.floor((100_000 - 576 - 24 * 256 - 2 * 8640) / 3), 1000, undefined],
    [
      'rows beyond it',
      Math.floor((100_000 - 576 - 24 * 256 - 2 * 8640) / 3) + 1,
      1000,
      /SQLite rows written/,
    ],
    ['CPU of a large upload', 10, 7_500_000, /CPU/],
  ]
  test.each(FREE)('%s', (_, uploads, bytes, says) => {
    const { freePlan } = bill(usage(uploads, bytes))
    if (says === undefined) expect(freePlan).toEqual([])
    else expect(freePlan.join('\n')).toMatch(says)
  })

  test('exactly its requests are free, one more is not', () => {
    const requests = (uploads: number) =>
      bill(usage(uploads)).freePlan.some((each) => each.startsWith('Worker requests'))
    expect([requests(100_000 - 288), requests(100_000 - 287)]).toEqual([false, true])
  })
})

test('CPU grows with the body', () => {
  expect(cpuPerUpload(0)).toBeLessThan(cpuPerUpload(1_000_000))
})

describe('the command', { timeout: 30_000 }, () => {
  test('prints every line, the total and the date of the prices', async () => {
    const { code, stdout } = await runCommand('tools/ops/cost.ts', [
      '--uploads-per-day',
      '1000',
      '--bytes',
      '100000',
    ])
    expect(code).toBe(0)
    for (const { item } of Object.values(PRICES)) expect(stdout).toContain(item)
    expect(stdout).toMatch(/^total +5\.00$/m)
    expect(stdout).toMatch(/prices of \d{4}-\d{2}-\d{2}/)
  })

  const MISUSE: [name: string, args: string[]][] = [
    ['nothing given', []],
    ['no size', ['--uploads-per-day', '1']],
    ['not a number', ['--uploads-per-day', 'many', '--bytes', '1']],
    ['negative', ['--uploads-per-day=-1', '--bytes', '1']],
    ['larger than an upload may be', ['--uploads-per-day', '1', '--bytes', '32000001']],
    ['an unknown option', ['--nope']],
  ]
  test.each(MISUSE)('%s: exit code 2', async (_, args) => {
    expect((await runCommand('tools/ops/cost.ts', args)).code).toBe(2)
  })
})
