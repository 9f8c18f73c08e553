/**
 * Memory of the runtime under large uploads, and what its cap on bytes in flight does: 64 MB hold eight uploads of 7.5 MB.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import type { Signer } from '../../../src/crypto/sign.ts'
import { forgetPeak, memoryMb } from './process.ts'
import { always, type Figure, showAnswers } from './report.ts'
import { REGISTERED, signUploads, strangers, UPLOAD_PATH } from './signed.ts'
import type { Runtime, World } from './world.ts'

const BYTES = 7_500_000
const AT_ONCE = 16
const FITTING = 8
const ABORTED = 20
const WARM_UP = 50

type Answers = Readonly<Record<string, number>>

export async function measureMemory(world: World): Promise<readonly Figure[]> {
  console.log(`\n${AT_ONCE} uploads of 7.5 MB at once: resident memory of workerd in MB`)
  return [
    ...(await underLoad(world, 'unregistered', strangers(AT_ONCE))),
    ...(await underLoad(world, 'registered', REGISTERED)),
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

/** Whoever is told to come back later was not harmed, and nothing stays behind. */
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

/** Small uploads: code compiled, keys known. */
async function warmUp(world: World, { port }: Runtime): Promise<void> {
  const uploads = signUploads(WARM_UP, 1000)
  const order = { port, path: UPLOAD_PATH, uploads, bytes: 1000, connections: 4, expected: '{"bytes":1000}' }
  const { answers } = await world.load({ ...order, manner: 'whole' })
  if (answers['201'] !== WARM_UP) throw new Error(`the warm-up was answered ${showAnswers(answers)}`)
}
