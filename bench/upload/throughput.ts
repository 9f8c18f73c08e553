/**
 * Uploads per second and CPU per upload, beside a bare Hono pass-through on the same runtime in the same rounds.
 */

import { atLeast, type Figure, show, showBytes, table } from './report.ts'
import { type Contestant, type Course, median, medianRatio, type Sample, takeTurns } from './rounds.ts'
import { REGISTERED, signUploads, UPLOAD_PATH } from './signed.ts'
import type { Runtime, World } from './world.ts'

/** Uploads a second that the Python reference accepts at 1 KB and at 7 MB, and how many times that we want. */
const REFERENCE = { small: 40, large: 27 }
const TIMES = { small: 25, large: 2 }

const LARGE_BYTES = 7_000_000

const COURSES: readonly (Course & { readonly uploads: number })[] = [
  { bytes: 1000, uploads: 800, connections: 16, rounds: 7 },
  { bytes: 100_000, uploads: 300, connections: 16, rounds: 5 },
  { bytes: 1_000_000, uploads: 80, connections: 8, rounds: 5 },
  { bytes: LARGE_BYTES, uploads: 20, connections: 4, rounds: 3 },
  { bytes: 7_500_000, uploads: 20, connections: 4, rounds: 5 },
]

const CONTESTANTS = ['gateway', 'bare', 'bare + write'] as const
type Name = (typeof CONTESTANTS)[number]

export async function measureThroughput(world: World): Promise<readonly Figure[]> {
  const gateway = await world.startGateway()
  const rivals = await world.startRivals()
  const figures: Figure[] = []
  const rows = [
    [
      'size',
      'gateway',
      'bare',
      'bare + write',
      'rate/bare',
      'rate/write',
      'CPU/bare',
      'CPU/write',
      'p50',
      'others',
    ],
  ]
  for (const course of COURSES) {
    const samples = await takeTurns(world, contestants(gateway, rivals, course.bytes, course.uploads), course)
    const of = (name: Name) => samples.get(name) ?? []
    rows.push(toRow(course.bytes, of))
    figures.push(...toFigures(course.bytes, of))
  }
  await gateway.close()
  await rivals.close()
  console.log(
    `\nUploads a second, CPU ms of workerd per upload (user + system), medians of ${COURSES[0]?.rounds} to 3 rounds; state on disk`,
  )
  console.log(table(rows))
  return figures
}

/** The gateway's uploads are signed for each run; the rivals look at nothing and take the last ones again. */
function contestants(gateway: Runtime, rivals: Runtime, bytes: number, count: number): readonly Contestant[] {
  const expected = ['201', `{"bytes":${bytes}}`] as const
  let signed = signUploads(count, bytes, REGISTERED)
  const sign = () => {
    signed = signUploads(count, bytes, REGISTERED)
    return signed
  }
  const again = () => withNonces(signed)
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

function toRow(bytes: number, of: (name: Name) => readonly Sample[]): string[] {
  const figure = (name: Name) =>
    `${show(median(of(name).map(perSecond)))}/s ${show(median(of(name).map(cpu)))} ms`
  const all = CONTESTANTS.flatMap(of)
  return [
    showBytes(bytes),
    ...CONTESTANTS.map(figure),
    show(medianRatio(of('gateway'), of('bare'), perSecond)),
    show(medianRatio(of('gateway'), of('bare + write'), perSecond)),
    show(medianRatio(of('gateway'), of('bare'), cpu)),
    show(medianRatio(of('gateway'), of('bare + write'), cpu)),
    `${show(median(of('gateway').map((sample) => sample.medianMs)))} ms`,
    `${(median(all.map((sample) => sample.othersShare)) * 100).toFixed(0)} %`,
  ]
}

function toFigures(bytes: number, of: (name: Name) => readonly Sample[]): readonly Figure[] {
  const rate = median(of('gateway').map(perSecond))
  if (bytes === LARGE_BYTES) {
    return [
      atLeast(`uploads at 7 MB (reference: ${REFERENCE.large}/s)`, rate, REFERENCE.large * TIMES.large, '/s'),
    ]
  }
  if (bytes !== COURSES[0]?.bytes) return []
  const ratio = medianRatio(of('gateway'), of('bare + write'), perSecond)
  return [
    atLeast(`uploads at 1 KB (reference: ${REFERENCE.small}/s)`, rate, REFERENCE.small * TIMES.small, '/s'),
    atLeast('uploads at 1 KB / bare pass-through + durable write', ratio, 0.5),
  ]
}

const perSecond = (sample: Sample) => sample.perSecond
const cpu = (sample: Sample) => sample.cpuMs
