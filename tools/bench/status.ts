/**
 * `npm run bench:status`: how long is the status object awake in a month, and what is that of what
 * Workers Paid includes?
 *
 * Simulated, seeded: a day of uploads spread over isolates, each of which hands over its counts at
 * most once in ten seconds (src/status/statistics.ts), with pages open that read at most once in
 * five seconds an isolate (src/status/client.ts) and the cron. Cloudflare bills an object from the
 * begin of a call to its end, and for as long as a timer is pending
 * (developers.cloudflare.com/durable-objects/platform/pricing). Beside the object as it is stands
 * one that plans its next write.
 */

const SEED = Number(process.env['SEED'] ?? 1)
const DAY_SECONDS = 86_400
const DAYS = 30
const GIGABYTES = 0.128
/**
 * Of one call: reading and summing take well under a millisecond; the rest is the write and its
 * way to disk.
 */
const CALL_SECONDS = 0.005
/** src/status/object.ts. */
const WRITE_SECONDS = 10
const BATCH_SECONDS = 10
const MEMO_SECONDS = 5
const CRON_SECONDS = 300
const INCLUDED_GB_SECONDS = 400_000

const ROWS: readonly (readonly [uploadsPerDay: number, isolates: number, readers: number])[] = [
  [1000, 2, 0],
  [10_000, 5, 1],
  [100_000, 20, 5],
  [1_000_000, 60, 20],
]

let state = SEED
/** Mulberry32, from 0 to 1. */
function random(): number {
  state = (state + 0x6d2b79f5) | 0
  let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
}

/**
 * Times within a day at which an isolate calls, when events of this rate are told at most once in
 * `pace` seconds.
 */
function paced(perDay: number, pace: number): number[] {
  const times: number[] = []
  for (let at = gap(perDay); at < DAY_SECONDS; ) {
    times.push(at)
    at = Math.max(at + pace, at + gap(perDay))
  }
  return times
}

function gap(perDay: number): number {
  return (-Math.log(1 - random()) * DAY_SECONDS) / perDay
}

/** Seconds that the object is awake; `awakeUntil` tells it of a call. */
function awake(calls: readonly number[], awakeUntil: (at: number) => number): number {
  let until = Number.NEGATIVE_INFINITY
  let seconds = 0
  for (const at of calls) {
    const end = awakeUntil(at)
    seconds += Math.max(0, end - Math.max(at, until))
    until = Math.max(until, end)
  }
  return seconds
}

/**
 * As the object was: a call that comes too early plans the write, and the timer keeps it awake.
 */
function withTimer(): (at: number) => number {
  let writtenAt = Number.NEGATIVE_INFINITY
  return (at) => {
    if (at >= writtenAt + WRITE_SECONDS) writtenAt = at
    else if (writtenAt <= at) writtenAt += WRITE_SECONDS
    return Math.max(at, writtenAt) + CALL_SECONDS
  }
}

console.log(`seed ${SEED}; GB-s a month of ${DAYS} days, of ${INCLUDED_GB_SECONDS} included`)
console.log('uploads/day  isolates  readers  calls/month  with a timer       as it is')
for (const [uploadsPerDay, isolates, readers] of ROWS) {
  const each = Array.from({ length: isolates }, () => paced(uploadsPerDay / isolates, BATCH_SECONDS))
  const pages = Array.from({ length: readers }, () => paced(DAY_SECONDS / 15, MEMO_SECONDS))
  const cron = Array.from({ length: DAY_SECONDS / CRON_SECONDS }, (_, index) => index * CRON_SECONDS)
  const calls = [...each, ...pages, cron].flat().toSorted((a, b) => a - b)
  const month = (seconds: number) => Math.round(seconds * GIGABYTES * DAYS)
  const columns = [
    String(uploadsPerDay).padStart(11),
    String(isolates).padStart(8),
    String(readers).padStart(7),
    String(calls.length * DAYS).padStart(11),
    String(month(awake(calls, withTimer()))).padStart(12),
    String(month(awake(calls, (at) => at + CALL_SECONDS))).padStart(13),
  ]
  console.log(columns.join('  '))
}
