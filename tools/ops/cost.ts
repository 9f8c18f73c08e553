/**
 * `npm run cost -- --uploads-per-day N --bytes B`: what the gateway costs a month, by line.
 */

import { parseArgs } from 'node:util'
import { parseOrExplain, runCommand, UsageError } from '../dev/usage.ts'
import { type Bill, bill, CPU_MS_PER_MEGABYTE, CPU_MS_PER_UPLOAD, type Usage, whole } from './bill.ts'
import { PRICES_DATE, PRICES_SOURCE, SUBSCRIPTION_DOLLARS } from './prices.ts'

/** What the configuration accepts (`MAX_UPLOAD_BYTES`). */
const MOST_BYTES = 32_000_000
const DEFAULT_MAX_UPLOAD_BYTES = 7_500_000

const USAGE_TEXT = `usage: npm run cost -- --uploads-per-day N --bytes B [--ledgers L]

  --uploads-per-day N   uploads that reach a challenge
  --bytes B             size of one
  --ledgers L           hotkeys that upload, times the challenges they upload to; default 256`

const OPTIONS = {
  'uploads-per-day': { type: 'string' },
  bytes: { type: 'string' },
  ledgers: { type: 'string', default: '256' },
  help: { type: 'boolean', short: 'h', default: false },
} as const

async function main(): Promise<number> {
  const { values } = parseOrExplain(USAGE_TEXT, () => parseArgs({ options: OPTIONS }))
  if (values.help) {
    console.log(USAGE_TEXT)
    return 0
  }
  const usage = {
    uploadsPerDay: parseCount('--uploads-per-day', values['uploads-per-day'], 100_000_000),
    bytes: parseCount('--bytes', values.bytes, MOST_BYTES),
    ledgers: parseCount('--ledgers', values.ledgers, 1_000_000),
  }
  console.log(describe(usage, bill(usage)))
  return 0
}

function describe(usage: Usage, { lines, dollars, freePlan }: Bill): string {
  const { uploadsPerDay, bytes, ledgers } = usage
  const rows = lines.map(({ item, unit, used, included, dollars: each }) =>
    row(item, amount(used), amount(included), unit, each),
  )
  return [
    `${whole(uploadsPerDay)} uploads a day of ${whole(bytes)} bytes, ${whole(ledgers)} ledgers; a month of 30 days, US$, Workers Paid`,
    '',
    `${'item'.padEnd(26)}${'used'.padStart(16)}${'included'.padStart(16)}  ${'unit'.padEnd(9)}${'US$'.padStart(10)}`,
    ...rows,
    row('Workers Paid subscription', '', '', '', SUBSCRIPTION_DOLLARS),
    row('total', '', '', '', dollars),
    '',
    `prices of ${PRICES_DATE} (${PRICES_SOURCE})`,
    `CPU taken as ${CPU_MS_PER_UPLOAD} ms an upload and ${CPU_MS_PER_MEGABYTE} ms a megabyte; an upload refused before its nonce costs a request and CPU only`,
    ...(freePlan.length === 0
      ? ['the free plan would do, by these numbers']
      : ['', 'the free plan would not do:', ...freePlan.map((reason) => `  ${reason}`)]),
    ...(bytes > DEFAULT_MAX_UPLOAD_BYTES
      ? ['', `such uploads need MAX_UPLOAD_BYTES = ${bytes}; the default refuses them`]
      : []),
  ].join('\n')
}

function row(item: string, used: string, included: string, unit: string, dollars: number): string {
  return `${item.padEnd(26)}${used.padStart(16)}${included.padStart(16)}  ${unit.padEnd(9)}${dollars.toFixed(2).padStart(10)}`
}

/** Gigabytes have fractions, requests have none. */
function amount(value: number): string {
  return value > 0 && value < 10 ? value.toFixed(3) : whole(value)
}

function parseCount(name: string, text: string | undefined, most: number): number {
  if (text === undefined) throw new UsageError(`give ${name}\n\n${USAGE_TEXT}`)
  const count = /^\d{1,12}$/.test(text) ? Number(text) : Number.NaN
  if (count <= most) return count
  throw new UsageError(`${name} is a whole number from 0 to ${most}`)
}

await runCommand(main)
