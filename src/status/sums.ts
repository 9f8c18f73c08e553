/**
 * The sums of all isolates as one value: what the status object holds, adds to and shows.
 *
 * Uploads and probes are kept by the hour for one day, outcomes of uploads also by five minutes
 * for one hour. The rest has no date: totals since the first upload, and what was seen last. Pure:
 * the time arrives through the arguments, in Unix seconds.
 */

import { type Batch, bySlug, type LedgerSeen, type Sightings, type Tally } from './statistics.ts'

const PART_SECONDS = 300
const HOUR_SECONDS = 3600
const HOURS = 24

/** What the cron found when it asked a challenge for its health. */
export interface Probe {
  /** When the answer came, with its fraction of a second. */
  readonly at: number
  readonly reachable: boolean
}

/** Probes of one hour. */
interface ProbeCounts {
  readonly answered: number
  readonly unanswered: number
}

type Counts = Readonly<Record<string, number>>

interface Hour {
  readonly tallies: Readonly<Record<string, Tally>>
  readonly probes: Readonly<Record<string, ProbeCounts>>
}

/**
 * All records but the keyed ones are by slug; the empty slug is for uploads to no known challenge.
 */
export interface Sums {
  /** Outcomes since the first upload: what a counter of Prometheus is. */
  readonly totals: Readonly<Record<string, Counts>>
  readonly sightings: Readonly<Record<string, Sightings>>
  /** When each challenge was probed last. */
  readonly checked: Readonly<Record<string, number>>
  readonly ledger: LedgerSeen
  /** By the Unix second an hour begins at. */
  readonly hours: ReadonlyMap<number, Hour>
  /** The same of five minutes; outcomes alone. */
  readonly parts: ReadonlyMap<number, Readonly<Record<string, Counts>>>
}

/** What a page is made of. */
export interface Board extends Pick<Sums, 'totals' | 'sightings' | 'checked' | 'ledger'> {
  /** Outcomes of the last sixty minutes. */
  readonly hour: Readonly<Record<string, Counts>>
  /** The last 24 hours of the clock, the oldest first; the last one is not over. */
  readonly hours: readonly (Hour & { readonly at: number })[]
}

export const NOTHING: Sums = {
  totals: {},
  sightings: {},
  checked: {},
  ledger: {},
  hours: new Map(),
  parts: new Map(),
}
const EMPTY_HOUR: Hour = { tallies: {}, probes: {} }

/** Takes a batch of an isolate; `now` is the isolate's. */
export function addBatch(sums: Sums, now: number, batch: Batch): Sums {
  const [hourAt, partAt] = [startOf(now, HOUR_SECONDS), startOf(now, PART_SECONDS)]
  const hour = sums.hours.get(hourAt) ?? EMPTY_HOUR
  const outcomes = mapRecord(batch.tallies, (tally) => tally.outcomes)
  const part = sums.parts.get(partAt) ?? {}
  return {
    ...sums,
    totals: merge(sums.totals, outcomes, addUp),
    sightings: merge(sums.sightings, batch.sightings, laterOfEach),
    ledger: { ...sums.ledger, ...batch.ledger },
    hours: kept(
      sums.hours,
      hourAt,
      { ...hour, tallies: merge(hour.tallies, batch.tallies, addTally) },
      HOURS,
    ),
    parts: kept(sums.parts, partAt, merge(part, outcomes, addUp), HOUR_SECONDS / PART_SECONDS + 1),
  }
}

/** Takes the probes of one cron, of every challenge there is. */
export function addProbes(sums: Sums, probes: Readonly<Record<string, Probe>>): Sums {
  const seen = mapRecord(
    probes,
    ({ at, reachable }): Sightings => (reachable ? { success: at } : { failure: at, kind: 'no_answer' }),
  )
  let { hours } = sums
  for (const [slug, { at, reachable }] of Object.entries(probes)) {
    const hourAt = startOf(at, HOUR_SECONDS)
    const hour = hours.get(hourAt) ?? EMPTY_HOUR
    const one = { [slug]: { answered: Number(reachable), unanswered: Number(!reachable) } }
    hours = kept(hours, hourAt, { ...hour, probes: merge(hour.probes, one, addProbe) }, HOURS)
  }
  return {
    ...sums,
    hours,
    sightings: merge(sums.sightings, seen, laterOfEach),
    checked: mapRecord(probes, ({ at }) => at),
  }
}

export function toBoard({ hours, parts, ...sums }: Sums, now: number): Board {
  const newest = startOf(now, HOUR_SECONDS)
  const recent = [...parts].flatMap(([at, part]) => (at > now - HOUR_SECONDS && at <= now ? [part] : []))
  return {
    ...sums,
    hour: recent.reduce((sum, part) => merge(sum, part, addUp), {}),
    hours: Array.from({ length: HOURS }, (_, index) => {
      const at = newest - (HOURS - 1 - index) * HOUR_SECONDS
      return { at, ...(hours.get(at) ?? EMPTY_HOUR) }
    }),
  }
}

/** One bucket more or changed; of all, the latest `most`. */
function kept<T>(buckets: ReadonlyMap<number, T>, at: number, bucket: T, most: number): Map<number, T> {
  const all = new Map(buckets).set(at, bucket)
  return new Map([...all].toSorted(([a], [b]) => a - b).slice(-most))
}

function startOf(now: number, seconds: number): number {
  return now - (now % seconds)
}

/** Both records; where both have a slug, what `join` makes of the two. */
function merge<T>(
  old: Readonly<Record<string, T>>,
  more: Readonly<Record<string, T>>,
  join: (old: T, more: T) => T,
): Record<string, T> {
  const joined = Object.entries(more).map(([slug, value]): [string, T] => {
    const before = bySlug(old, slug)
    return [slug, before === undefined ? value : join(before, value)]
  })
  return { ...old, ...Object.fromEntries(joined) }
}

function mapRecord<T, U>(record: Readonly<Record<string, T>>, change: (value: T) => U): Record<string, U> {
  return Object.fromEntries(Object.entries(record).map(([slug, value]) => [slug, change(value)]))
}

export function addUp(a: Counts, b: Counts): Counts {
  return merge(a, b, (one, other) => one + other)
}

export function addTally(a: Tally, b: Tally): Tally {
  return { outcomes: addUp(a.outcomes, b.outcomes), times: addUp(a.times, b.times) }
}

function addProbe(a: ProbeCounts, b: ProbeCounts): ProbeCounts {
  return { answered: a.answered + b.answered, unanswered: a.unanswered + b.unanswered }
}

/** Isolates hand over late, so the later time wins. */
function laterOfEach(a: Sightings, b: Sightings): Sightings {
  const failed = (b.failure ?? 0) > (a.failure ?? 0) ? b : a
  const success = Math.max(a.success ?? 0, b.success ?? 0)
  return {
    ...(success > 0 && { success }),
    ...(failed.failure !== undefined && { failure: failed.failure, kind: failed.kind }),
  }
}
