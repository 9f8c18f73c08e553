/**
 * `npm run test:soak`: seeded uploads through the real runtime while everything around them fails.
 *
 *     npm run test:soak                          two minutes
 *     npm run test:soak -- --uploads 100000      so many uploads instead
 *     SEED=… npm run test:soak                   the same uploads (in another order)
 *     npm run test:soak -- --plant               with a ledger that forgets: must end with 1
 *
 * The origin is killed, resets, hangs, is slow or busy; requests are sent twice at once; clients
 * leave; the gateway is killed with SIGKILL and restarted on the same state. Then every answer is
 * compared with what the witness saw (`judge.ts`), and the gateway's whole log was searched for
 * secrets. Exits 1 when an invariant is broken.
 */

import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { build } from 'esbuild'
import { submissionsPath } from '../../miner/sign.ts'
import { startChain } from '../../tools/dev/chain.ts'
import { createRandom, freshSeed } from '../crypto/random.ts'
import { listen } from '../support/listen.ts'
import { closeConnections, send } from './client.ts'
import { killableGateway } from './gateway.ts'
import { type Case, judge, type Told } from './judge.ts'
import { BODY_CANARY, NONCE_PATTERN, type Planned, planUpload, type Signed, SLUG } from './plan.ts'
import { startWitness, type Witness } from './witness.ts'

const SECONDS = 120
/** Miners at once. */
const MINERS = 16
/**
 * Between two kills of the gateway, and of the origin: so many ms at least, and up to as many
 * more.
 */
const GATEWAY_LIVES_MS = 15_000
const ORIGIN_LIVES_MS = 3000
const ORIGIN_AWAY_MS = 400
/** How often an upload without an answer is sent again. */
const RESENDS = 20
const RESEND_PAUSE_MS = 250
/** What is under way when the last answer came: the origin's time limit and more. */
const SETTLE_MS = 3000
const SHOWN_FAULTS = 20

const CHALLENGE_TOKEN = 'canary-challenge-token'
const ADMIN_TOKEN = 'canary-admin-token'
const SECRETS = [CHALLENGE_TOKEN, ADMIN_TOKEN, BODY_CANARY]
/** A signature in hex, with either scheme. */
const SIGNATURE_PATTERN = /[0-9a-f]{128}/i

const { values } = parseArgs({
  options: { uploads: { type: 'string' }, plant: { type: 'boolean', default: false } },
})
const seed = freshSeed()
const wanted = values.uploads === undefined ? Number.POSITIVE_INFINITY : Number(values.uploads)
const until = values.uploads === undefined ? Date.now() + SECONDS * 1000 : Number.POSITIVE_INFINITY
console.log(`seed ${seed}, ${values.uploads === undefined ? `${SECONDS} s` : `${wanted} uploads`}`)

const chances = createRandom(`${seed}:chances`)
const counts: Record<string, number> = {}
const cases: Case[] = []
const leaks = new Set<string>()
let stopping = false
const stopped = Promise.withResolvers<void>()
process.once('SIGINT', stop).once('SIGTERM', stop)

const state = await mkdtemp(path.join(tmpdir(), 'soak-'))
const chain = await startChain()
const witness = await startWitness(CHALLENGE_TOKEN)
const gateway = killableGateway(
  {
    port: await freePort(),
    persistTo: state,
    vars: {
      CHAIN_ENDPOINTS: [chain.url],
      CHAIN_GENESIS_HASH: chain.genesisHash,
      CHALLENGES: { [SLUG]: { origin: witness.url } },
      ORIGIN_TIMEOUT_SECONDS: 1,
      UPLOADS_PER_HOUR: 0,
    },
    secrets: { [`CHALLENGE_TOKEN_${SLUG.toUpperCase()}`]: CHALLENGE_TOKEN, ADMIN_TOKEN },
    ...(values.plant ? { bundle: await forgetfulBundle() } : {}),
  },
  searchLog,
)

const startedAt = Date.now()
/** Settled while the gateway runs; a miner whose request was cut off waits for the next life. */
let up = gateway.start()
await up
const ends = [killGateways(), killOrigins(witness)]
await Promise.all(Array.from({ length: MINERS }, mine))
stop()
await Promise.all(ends)
await pause(SETTLE_MS)
closeConnections()
await gateway.close()
await Promise.all([witness.stop(), chain.close(), rm(state, { recursive: true, force: true })])
process.exitCode = report()

/** One miner: one upload after the other. */
async function mine(): Promise<void> {
  while (!stopping && (counts['uploads'] ?? 0) < wanted && Date.now() < until) {
    await up
    const index = count('uploads') - 1
    const now = Math.floor(Date.now() / 1000)
    const planned = planUpload(seed, index, now)
    count(`course ${planned.course}`)
    count(`origin ${planned.behaviour}`)
    const { nonce, hotkey, behaviour, course } = planned
    cases.push({ planned: { nonce, hotkey, behaviour, course }, startedAt: now, told: await submit(planned) })
    if (index > 0 && index % 10_000 === 0)
      console.log(`${index} uploads, ${Math.round((Date.now() - startedAt) / 1000)} s`)
  }
}

