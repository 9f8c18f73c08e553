/**
 * `npm start`: the whole world on this machine, and one upload through it.
 *
 * A chain node, a challenge and the gateway come up as processes of their own (the gateway's is workerd); then a sample file is
 * signed and uploaded with Alice's development key. What was signed, answered and received is printed, and everything stays up
 * until Ctrl-C. `--once` stops after the upload: exit code 0 when the challenge received exactly what was sent, else 1.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes, randomUUID } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import { createSigner } from '../../src/crypto/sign.ts'
import type { ProtocolFamily } from '../../src/protocol/canonical.ts'
import { DEV_GENESIS_HASH } from './chain-state.ts'
import type { Received } from './challenge.ts'
import { type Gateway, type LogLine, startGateway } from './gateway.ts'
import { findDevKey } from './keys.ts'
import { printAnswer, printSigned, submitFile } from './submit.ts'
import { UsageError } from './usage.ts'

const ROOT = path.resolve(import.meta.dirname, '../..')
const STATE = path.join(ROOT, '.local')
const SLUG = 'demo'
const READY_MS = 20_000
/** What the deployed gateway's cron trigger does. */
const CRON_MS = 300_000
const SAMPLE = `def agent(task):\n    """A sample submission: replace me."""\n    return task\n`

const OPTIONS = {
  once: { type: 'boolean', default: false },
  'gateway-port': { type: 'string', default: process.env['GATEWAY_PORT'] ?? '8787' },
  'challenge-port': { type: 'string', default: process.env['CHALLENGE_PORT'] ?? '8788' },
  'chain-port': { type: 'string', default: process.env['CHAIN_PORT'] ?? '8789' },
} as const

/** What the challenge's process prints for an accepted upload, less the body. */
type ReceivedLine = Omit<Received, 'content'>

const children: ChildProcess[] = []
const received: ReceivedLine[] = []
let gateway: Gateway | undefined
/** What the gateway found wrong in its configuration. */
let faults: string | undefined
let stopping = false

async function main(): Promise<void> {
  const values = readArguments()
  const ports = {
    gateway: parsePort('gateway', values['gateway-port']),
    challenge: parsePort('challenge', values['challenge-port']),
    chain: parsePort('chain', values['chain-port']),
  }
  for (const [name, port] of Object.entries(ports)) await requireFreePort(name, port)
  await mkdir(STATE, { recursive: true })

  const token = bytesToHex(randomBytes(32))
  const chainUrl = `http://127.0.0.1:${ports.chain}`
  const origin = `http://127.0.0.1:${ports.challenge}`
  gateway = await startGateway({
    port: ports.gateway,
    vars: {
      CHAIN_ENDPOINTS: [chainUrl],
      CHAIN_GENESIS_HASH: DEV_GENESIS_HASH,
      CHALLENGES: { [SLUG]: { name: 'Demo', origin } },
      // Nobody is slowed down here; `.dev.vars` may set another.
      UPLOADS_PER_HOUR: 0,
    },
    secrets: { CHALLENGE_TOKEN_DEMO: token },
    persistTo: path.join(STATE, 'gateway'),
    devVars: true,
    onLog: printLog,
  })
  stopOnSignals()
  await answers(`${gateway.url}/version`, 200)
  const { netuid, family } = protocolOf(gateway)
  run('chain', ports.chain, ['--netuid', String(netuid)])
  const database = path.join(STATE, 'challenge.sqlite')
  run('challenge', ports.challenge, ['--slug', SLUG, '--db', database, '--family', family], {
    CHALLENGE_SHARED_TOKEN: token,
  })
  await Promise.all([answers(chainUrl), answers(origin)])
  if (gateway.devVarNames.length > 0) console.log(`.dev.vars sets ${gateway.devVarNames.join(', ')}`)
  await gateway.runCron()
  await answers(`${gateway.url}/ready`, 200)
  console.log(`gateway   ${gateway.url}\nchallenge ${origin}\nchain     ${chainUrl}\n`)

  const hasDemo = SLUG in challengesOf(gateway)
  if (!hasDemo) console.log(`.dev.vars lists other CHALLENGES than "${SLUG}": no sample is uploaded\n`)
  const passed = hasDemo && (await uploadSample(gateway))
  if (values.once) return stop(passed ? 0 : 1)
  setInterval(() => gateway?.runCron(), CRON_MS)
  if (hasDemo) printNextCommands(gateway)
}

/** True when the challenge received exactly what Alice signed. */
async function uploadSample(to: Gateway): Promise<boolean> {
  const file = path.join(STATE, 'agent.py')
  await writeFile(file, SAMPLE)
  const signer = createSigner(hexToBytes(findDevKey('alice', 'sr25519')?.seed ?? ''), 'sr25519')
  const { netuid, family } = protocolOf(to)
  let signedText = ''
  const answer = await submitFile({ file, signer, gateway: to.url, family, netuid, slug: SLUG }, (signed) => {
    signedText = signed.message
    printSigned(signed)
  })
  printAnswer(answer)
  for (let waited = 0; received.length === 0 && waited < 20; waited += 1) await sleep(50)
  const hash = received[0]?.submission.code_hash
  return answer.status === 201 && hash !== undefined && signedText.endsWith(`:${hash}`)
}

