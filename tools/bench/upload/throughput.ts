/**
 * Uploads per second and CPU per upload, beside a bare Hono pass-through on the same runtime in
 * the same rounds.
 */

import { median, ratios, spread } from '../median.ts'
import { atLeast, disturbed, type Figure, show, showBytes, showSpread, table } from './report.ts'
import { type Contestant, type Course, isDisturbed, medianOf, run, type Sample, takeTurns } from './rounds.ts'
import { REGISTERED, signUploads, takeRare, UPLOAD_PATH } from './signed.ts'
import type { Runtime, Setup, World } from './world.ts'

/**
 * Uploads a second that the Python proxy, which this gateway replaces, accepts at 1 KB and at 7
 * MB; and how many times as many are wanted.
 */
const PYTHON_PROXY = { small: 40, large: 27 }
const TIMES = { small: 25, large: 2 }

const LARGE_BYTES = 7_000_000

interface UploadCourse extends Course {
  readonly setup: Setup
  readonly uploads: number
  /**
   * How many upload by turns. Each has a ledger, a file of its own: with many of them every write
   * meets another file.
   * `cold`: each uploads once, with a key that the isolate has not seen and a ledger that is made
   * for it.
   */
  readonly hotkeys: number | 'cold'
}

const SMALL_BYTES = 1000
const FEW = 6
const COURSES: readonly UploadCourse[] = [
  { setup: 'disk', bytes: SMALL_BYTES, uploads: 510, hotkeys: FEW, connections: 16, rounds: 7 },
  { setup: 'disk', bytes: 100_000, uploads: 255, hotkeys: FEW, connections: 16, rounds: 5 },
  { setup: 'disk', bytes: 1_000_000, uploads: 80, hotkeys: FEW, connections: 8, rounds: 5 },
  { setup: 'disk', bytes: LARGE_BYTES, uploads: 20, hotkeys: FEW, connections: 4, rounds: 3 },
  { setup: 'disk', bytes: 7_500_000, uploads: 20, hotkeys: FEW, connections: 4, rounds: 5 },
  { setup: 'disk', bytes: SMALL_BYTES, uploads: 510, hotkeys: REGISTERED.length, connections: 16, rounds: 5 },
  {
    setup: 'disk',
    bytes: SMALL_BYTES,
    uploads: 150,
    hotkeys: 'cold',
    connections: 16,
    rounds: 5,
    repeats: false,
  },
  { setup: 'memory', bytes: SMALL_BYTES, uploads: 510, hotkeys: FEW, connections: 16, rounds: 5 },
  { setup: 'direct', bytes: SMALL_BYTES, uploads: 510, hotkeys: FEW, connections: 16, rounds: 5 },
]
const SETUP_SAID: Readonly<Record<Setup, string>> = {
  disk: '',
  memory: ', in memory',
  direct: ', in memory, direct',
}

/**
 * Of each hotkey: with the third its key's table is built (src/crypto/key-cache.ts), and code
 * takes some thousand to be compiled well.
 */
const WARM_UP_UPLOADS = 12

const CONTESTANTS = ['gateway', 'bare', 'bare + write'] as const
type Name = (typeof CONTESTANTS)[number]

const HEAD = ['uploads', ...CONTESTANTS, 'rate/bare', 'rate/write', 'CPU/bare', 'CPU/write', 'p50', 'others']

export async function measureThroughput(world: World): Promise<readonly Figure[]> {
  const rows: string[][] = [HEAD]
  const figures: Figure[] = []
  for (const setup of ['disk', 'memory', 'direct'] as const) {
    const gateway = await world.startGateway(setup)
    const rivals = await world.startRivals(setup)
    await warmUp(world, gateway, rivals)
    for (const course of COURSES.filter((one) => one.setup === setup)) {
      const samples = await takeTurns(world, contestants(gateway, rivals, course), course)
      const of = (name: Name) => samples.get(name) ?? []
      rows.push(toRow(course, of))
      figures.push(...toFigures(course, of))
    }
    await gateway.close()
    await rivals.close()
  }
  console.log(
    `\nUploads a second, and CPU ms of workerd (user + system) per upload; medians; ${FEW} hotkeys by turns`,
  )
  console.log(table(rows))
  console.log(
    '  Ledgers are on the disk of this machine, with an fsync for each write, but in the last lines in memory. Ratios are those\n' +
      '  of each round, median and 90 % interval. Cold: each hotkey uploads once, so its key is decoded and its ledger made.\n' +
      '  Direct: without the worker that Miniflare puts between a fetch and the network, which the platform does not have.',
  )
  return figures
}