async function submit(planned: Planned): Promise<Told[]> {
  const { course, first, second, leaveAfterMs } = planned
  const told: Told[] = []
  const tell = async (signed: Signed, leave?: number): Promise<void> => {
    const url = `${gateway.url}${submissionsPath(SLUG)}?do=${planned.behaviour}`
    const { headers, body, bodyHash } = signed
    const reply = await send({ url, headers, body, ...(leave === undefined ? {} : { leaveAfterMs: leave }) })
    count(reply.kind === 'answered' ? `answer ${labelOf(reply.status, reply.text)}` : reply.kind)
    told.push({ reply, bodyHash })
  }
  if (course === 'twice') await Promise.all([tell(first), tell(first)])
  else await tell(first, course === 'leaves' ? leaveAfterMs : undefined)
  if (course === 'again') await tell(first)
  if (second !== undefined) await tell(second)
  // As the documents tell miners: without an answer, the identical request again.
  for (let resent = 0; told.at(-1)?.reply.kind !== 'answered' && resent < RESENDS; resent += 1) {
    await pause(RESEND_PAUSE_MS)
    await up
    await tell(first)
  }
  if (told.at(-1)?.reply.kind !== 'answered') count('never answered')
  return told
}

async function killGateways(): Promise<void> {
  while (!stopping) {
    await Promise.race([pause(GATEWAY_LIVES_MS + chances.below(GATEWAY_LIVES_MS)), stopped.promise])
    if (stopping) return
    const killed = gateway.kill()
    up = killed.then(gateway.start)
    count('gateway killed')
    await up
  }
}

async function killOrigins({ stop, start }: Witness): Promise<void> {
  while (!stopping) {
    await Promise.race([pause(ORIGIN_LIVES_MS + chances.below(ORIGIN_LIVES_MS)), stopped.promise])
    if (stopping) return
    await stop()
    count('origin killed')
    await pause(ORIGIN_AWAY_MS)
    await start()
  }
}

function searchLog(line: string): void {
  count('log lines')
  const found = SECRETS.filter((secret) => line.includes(secret))
  if (SIGNATURE_PATTERN.test(line)) found.push('a signature')
  if (NONCE_PATTERN.test(line)) found.push('a nonce')
  for (const each of found) leaks.add(each)
}

/** Prints counts and faults; answers the exit code. */
function report(): number {
  const now = Math.floor(Date.now() / 1000)
  const faults = cases.flatMap((one) => {
    const { hotkey, nonce } = one.planned
    return judge(one, witness.arrivals.get(`${hotkey} ${nonce}`) ?? [], now)
  })
  const delivered = [...witness.arrivals.values()].reduce((sum, arrivals) => sum + arrivals.length, 0)
  for (const [name, value] of Object.entries(counts).sort(([a], [b]) => a.localeCompare(b)))
    console.log(`${String(value).padStart(8)}  ${name}`)
  console.log(`${String(delivered).padStart(8)}  deliveries the witness saw`)
  const broken = [
    ...faults,
    ...new Set(witness.complaints),
    ...[...leaks].map((leak) => `in the log: ${leak}`),
    ...(delivered === 0 ? ['nothing was delivered: nothing was tested'] : []),
    ...((counts['log lines'] ?? 0) === 0 ? ['no log line was read'] : []),
  ]
  for (const each of broken.slice(0, SHOWN_FAULTS)) console.log(`BROKEN ${each}`)
  console.log(`${broken.length} invariants broken in ${cases.length} uploads, seed ${seed}`)
  return broken.length === 0 ? 0 : 1
}

function labelOf(status: number, text: string): string {
  const [, code = ''] = /"code":"(\w+)"/.exec(text) ?? []
  const [, outcome = ''] = /"outcome":"(\w+)"/.exec(text) ?? []
  return [status, code, outcome].filter(Boolean).join(' ')
}

function count(name: string): number {
  counts[name] = (counts[name] ?? 0) + 1
  return counts[name]
}

function stop(): void {
  stopping = true
  stopped.resolve()
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

/** One that was free a moment ago; the gateway needs the same one after each kill. */
async function freePort(): Promise<number> {
  const server = createServer()
  const url = await listen(server)
  await new Promise((resolve) => server.close(resolve))
  return Number(new URL(url).port)
}

async function forgetfulBundle(): Promise<string> {
  const outfile = path.join(state, 'forgetful.js')
  await build({
    entryPoints: [path.join(import.meta.dirname, 'forgetful.worker.ts')],
    outfile,
    bundle: true,
    format: 'esm',
    target: 'es2024',
    external: ['cloudflare:workers'],
    loader: { '.py': 'text' },
    logLevel: 'error',
  })
  return outfile
}
