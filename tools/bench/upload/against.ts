/**
 * `npm run bench:uploads -- --against FILE`: what an upload costs with this bundle and with
 * another one, by turns.
 *
 * Three gateways run side by side, each in a workerd of its own with its ledgers in memory: this
 * bundle twice and the other one. The two that are the same show how far the machine lets any
 * figure be trusted.
 */

import { median, ratios, spread } from '../median.ts'
import { type Figure, show, showSpread, table } from './report.ts'
import { run, type Sample } from './rounds.ts'
import { REGISTERED, signUploads, takeRare, UPLOAD_PATH } from './signed.ts'
import type { Runtime, World } from './world.ts'

const BYTES = 1000
const CONNECTIONS = 8
/**
 * Code takes a thousand uploads and more to be compiled well; with the third of each hotkey its
 * comb is built.
 */
const WARM_UP_UPLOADS = 1500
const HOT_HOTKEYS = 64
const COURSES = [
  { name: 'hot', uploads: 320, rounds: 11 },
  { name: 'cold', uploads: 120, rounds: 11 },
] as const
type Course = (typeof COURSES)[number]

export async function compareBundles(world: World, against: string): Promise<readonly Figure[]> {
  const gateways = [
    await world.startGateway('memory'),
    await world.startGateway('memory'),
    await world.startGateway('memory', against),
  ]
  const warm = signUploads(WARM_UP_UPLOADS, BYTES, REGISTERED.slice(0, HOT_HOTKEYS))
  for (const gateway of gateways) await send(world, gateway, warm)
  const rows: string[][] = [
    ['1 KB uploads, CPU ms of workerd', 'this', 'other', 'this / this', 'this / other'],
  ]
  for (const course of COURSES) rows.push(await compare(world, gateways, course))
  for (const gateway of gateways) await gateway.close()
  console.log(`\nThis bundle and ${against}: medians, ratios of each round with a 90 % interval`)
  console.log(table(rows))
  console.log('  Cold: each hotkey uploads once, so its key is decoded and its ledger made.')
  return []
}

async function compare(world: World, gateways: readonly Runtime[], course: Course): Promise<string[]> {
  const samples: Sample[][] = gateways.map(() => [])
  for (let round = 0; round < course.rounds; round += 1) {
    const uploads = signUploads(course.uploads, BYTES, signersOf(course))
    for (const at of round % 2 === 0 ? [0, 1, 2] : [2, 1, 0]) {
      const gateway = gateways[at]
      if (gateway !== undefined) samples[at]?.push(await send(world, gateway, uploads))
    }
  }
  const [ours = [], same = [], theirs = []] = samples
  return [
    course.name,
    show(median(ours.map(cpu))),
    show(median(theirs.map(cpu))),
    showSpread(spread(ratios(ours, same, cpu))),
    showSpread(spread(ratios(ours, theirs, cpu))),
  ]
}

function signersOf({ name, uploads }: Course) {
  return name === 'cold' ? takeRare(uploads) : REGISTERED.slice(0, HOT_HOTKEYS)
}

function send(world: World, runtime: Runtime, uploads: readonly string[]): Promise<Sample> {
  const contestant = {
    name: 'gateway',
    runtime,
    path: UPLOAD_PATH,
    uploads: () => uploads,
    expected: ['201', `{"bytes":${BYTES}}`],
  } as const
  return run(world, contestant, { bytes: BYTES, connections: CONNECTIONS })
}

function cpu(sample: Sample): number {
  return sample.cpuMs
}