function protocolOf({ vars }: Gateway): { netuid: number; family: ProtocolFamily } {
  return { netuid: Number(vars['NETUID']), family: vars['PROTOCOL_FAMILY'] === 'base' ? 'base' : 'platform' }
}

/** As text when it comes from `.dev.vars`. */
function challengesOf({ vars }: Gateway): object {
  const challenges = vars['CHALLENGES']
  return typeof challenges === 'string' ? JSON.parse(challenges) : Object(challenges)
}

/** Starts `dev/NAME.ts` as a process of its own. */
function run(
  name: string,
  port: number,
  options: readonly string[],
  env: Readonly<Record<string, string>> = {},
): void {
  const script = path.join(ROOT, 'tools/dev', `${name}.ts`)
  const child = spawn(process.execPath, [script, '--port', String(port), ...options], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  createInterface({ input: child.stdout }).on('line', (line) => printLine(name, line))
  child.once('exit', (code, signal) => {
    if (stopping) return
    console.error(`error:   the ${name} stopped by itself (${signal ?? `exit code ${code}`})`)
    void stop(1)
  })
}

function printLine(name: string, line: string): void {
  if (line.startsWith('{"event":"submission"')) printReceived(JSON.parse(line))
  else if (!line.startsWith('{"event":')) console.log(`${name.padEnd(9)} ${line}`)
}

function printReceived(event: ReceivedLine): void {
  received.push(event)
  const { submission, target, headers } = event
  console.log(`received by the challenge: POST ${target}`)
  for (const [header, value] of headers) console.log(`         ${header}: ${value}`)
  console.log(`         ${submission.bytes} bytes, stored as submission ${submission.id}\n`)
}

/** workerd's own complaints come with a page of addresses; their first line says it all. */
function printLog(line: LogLine): void {
  if (line.message.startsWith('{"event":"configuration"')) faults = JSON.parse(line.message).faults
  else console.log(`gateway   ${line.message.split('\n')[0]}`)
}

function printNextCommands(to: Gateway): void {
  const { url } = to
  const { netuid, family } = protocolOf(to)
  const protocol = netuid === 100 && family === 'platform' ? '' : ` --netuid ${netuid} --family ${family}`
  const sample = path.relative(process.cwd(), path.join(STATE, 'agent.py'))
  const at = url.endsWith(':8787') ? '' : ` --gateway ${url}`
  const id = received[0]?.submission.id ?? 'ID'
  const submit = `npm run submit -- ${sample}${at}${protocol}`
  console.log(`
Everything is up; Ctrl-C stops it. In another terminal, try:

  ${submit}                        # any file, signed by Alice
  ${submit} --key bob --ed25519    # another key
  ${submit} --nonce ${randomUUID().slice(0, 8)}       # twice: the second is a replay, 409
  SEED=$(openssl rand -hex 32) ${submit}   # a key nobody registered, 401
  curl -s ${url}/v1/challenges/${SLUG}/submissions/${id}
  curl -s ${url}/health; curl -s ${url}/ready
  curl -s ${url}/v1/time; curl -s ${url}/v1/limits
`)
}

/** Waits until something answers at `url`, with `status` when given. */
async function answers(url: string, status?: number): Promise<void> {
  const deadline = Date.now() + READY_MS
  let last = 'no answer'
  while (Date.now() < deadline && !stopping) {
    if (faults !== undefined)
      throw new UsageError(
        `the configuration is at fault:\n         ${faults.replaceAll('; ', '\n         ')}`,
      )
    const response = await fetch(url).catch(() => undefined)
    if (response !== undefined) {
      last = `${response.status} ${await response.text()}`
      if (status === undefined || response.status === status) return
    }
    await sleep(100)
  }
  throw new UsageError(`${url} is not ready after ${READY_MS / 1000} seconds: ${last}`)
}

function readArguments() {
  try {
    return parseArgs({ options: OPTIONS }).values
  } catch (error) {
    const options = Object.keys(OPTIONS).map((name) => `--${name}`)
    throw new UsageError(`${error instanceof Error ? error.message : error}\noptions: ${options.join(', ')}`)
  }
}

function parsePort(name: string, text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (port < 1 || port > 65_535) throw new UsageError(`--${name}-port ${text} is not a port`)
  return port
}

async function requireFreePort(name: string, port: number): Promise<void> {
  const probe = createServer()
  await new Promise<void>((resolve, reject) => {
    probe.once('error', (error: NodeJS.ErrnoException) => {
      const flag = `--${name}-port or ${name.toUpperCase()}_PORT`
      const taken = error.code === 'EADDRINUSE'
      reject(
        new UsageError(
          taken ? `port ${port} is taken; choose another for the ${name} with ${flag}` : error.message,
        ),
      )
    })
    probe.listen(port, '127.0.0.1', resolve)
  })
  await new Promise((resolve) => probe.close(resolve))
}

async function stop(code: number): Promise<void> {
  if (stopping) return
  stopping = true
  for (const child of children) child.kill('SIGTERM')
  await gateway?.close()
  process.exit(code)
}

/** Miniflare's own handlers would end the process before everything is closed. */
function stopOnSignals(): void {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.removeAllListeners(signal)
    process.on(signal, () => stop(0))
  }
}

stopOnSignals()
try {
  await main()
} catch (error) {
  if (!stopping) console.error(error instanceof UsageError ? `error:   ${error.message}` : error)
  await stop(1)
}
