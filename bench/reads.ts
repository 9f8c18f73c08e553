/**
 * `npm run bench:reads`: what a public read costs through the gateway, beside a bare Hono proxy in the same run, and what the cache
 * saves. About half a minute.
 *
 * Contestants take turns, so that whatever else the machine does meets all alike; ratios are medians over the rounds. A missed
 * figure is printed, not hidden; the exit code says only whether the benchmark ran.
 */

import { createWorld, type Runtime, type World } from './reads/world.ts'
import { cpuMs } from './upload/process.ts'
import { atLeast, show, table } from './upload/report.ts'
import { median } from './upload/rounds.ts'

const ROUNDS = 7
/** Readers at once, for throughput. One, for latency: then nothing waits for anything but the way itself. */
const BUSY = { requests: 3000, connections: 16 }
const ALONE = { requests: 400, connections: 1 }

const NAMES = [
  'bare Hono proxy',
  'hono/proxy',
  'gateway',
  'gateway, nothing logged',
  'gateway, kept answer',
] as const
type Name = (typeof NAMES)[number]

interface Sample {
  readonly perSecond: number
  /** Of workerd, for each read. */
  readonly cpuMs: number
  /** With one reader. */
  readonly medianMs: number
}

if (process.platform !== 'linux') {
  console.error('error:   the processor time of the runtime is read from /proc, which only Linux has')
  process.exit(1)
}

const world = await createWorld()
try {
  const samples = await takeTurns(world)
  const of = (name: Name, read: (sample: Sample) => number) => median((samples.get(name) ?? []).map(read))
  const rows = NAMES.map((name) => [
    name,
    `${show(of(name, perSecond))}/s`,
    `${show(of(name, (sample) => sample.cpuMs))} ms`,
    `${show(of(name, latency))} ms`,
    `${show(of(name, latency) - of('bare Hono proxy', latency))} ms`,
  ])
  console.log(
    `Reads of 4 KB, medians of ${ROUNDS} rounds; two cores are shared by workerd, the challenge and ${BUSY.connections} readers\n`,
  )
  console.log(table([['', 'reads', 'CPU of workerd', 'latency, one reader', 'added'], ...rows]))
  const figures = [
    atLeast(
      'pass-through / bare Hono proxy, reads a second',
      ratio(samples, 'gateway', 'bare Hono proxy'),
      0.8,
    ),
    atLeast('kept answer / uncached, reads a second', ratio(samples, 'gateway, kept answer', 'gateway'), 3),
    atLeast(
      'uncached / kept answer, latency',
      of('gateway', latency) / of('gateway, kept answer', latency),
      3,
    ),
  ]
  const verdicts = figures.map(({ name, measured, target, met }) => [
    name,
    measured,
    target,
    met ? 'met' : 'MISSED',
  ])
  console.log(`\n${table([['figure', 'measured', 'target', ''], ...verdicts])}`)
} finally {
  await world.close()
}

/** One round to warm up, then the samples of each contestant by round. */
async function takeTurns(world: World): Promise<ReadonlyMap<Name, readonly Sample[]>> {
  const contestants: readonly (readonly [Name, Runtime, string])[] = [
    ['bare Hono proxy', world.bare, '/challenges/bench/leaderboard'],
    ['hono/proxy', world.bare, '/helper/leaderboard'],
    ['gateway', world.gateway, '/challenges/bench/leaderboard'],
    ['gateway, nothing logged', world.quiet, '/challenges/bench/leaderboard'],
    ['gateway, kept answer', world.gateway, '/challenges/bench/kept'],
  ]
  const samples = new Map<Name, Sample[]>(NAMES.map((name) => [name, []]))
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const [name, runtime, path] of round % 2 === 0 ? contestants : contestants.toReversed()) {
      const sample = await run(world, runtime, path)
      if (round > 0) samples.get(name)?.push(sample)
    }
  }
  return samples
}

async function run(world: World, { pid, port }: Runtime, path: string): Promise<Sample> {
  const before = cpuMs(pid)
  const busy = await world.load({ port, path, ...BUSY })
  const used = cpuMs(pid) - before
  const alone = await world.load({ port, path, ...ALONE })
  if (busy.wrong + alone.wrong > 0) throw new Error(`${path} at port ${port} was answered wrongly`)
  return {
    perSecond: BUSY.requests / busy.seconds,
    cpuMs: used / BUSY.requests,
    medianMs: alone.medianMs,
  }
}

/** Median over the rounds of what one does for each read of the other in the same round. */
function ratio(samples: ReadonlyMap<Name, readonly Sample[]>, of: Name, to: Name): number {
  const others = samples.get(to) ?? []
  return median(
    (samples.get(of) ?? []).map(
      (sample, round) => sample.perSecond / (others[round]?.perSecond ?? Number.NaN),
    ),
  )
}

function perSecond(sample: Sample): number {
  return sample.perSecond
}

function latency(sample: Sample): number {
  return sample.medianMs
}
