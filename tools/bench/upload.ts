/**
 * `npm run bench:uploads`: what an upload costs, on the real runtime with real signatures, and
 * whether it keeps the figures that this file promises.
 *
 *     npm run bench:uploads                          all sections, under four minutes
 *     npm run bench:uploads -- throughput memory     these of the five sections below
 *     npm run bench:uploads -- --against worker.js   this bundle beside another one
 *
 * The sections are throughput, reading, memory, copies and bundle. The gateway is the bundle
 * `wrangler deploy` would upload, on workerd's own port. A missed figure is printed, not hidden;
 * the exit code says only whether the benchmark ran.
 */

import { availableParallelism } from 'node:os'
import { parseArgs } from 'node:util'
import { compareBundles } from './upload/against.ts'
import { measureBundle } from './upload/bundle.ts'
import { sendCopies } from './upload/copies.ts'
import { measureMemory } from './upload/memory.ts'
import { measureReading } from './upload/reading.ts'
import { type Figure, table } from './upload/report.ts'
import { measureThroughput } from './upload/throughput.ts'
import { createWorld, type World } from './upload/world.ts'

const SECTIONS: Readonly<Record<string, (world: World) => Promise<readonly Figure[]>>> = {
  throughput: measureThroughput,
  reading: measureReading,
  memory: measureMemory,
  copies: sendCopies,
  bundle: measureBundle,
}

const { values, positionals: asked } = parseArgs({
  options: { against: { type: 'string' } },
  allowPositionals: true,
})
const { against } = values
const unknown = asked.filter((name) => !Object.hasOwn(SECTIONS, name))
if (unknown.length > 0) {
  console.error(`error:   no section ${unknown.join(', ')}; there are ${Object.keys(SECTIONS).join(', ')}`)
  process.exit(1)
}

if (process.platform !== 'linux') {
  console.error('error:   CPU and memory of the runtime are read from /proc, which only Linux has')
  process.exit(1)
}

const started = performance.now()
const world = await createWorld()
try {
  console.log(
    `${availableParallelism()} processors are shared by workerd (measured), the miners and Miniflare (this process) and the challenge (a process).\n` +
      'Contestants take turns; runs that other processes disturbed are done again, within reason. Read the ratios first.',
  )
  const figures: Figure[] = []
  if (against !== undefined) figures.push(...(await compareBundles(world, against)))
  for (const [name, section] of Object.entries(SECTIONS)) {
    if (against !== undefined && !asked.includes(name)) continue
    if (asked.length === 0 || asked.includes(name)) figures.push(...(await section(world)))
  }
  const rows = figures.map(({ name, measured, target, met }) => [
    name,
    measured,
    target,
    met ? 'met' : 'MISSED',
  ])
  if (figures.length > 0) console.log(`\n${table([['figure', 'measured', 'target', ''], ...rows])}`)
  console.log(`\n${((performance.now() - started) / 1000).toFixed(0)} s`)
} finally {
  await world.close()
}
