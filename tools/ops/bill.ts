/**
 * The monthly bill of this design, line by line: what one upload uses, times how many there are, less what the plan includes.
 *
 * Pure. What an upload uses is measured (each figure names its measurement); what a place charges is in prices.ts. The included
 * amounts are per account: another Worker of the same account uses them too.
 */

import {
  FREE_CPU_MS_PER_REQUEST,
  PRICES,
  type Price,
  type PricedItem,
  SUBSCRIPTION_DOLLARS,
} from './prices.ts'

export interface Usage {
  readonly uploadsPerDay: number
  /** Of one upload. */
  readonly bytes: number
  /** Hotkeys that upload, times challenges they upload to: each pair has a ledger of its own. */
  readonly ledgers: number
}

interface Line {
  readonly item: string
  readonly unit: string
  readonly used: number
  readonly included: number
  readonly dollars: number
}

export interface Bill {
  readonly lines: readonly Line[]
  /** With the subscription. */
  readonly dollars: number
  /** Where the free plan would not do. */
  readonly freePlan: readonly string[]
}

const DAYS = 30
const MILLION = 1_000_000

/**
 * CPU of one upload, from `npm run bench:uploads` of 2026-11-20 on two shared cores: 1.18 ms at 1 KB, 3.75 ms at 1 MB, 16.5 ms at 7.5 MB. It
 * counts the whole process with the kernel's copying, so Cloudflare will count less.
 */
export const CPU_MS_PER_UPLOAD = 1.2
export const CPU_MS_PER_MEGABYTE = 2.1
/** `npm run bench:ledger`, "billed rows": reservation, settle and purge write a row each. */
const ROWS_WRITTEN_PER_UPLOAD = 3
/** The same: reservation and settle read a row each, and the purge deletes what it has read. */
const ROWS_READ_PER_UPLOAD = 3
/** One call reserves, another settles. */
const OBJECT_REQUESTS_PER_UPLOAD = 2
/** platform-notes 10: an object of 128 MB is awake for about 5 ms a call. */
const GB_SECONDS_PER_OBJECT_REQUEST = 0.005 * 0.128
/** A ledger with something to purge wakes once an hour (`src/ledger/object.ts`); setting the alarm writes a row. */
const ALARMS_PER_LEDGER_DAY = 24
/** `npm run bench:ledger`: 10^6 rows are 186 MB; an empty ledger has 12 KB. */
const BYTES_PER_ROW = 186
const BYTES_PER_LEDGER = 12_288
/** NONCE_TTL_SECONDS by default, and an hour until the purge. */
const RETENTION_DAYS = 25 / 24
/**
 * `src/status`: an isolate that is busy all day sends its counts every ten seconds, and the board writes two rows for them. A second
 * busy isolate adds calls but no rows; this takes one.
 */
const STATUS_BATCHES_PER_DAY = 8640
const ROWS_WRITTEN_PER_BATCH = 2
/** An isolate looks at KV once in 30 s (platform-notes 10 takes a twentieth of the uploads). */
const KV_READS_PER_UPLOAD = 0.05
/** Every five minutes: a refresh claims its turn and reports, reads and may write KV, and logs a line. */
const CRONS_PER_DAY = 288
const CPU_MS_PER_CRON = 10

/** What happens in a month, in the units of the price table. */
export function monthlyUse(usage: Usage): Readonly<Record<PricedItem, number>> {
  const daily = dailyUse(usage)
  const stored = usage.uploadsPerDay * RETENTION_DAYS * BYTES_PER_ROW + usage.ledgers * BYTES_PER_LEDGER
  const month = (amount: number) => amount * DAYS
  return {
    requests: month(daily.requests),
    cpu: month(daily.cpu),
    objectRequests: month(daily.objectRequests),
    objectDuration: month(daily.objectDuration),
    rowsWritten: month(daily.rowsWritten),
    rowsRead: month(daily.rowsRead),
    storage: stored / 1e9,
    kvReads: month(daily.kvReads),
    kvWrites: month(daily.kvWrites),
    logs: month(daily.logs),
  }
}

export function cpuPerUpload(bytes: number): number {
  return CPU_MS_PER_UPLOAD + (bytes / MILLION) * CPU_MS_PER_MEGABYTE
}

export function bill(usage: Usage): Bill {
  const used = monthlyUse(usage)
  const items = Object.entries<Price>(PRICES)
  const lines = items.map(([key, price]) => toLine(price, amountOf(used, key)))
  return {
    lines,
    dollars: lines.reduce((sum, line) => sum + line.dollars, SUBSCRIPTION_DOLLARS),
    freePlan: beyondFreePlan(usage),
  }
}

function toLine({ item, unit, included, dollarsPerMillion }: Price, used: number): Line {
  const dollars = (Math.max(0, used - included) / MILLION) * dollarsPerMillion
  return { item, unit, used, included, dollars }
}

/** Exactly the limit is still free. */
function beyondFreePlan(usage: Usage): readonly string[] {
  const daily = dailyUse(usage)
  const beyond = Object.entries<Price>(PRICES).flatMap(([key, { item, unit, freePerDay }]) => {
    const used = amountOf(daily, key)
    if (freePerDay === undefined || used <= freePerDay) return []
    return [`${item}: ${whole(used)} ${unit} a day, the free plan has ${whole(freePerDay)}`]
  })
  const cpu = cpuPerUpload(usage.bytes)
  if (cpu <= FREE_CPU_MS_PER_REQUEST) return beyond
  return [
    ...beyond,
    `CPU: about ${cpu.toFixed(1)} ms an upload, the free plan stops a request at ${FREE_CPU_MS_PER_REQUEST} ms`,
  ]
}

function dailyUse({ uploadsPerDay, bytes, ledgers }: Usage) {
  const alarms = Math.min(uploadsPerDay, ledgers * ALARMS_PER_LEDGER_DAY)
  const batches = Math.min(uploadsPerDay, STATUS_BATCHES_PER_DAY)
  const objectRequests = uploadsPerDay * OBJECT_REQUESTS_PER_UPLOAD + alarms + batches + CRONS_PER_DAY * 2
  // Each alarm looks through its ledger.
  const survey = ledgers === 0 ? 0 : (alarms * uploadsPerDay * RETENTION_DAYS) / ledgers
  return {
    requests: uploadsPerDay + CRONS_PER_DAY,
    cpu: uploadsPerDay * cpuPerUpload(bytes) + CRONS_PER_DAY * CPU_MS_PER_CRON,
    objectRequests,
    objectDuration: objectRequests * GB_SECONDS_PER_OBJECT_REQUEST,
    rowsWritten:
      uploadsPerDay * ROWS_WRITTEN_PER_UPLOAD + alarms + batches * ROWS_WRITTEN_PER_BATCH + CRONS_PER_DAY * 2,
    rowsRead: uploadsPerDay * ROWS_READ_PER_UPLOAD + survey + CRONS_PER_DAY * 2,
    kvReads: uploadsPerDay * KV_READS_PER_UPLOAD + CRONS_PER_DAY,
    kvWrites: CRONS_PER_DAY,
    logs: uploadsPerDay + CRONS_PER_DAY,
  }
}

function amountOf(amounts: Readonly<Record<string, number>>, key: string): number {
  return amounts[key] ?? 0
}

export function whole(amount: number): string {
  return Math.round(amount).toLocaleString('en-US')
}
