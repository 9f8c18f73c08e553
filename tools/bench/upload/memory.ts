/**
 * Memory of the runtime under large uploads, and what its cap on bytes in flight does: 64 MB hold
 * eight uploads of 7.5 MB.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import type { Signer } from '../../../src/crypto/sign.ts'
import { bodyOf } from './bodies.ts'
import { forgetPeak, memoryMb } from './process.ts'
import { always, type Figure, showAnswers } from './report.ts'
import { REGISTERED, SLUG, signUploads, strangers, UPLOAD_PATH } from './signed.ts'
import type { Runtime, World } from './world.ts'

const BYTES = 7_500_000
const AT_ONCE = 16
const FITTING = 8
const ABORTED = 20
const WARM_UP = 50
const PROBE_BYTES = 1_000_000

/** Large bodies that stand still once most of them has come. */
const ABANDONED = 24
const ABANDONED_BYTES = 7_000_000
const ABANDONED_MOST_MB = 170
/** Connections that announce a body and send none of it, and strangers that send one byte. */
const SILENT = 488
const SILENT_MOST_MB = 40
/** Reads at once of answers that may be kept, each of another target. */
const READS = 150
/** As tools/bench/upload/origin.ts answers. */
const KEEPABLE_BYTES = 990_000
const READS_MOST_MB = 250
/**
 * Between the first of them and the look at what they hold: well within the 20 s after which they
 * are given up.
 */
const LOOK_MS = 5000

type Answers = Readonly<Record<string, number>>

export async function measureMemory(world: World): Promise<readonly Figure[]> {
  console.log(`\n${AT_ONCE} uploads of 7.5 MB at once: resident memory of workerd in MB`)
  return [
    ...(await underLoad(world, 'unregistered', strangers(AT_ONCE))),
    ...(await underLoad(world, 'registered', REGISTERED)),
    ...(await whileAbandoned(world)),
    ...(await whileSilent(world, 'no byte', REGISTERED, 0)),
    ...(await whileSilent(world, 'one byte, unregistered', strangers(SILENT), 1)),
    ...(await whileReading(world)),
  ]
}

async function underLoad(
  world: World,
  who: 'registered' | 'unregistered',
  signers: readonly Signer[],
): Promise<readonly Figure[]> {
  const gateway = await world.startGateway()
  const send = (count: number, manner: 'gated' | 'whole' | 'aborted', from: readonly Signer[] = signers) =>
    sendUploads(world, gateway, count, manner, from)
  await warmUp(world, gateway)
  const idle = memoryMb(gateway.pid).now
  forgetPeak(gateway.pid)
  const answers = await send(AT_ONCE, 'gated')
  const { peak, now } = memoryMb(gateway.pid)
  console.log(
    `  ${who.padEnd(13)} before ${idle.toFixed(0)}, at most ${peak.toFixed(0)} (+${(peak - idle).toFixed(0)}), after ${now.toFixed(0)}; ${showAnswers(answers)}`,
  )
  const figures = who === 'registered' ? await judgeCap(answers, send) : [judgeStrangers(answers)]
  await gateway.close()
  return figures
}

/** An upload that is told to come back later loses nothing, and no room stays taken. */
async function judgeCap(
  answers: Answers,
  send: (count: number, manner: 'gated' | 'whole' | 'aborted') => Promise<Answers>,
): Promise<readonly Figure[]> {
  const passed = answers['201'] ?? 0
  const turnedAway = answers['503 over_capacity'] ?? 0
  const after = await send(1, 'whole')
  const fitting = await send(FITTING, 'gated')
  const ninth = await send(FITTING + 1, 'gated')
  const aborted = await send(ABORTED, 'aborted')
  await sleep(500)
  const afterAborts = await send(FITTING, 'gated')
  const all = (expected: Answers, found: Answers) =>
    Object.entries(expected).every(([answer, count]) => found[answer] === count)
  return [
    always(
      `${AT_ONCE} registered at once: accepted or told to retry`,
      passed > 0 && turnedAway > 0 && passed + turnedAway === AT_ONCE,
      showAnswers(answers),
      '201 and 503 over_capacity only',
    ),
    always('an upload afterwards', all({ 201: 1 }, after), showAnswers(after), '1 x 201'),
    always(
      `${FITTING} at once fit into the cap`,
      all({ 201: FITTING }, fitting),
      showAnswers(fitting),
      `${FITTING} x 201`,
    ),
    always(
      `${FITTING + 1} at once do not`,
      all({ 201: FITTING, '503 over_capacity': 1 }, ninth),
      showAnswers(ninth),
      `${FITTING} x 201, 1 x 503`,
    ),
    always(
      `${FITTING} at once after ${ABORTED} were cut off half-way`,
      aborted['201'] === undefined && all({ 201: FITTING }, afterAborts),
      showAnswers(afterAborts),
      `${FITTING} x 201`,
    ),
  ]
}

function judgeStrangers(answers: Answers): Figure {
  return always(
    `${AT_ONCE} unregistered at once`,
    answers['401 unknown_hotkey'] === AT_ONCE,
    showAnswers(answers),
    `${AT_ONCE} x 401 unknown_hotkey`,
  )
}

