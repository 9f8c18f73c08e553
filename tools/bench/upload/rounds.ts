/**
 * Contestants take turns over several rounds, so that whatever else the machine does meets all
 * alike. A run during which other processes took much of the machine is done again, within reason.
 */

import { availableParallelism } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { median } from '../median.ts'
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
  /** Whether a disturbed run is done again; uploads that can be made only once are not. */
  readonly repeats?: boolean
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

/** Above this a run is done again. */
const DISTURBED_SHARE = 0.08
const ENOUGH = 3
const PAUSE_MS = 400
/**
 * Of one course for repeats, so that the benchmark ends in time on a machine that is never quiet.
 */
const REPEATS_MS = 7000
/**
 * What a request leaves to do behind its answer (the outcome's write, the log line) is part of its
 * cost.
 */
const TAIL_MS = 60

/** One warm-up round, then the samples of each contestant by round. */
export async function takeTurns(
  world: World,
  contestants: readonly Contestant[],
  course: Course,
): Promise<ReadonlyMap<string, readonly Sample[]>> {
  const time = { leftMs: course.repeats === false ? 0 : REPEATS_MS }
  const samples = new Map<string, Sample[]>(contestants.map(({ name }) => [name, []]))
  for (let round = 0; round <= course.rounds; round += 1) {
    for (const contestant of round % 2 === 0 ? contestants : contestants.toReversed()) {
      if (round === 0) await run(world, contestant, course)
      else samples.get(contestant.name)?.push(await runUndisturbed(world, contestant, course, time))
    }
  }
  return samples
}

/** The first undisturbed run, or the least disturbed of those there was time for. */
async function runUndisturbed(
  world: World,
  contestant: Contestant,
  course: Course,
  time: { leftMs: number },
): Promise<Sample> {
  let best = await run(world, contestant, course)
  while (best.othersShare > DISTURBED_SHARE && time.leftMs > 0) {
    const startedAt = performance.now()
    await sleep(PAUSE_MS)
    const next = await run(world, contestant, course)
    if (next.othersShare < best.othersShare) best = next
    time.leftMs -= performance.now() - startedAt
  }
  return best
}

export async function run(
  world: World,
  contestant: Contestant,
  course: Omit<Course, 'rounds'>,
): Promise<Sample> {
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
    othersShare: Math.max(0, others / ((after.at - before.at) * availableParallelism())),
  }
}

function readClocks(world: World, runtime: Runtime) {
  const own = cpuMs(runtime.pid)
  const all = world.helpers.reduce((sum, pid) => sum + cpuMs(pid), own)
  return { at: performance.now(), machine: machineBusyMs(), runtime: own, all }
}

/** The undisturbed samples when there are enough for a median, else all. */
export function calm(samples: readonly Sample[]): readonly Sample[] {
  const undisturbed = samples.filter(({ othersShare }) => othersShare <= DISTURBED_SHARE)
  return undisturbed.length >= ENOUGH ? undisturbed : samples
}

export function medianOf(samples: readonly Sample[], read: (sample: Sample) => number): number {
  return median(calm(samples).map(read))
}

/** Whether a figure of these samples says more about the machine than about the gateway. */
export function isDisturbed(samples: readonly Sample[]): boolean {
  return calm(samples).some(({ othersShare }) => othersShare > DISTURBED_SHARE)
}
