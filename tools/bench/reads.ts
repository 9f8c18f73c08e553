/**
 * `npm run bench:reads`: what a public read costs through the gateway, beside a bare Hono proxy in
 * the same run, and what the cache saves. About two minutes.
 *
 * Contestants take turns, so that whatever else the machine does meets all alike; ratios are
 * medians over the rounds. A missed figure is printed, not hidden; the exit code says only whether
 * the benchmark ran.
 */

import { median } from './median.ts'
import { createWorld, type Runtime, type World } from './reads/world.ts'
import { cpuMs } from './upload/process.ts'
import { atLeast, show, table } from './upload/report.ts'

const ROUNDS = 11
/**
 * Readers at once, for throughput. One, for latency: then nothing waits for anything but the way
 * itself.
 */
const BUSY = { requests: 3000, connections: 16 }
const ALONE = { requests: 200, connections: 1 }

/**
 * What is asked of whom. `/query` is the same leaderboard from a challenge that needs 5 ms for it.
 * `direct`: without the worker that Miniflare puts between a fetch and the network, which the
 * platform does not have.
 */
const CONTESTANTS = {
  'bare Hono proxy': ['bare', '/challenges/bench/leaderboard'],
  'hono/proxy': ['bare', '/helper/leaderboard'],
  'least that keeps the promises': ['bare', '/least/bench/leaderboard'],
  gateway: ['gateway', '/challenges/bench/leaderboard'],
  'gateway, nothing logged': ['quiet', '/challenges/bench/leaderboard'],
  'gateway, kept answer': ['gateway', '/challenges/bench/kept'],
  'gateway, kept answer, nothing logged': ['quiet', '/challenges/bench/kept'],
  'bare Hono proxy, direct': ['bare', '/challenges/direct/leaderboard'],
  'least that keeps the promises, direct': ['bare', '/least/direct/leaderboard'],
  'gateway, direct, nothing logged': ['quiet', '/challenges/direct/leaderboard'],
  'bare Hono proxy, 5 ms challenge': ['bare', '/challenges/bench/query'],
  'gateway, 5 ms challenge': ['gateway', '/challenges/bench/query'],
} as const satisfies Record<string, readonly [runtime: 'bare' | 'gateway' | 'quiet', path: string]>
type Name = keyof typeof CONTESTANTS
const NAMES = Object.keys(CONTESTANTS) as Name[]

/**
 * Reads a second of one for each of the other. The bare proxy logs nothing, and no real
 * challenge costs nothing.
 */
const RATIOS: readonly (readonly [figure: string, one: Name, other: Name, target: number])[] = [
  ['pass-through / bare Hono proxy, reads a second', 'gateway', 'bare Hono proxy', 0.8],
  ['the same, nothing logged', 'gateway, nothing logged', 'bare Hono proxy', 0.7],
  ['the same, 5 ms challenge', 'gateway, 5 ms challenge', 'bare Hono proxy, 5 ms challenge', 0.8],
  ['kept answer / uncached, reads a second', 'gateway, kept answer', 'gateway', 3],
  ['the same, nothing logged', 'gateway, kept answer, nothing logged', 'gateway, nothing logged', 3],
  ['the same, 5 ms challenge', 'gateway, kept answer', 'gateway, 5 ms challenge', 3],
]

/** Ratios without a target. */
const COMPARED: readonly (readonly [one: Name, other: Name])[] = [
  ['least that keeps the promises', 'bare Hono proxy'],
  ['gateway, nothing logged', 'least that keeps the promises'],
  ['gateway, direct, nothing logged', 'bare Hono proxy, direct'],
  ['gateway, direct, nothing logged', 'least that keeps the promises, direct'],
]

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
    `${show(of(name, latency) - of(bareFor(name), latency))} ms`,
  ])
  console.log(
    `Reads of 4 KB, medians of ${ROUNDS} rounds; two cores are shared by workerd, the challenge and ${BUSY.connections} readers\n`,
  )
  console.log(table([['', 'reads', 'CPU of workerd', 'latency, one reader', 'added'], ...rows]))
  const figures = [
    ...RATIOS.map(([name, one, other, target]) => atLeast(name, ratio(samples, one, other), target)),
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
  console.log()
  for (const [one, other] of COMPARED) console.log(`${one} / ${other}: ${show(ratio(samples, one, other))}`)
  console.log(`\n${table([['figure', 'measured', 'target', ''], ...verdicts])}`)
} finally {
  await world.close()
}

/** The bare proxy in front of the same challenge. */
function bareFor(name: Name): Name {
  if (name.includes('direct')) return 'bare Hono proxy, direct'
  return name.endsWith('5 ms challenge') ? 'bare Hono proxy, 5 ms challenge' : 'bare Hono proxy'
}

/** One round to warm up, then the samples of each contestant by round. */
async function takeTurns(world: World): Promise<ReadonlyMap<Name, readonly Sample[]>> {
  const samples = new Map<Name, Sample[]>(NAMES.map((name) => [name, []]))
  for (let round = 0; round <= ROUNDS; round += 1) {
    for (const name of round % 2 === 0 ? NAMES : NAMES.toReversed()) {
      const [runtime, path] = CONTESTANTS[name]
      const sample = await run(world, world[runtime], path)
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