async function sendUploads(
  world: World,
  gateway: Runtime,
  count: number,
  manner: 'gated' | 'whole' | 'aborted',
  signers: readonly Signer[],
): Promise<Answers> {
  const uploads = signUploads(count, BYTES, signers)
  const expected = `{"bytes":${BYTES}}`
  const order = {
    port: gateway.port,
    path: UPLOAD_PATH,
    uploads,
    bytes: BYTES,
    connections: count,
    expected,
    manner,
  }
  return (await world.load(order)).answers
}

/** All are refused or told to come back, and what they held is bounded. */
async function whileAbandoned(world: World): Promise<readonly Figure[]> {
  const gateway = await world.startGateway()
  await warmUp(world, gateway)
  const idle = memoryMb(gateway.pid).now
  forgetPeak(gateway.pid)
  const answers = await abandon(world, gateway, ABANDONED, REGISTERED, ABANDONED_BYTES)
  const more = memoryMb(gateway.pid).peak - idle
  await gateway.close()
  const answered = (answers['408 request_timeout'] ?? 0) + (answers['503 over_capacity'] ?? 0)
  const name = `${ABANDONED} abandoned large bodies`
  return [
    always(`${name}: refused`, answered === ABANDONED, showAnswers(answers), '408 and 503 only'),
    always(
      `${name}: memory over idle`,
      more <= ABANDONED_MOST_MB,
      `${more.toFixed(0)} MB`,
      `at most ${ABANDONED_MOST_MB} MB`,
    ),
  ]
}

/** All are answered whole, though only some are read whole in order to keep them. */
async function whileReading(world: World): Promise<readonly Figure[]> {
  const gateway = await world.startGateway()
  await warmUp(world, gateway)
  const idle = memoryMb(gateway.pid).now
  forgetPeak(gateway.pid)
  const targets = Array.from({ length: READS }, (_, at) => `/challenges/${SLUG}/kept?n=${at}`)
  const sizes = await Promise.all(
    targets.map(async (target) => {
      const answer = await fetch(`http://127.0.0.1:${gateway.port}${target}`)
      return answer.status === 200 ? (await answer.arrayBuffer()).byteLength : 0
    }),
  )
  const more = memoryMb(gateway.pid).peak - idle
  await gateway.close()
  const whole = sizes.filter((size) => size === KEEPABLE_BYTES).length
  return [
    always(`${READS} keepable reads: whole`, whole === READS, `${whole} of ${READS}`, `${READS}`),
    always(
      `${READS} keepable reads: memory over idle`,
      more <= READS_MOST_MB,
      `${more.toFixed(0)} MB`,
      `at most ${READS_MOST_MB} MB`,
    ),
  ]
}

/** Uploads of 1 MB pass meanwhile: what sends nothing takes no room. */
async function whileSilent(
  world: World,
  what: string,
  signers: readonly Signer[],
  sentBytes: number,
): Promise<readonly Figure[]> {
  const gateway = await world.startGateway()
  await warmUp(world, gateway)
  const idle = memoryMb(gateway.pid).now
  forgetPeak(gateway.pid)
  const silent = abandon(world, gateway, SILENT, signers, sentBytes)
  await sleep(LOOK_MS)
  const more = memoryMb(gateway.pid).now - idle
  const probe = await probeUpload(gateway)
  const answers = await silent
  await gateway.close()
  const name = `${SILENT} connections, ${what}`
  const refused = answers['408 request_timeout'] === SILENT
  return [
    always(`${name}: refused`, refused, showAnswers(answers), `${SILENT} x 408`),
    always(`${name}: an upload of 1 MB meanwhile`, probe === 201, String(probe), '201'),
    always(
      `${name}: memory over idle`,
      more <= SILENT_MOST_MB,
      `${more.toFixed(0)} MB`,
      `at most ${SILENT_MOST_MB} MB`,
    ),
  ]
}

async function abandon(
  world: World,
  gateway: Runtime,
  count: number,
  signers: readonly Signer[],
  sentBytes: number,
): Promise<Answers> {
  const uploads = signUploads(count, BYTES, signers)
  const order = {
    port: gateway.port,
    path: UPLOAD_PATH,
    uploads,
    bytes: BYTES,
    connections: count,
    expected: 'none',
  }
  return (await world.load({ ...order, manner: 'abandoned', sentBytes })).answers
}

/** The miners' thread is busy with those that wait. */
async function probeUpload({ port }: Runtime): Promise<number> {
  const [lines = ''] = signUploads(1, PROBE_BYTES)
  const headers = lines.split('\r\n').flatMap((line): [string, string][] => {
    const [name, value] = line.split(': ')
    return name && value ? [[name, value]] : []
  })
  const body = new Uint8Array(bodyOf(PROBE_BYTES))
  return (await fetch(`http://127.0.0.1:${port}${UPLOAD_PATH}`, { method: 'POST', headers, body })).status
}

/** Small uploads: code compiled, keys known. */
async function warmUp(world: World, { port }: Runtime): Promise<void> {
  const uploads = signUploads(WARM_UP, 1000)
  const order = { port, path: UPLOAD_PATH, uploads, bytes: 1000, connections: 4, expected: '{"bytes":1000}' }
  const { answers } = await world.load({ ...order, manner: 'whole' })
  if (answers['201'] !== WARM_UP) throw new Error(`the warm-up was answered ${showAnswers(answers)}`)
}
