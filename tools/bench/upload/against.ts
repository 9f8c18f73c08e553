/**
 * `npm run bench:uploads -- --against FILE`: what an upload costs with this bundle and with
 * another one, by turns.
 *
 * Four gateways run side by side, each in a workerd of its own, with its ledgers in memory and
 * without Miniflare's outgoing worker: either bundle twice, because one process can be faster than
 * the next with the same code. The two of this bundle show how far the machine lets any figure be
 * trusted. Turns are short and many, so that what slows the machine for a while slows all alike.
 */

import type { Signer } from '../../../src/crypto/sign.ts'
import { median, spread } from '../median.ts'
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
/** More rare hotkeys than an isolate remembers keys of, so that each key is cold both times. */
const COLD_ROUNDS = 31
const COLD_UPLOADS = 48

interface Course {
  readonly name: string
  /** Those that upload, once each or by turns, in every round. */
  readonly signers: readonly (readonly Signer[])[]
  readonly uploads: number
}

export async function compareBundles(world: World, against: string): Promise<readonly Figure[]> {
  const gateways = [
    await world.startGateway('direct'),
    await world.startGateway('direct'),
    await world.startGateway('direct', against),
    await world.startGateway('direct', against),
  ]
  const hot = REGISTERED.slice(0, HOT_HOTKEYS)
  const warm = signUploads(WARM_UP_UPLOADS, BYTES, hot)
  for (const gateway of gateways) await send(world, gateway, warm)
  const rows: string[][] = [
    ['1 KB uploads, CPU ms of workerd', 'this', 'other', 'this / this', 'this / other'],
  ]
  const rare = Array.from({ length: COLD_ROUNDS }, () => takeRare(COLD_UPLOADS))
  const courses: readonly Course[] = [
    { name: 'hot', signers: Array.from({ length: 41 }, () => hot), uploads: 96 },
    { name: 'cold', signers: rare, uploads: COLD_UPLOADS },
    { name: 'cold, with a ledger', signers: rare, uploads: COLD_UPLOADS },
  ]
  for (const course of courses) rows.push(await compare(world, gateways, course))
  for (const gateway of gateways) await gateway.close()
  console.log(`\nThis bundle and ${against}: medians, ratios of each round with a 90 % interval`)
  console.log(table(rows))
  console.log(
    '  Cold: each hotkey uploads once, so its key is decoded and its ledger made. Then each uploads once more: its ledger is\n' +
      '  there, and its key is decoded again.',
  )
  return []
}

async function compare(world: World, gateways: readonly Runtime[], course: Course): Promise<string[]> {
  const turns: Turn[] = []
  for (const [round, signers] of course.signers.entries()) {
    const uploads = signUploads(course.uploads, BYTES, signers)
    const turn: number[] = []
    // Which goes first, and which of the two bundles, changes with the round.
    for (const at of round % 2 === 0 ? [0, 2, 1, 3] : [3, 1, 2, 0]) {
      const gateway = gateways[at]
      if (gateway !== undefined) turn[at] = (await send(world, gateway, uploads)).cpuMs
    }
    const [first = Number.NaN, second = Number.NaN, other = Number.NaN, another = Number.NaN] = turn
    turns.push({ first, second, ours: (first + second) / 2, theirs: (other + another) / 2 })
  }
  return [
    course.name,
    show(median(turns.map(({ ours }) => ours))),
    show(median(turns.map(({ theirs }) => theirs))),
    showSpread(spread(turns.map(({ first, second }) => first / second))),
    showSpread(spread(turns.map(({ ours, theirs }) => ours / theirs))),
  ]
}

/** CPU milliseconds an upload in one round: of this bundle's two gateways, and of each bundle. */
interface Turn {
  readonly first: number
  readonly second: number
  readonly ours: number
  readonly theirs: number
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
