/**
 * Contestants take turns over several rounds, so that whatever else the machine does meets all alike. A run during which other
 * processes took much of the machine is done again, within reason.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { cpuMs, machineBusyMs } from './process.ts'
import type { Runtime, World } from './world.ts'

export interface Contestant {
  readonly name: string
  readonly runtime: Runtime
  readonly path: string
  /** Header lines of one run's uploads; asked again for each run. */
  readonly uploads: () => readonly string[]
  /** Status and part of the body that every answer must have. */
  readonly expected: readonly [status: string, text: string]
}

export interface Course {
  readonly bytes: number
  readonly connections: number
  readonly rounds: number
}

/** Of one run. */
export interface Sample {
  readonly perSecond: number
  /** Of workerd, for each upload. */
  readonly cpuMs: number
  readonly medianMs: number
  /** Part of the machine that neither workerd nor we used. */
  readonly othersShare: number
}

const PROCESSORS = 2
/** Above this a run is done again. */
const DISTURBED_SHARE = 0.08
const TRIES = 4
const PAUSE_MS = 400
/** What a request leaves to do behind its answer (the outcome's write, the log line) is part of its cost. */
const TAIL_MS = 60

/** One warm-up round, then the samples of each contestant by round. */
export async function takeTurns(
  world: World,
  contestants: readonly Contestant[],
  course: Course,
): Promise<ReadonlyMap<string, readonly Sample[]>> {
  const samples = new Map<string, Sample[]>(contestants.map(({ name }) => [name, []]))
  for (let round = 0; round <= course.rounds; round += 1) {
    for (const contestant of round % 2 === 0 ? contestants : contestants.toReversed()) {
      const sample = await runUndisturbed(world, contestant, course, round === 0 ? 1 : TRIES)
      if (round > 0) samples.get(contestant.name)?.push(sample)
    }
  }
  return samples
}

/** The first undisturbed run of a few, or the least disturbed. */
async function runUndisturbed(
  world: World,
  contestant: Contestant,
  course: Course,
  tries: number,
): Promise<Sample> {
  let best = await run(world, contestant, course)
  for (let more = tries - 1; more > 0 && best.othersShare > DISTURBED_SHARE; more -= 1) {
    await sleep(PAUSE_MS)
    const next = await run(world, contestant, course)
    if (next.othersShare < best.othersShare) best = next
  }
  return best
}

async function run(world: World, contestant: Contestant, course: Course): Promise<Sample> {
  const { runtime, path, expected } = contestant
  const [status, text] = expected
  const uploads = contestant.uploads()
  const { bytes, connections } = course
  const order = {
    port: runtime.port,
    path,
    uploads,
    bytes,
    connections,
    expected: text,
    manner: 'whole',
  } as const
  const before = readClocks(world, runtime)
  const report = await world.load(order)
  await sleep(TAIL_MS)
  const after = readClocks(world, runtime)
  if (report.answers[status] !== uploads.length) {
    throw new Error(`${contestant.name} at ${bytes} bytes answered ${JSON.stringify(report.answers)}`)
  }
  const others = after.machine - before.machine - (after.all - before.all)
  return {
    perSecond: uploads.length / report.seconds,
    cpuMs: (after.runtime - before.runtime) / uploads.length,
    medianMs: report.medianMs,
    othersShare: Math.max(0, others / ((after.at - before.at) * PROCESSORS)),
  }
}

function readClocks(world: World, runtime: Runtime) {
  const own = cpuMs(runtime.pid)
  const all = world.helpers.reduce((sum, pid) => sum + cpuMs(pid), own)
  return { at: performance.now(), machine: machineBusyMs(), runtime: own, all }
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2
}

/** Median over the rounds of what one contestant has for each of what the other has in the same round. */
export function medianRatio(
  of: readonly Sample[],
  to: readonly Sample[],
  read: (sample: Sample) => number,
): number {
  return median(of.map((sample, round) => read(sample) / read(to[round] ?? sample)))
}