async function warmUp(world: World, gateway: Runtime, rivals: Runtime): Promise<void> {
  const uploads = WARM_UP_UPLOADS * REGISTERED.length
  const course = { bytes: SMALL_BYTES, uploads, hotkeys: REGISTERED.length, connections: 16 }
  for (const contestant of contestants(gateway, rivals, course)) await run(world, contestant, course)
}

/**
 * The gateway's uploads are signed for each run; the rivals look at nothing and take the last ones
 * again.
 */
function contestants(
  gateway: Runtime,
  rivals: Runtime,
  course: Pick<UploadCourse, 'bytes' | 'uploads' | 'hotkeys'>,
): readonly Contestant[] {
  const { bytes, uploads } = course
  const signers = () => (course.hotkeys === 'cold' ? takeRare(uploads) : REGISTERED.slice(0, course.hotkeys))
  const expected = ['201', toAnswer(bytes)] as const
  let signed: readonly string[] = []
  const sign = () => {
    signed = signUploads(uploads, bytes, signers())
    return signed
  }
  const again = () => withNonces(signed.length > 0 ? signed : sign())
  return [
    { name: 'gateway', runtime: gateway, path: UPLOAD_PATH, uploads: sign, expected },
    { name: 'bare', runtime: rivals, path: '/pass', uploads: again, expected },
    { name: 'bare + write', runtime: rivals, path: '/durable', uploads: again, expected },
  ]
}

/** Fresh nonces, so that each is a row of its own there too. */
function withNonces(uploads: readonly string[]): readonly string[] {
  return uploads.map((upload) => upload.replace(/X-Nonce: .*/, () => `X-Nonce: ${crypto.randomUUID()}`))
}

function toRow({ bytes, setup, hotkeys }: UploadCourse, of: (name: Name) => readonly Sample[]): string[] {
  const ratio = (to: Name, read: (sample: Sample) => number) =>
    showSpread(spread(ratios(of('gateway'), of(to), read)))
  return [
    showBytes(bytes) +
      (hotkeys === FEW ? '' : hotkeys === 'cold' ? ', cold' : `, ${hotkeys} hotkeys`) +
      SETUP_SAID[setup],
    ...CONTESTANTS.map(
      (name) => `${show(medianOf(of(name), perSecond))}/s ${show(medianOf(of(name), cpu))} ms`,
    ),
    ratio('bare', perSecond),
    ratio('bare + write', perSecond),
    ratio('bare', cpu),
    ratio('bare + write', cpu),
    `${show(medianOf(of('gateway'), (sample) => sample.medianMs))} ms`,
    `${(medianOf(CONTESTANTS.flatMap(of), (sample) => sample.othersShare) * 100).toFixed(0)} %`,
  ]
}

function toFigures(
  { bytes, setup, hotkeys }: UploadCourse,
  of: (name: Name) => readonly Sample[],
): readonly Figure[] {
  const rate = medianOf(of('gateway'), perSecond)
  const mark = (figure: Figure) =>
    CONTESTANTS.some((name) => isDisturbed(of(name))) ? disturbed(figure) : figure
  const times = (what: string, python: number, wanted: number) =>
    mark(atLeast(`uploads ${what} (Python proxy: ${python}/s)`, rate, python * wanted, '/s'))
  if (bytes === LARGE_BYTES) return [times('at 7 MB', PYTHON_PROXY.large, TIMES.large)]
  if (bytes !== SMALL_BYTES || hotkeys !== FEW || setup === 'direct') return []
  if (setup === 'memory') return [times('at 1 KB, ledger in memory', PYTHON_PROXY.small, TIMES.small)]
  const ratio = median(ratios(of('gateway'), of('bare + write'), perSecond))
  return [
    times('at 1 KB, ledger on disk', PYTHON_PROXY.small, TIMES.small),
    mark(atLeast('uploads at 1 KB / bare pass-through + durable write, on disk', ratio, 0.54)),
  ]
}

function toAnswer(bytes: number): string {
  return `{"bytes":${bytes}}`
}

const perSecond = (sample: Sample) => sample.perSecond
const cpu = (sample: Sample) => sample.cpuMs
