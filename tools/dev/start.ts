/**
 * `npm start`: the whole world on this machine, and one upload through it.
 *
 * A chain node, a challenge and the gateway come up as processes of their own (the gateway's is
 * workerd); then a sample file is signed and uploaded with Alice's development key. What was
 * signed, answered and received is printed, and everything stays up until Ctrl-C. A process that
 * is killed leaves the gateway up; `r` starts it again. `--once` stops after the upload: exit code
 * 0 when the challenge received exactly what was sent, else 1.
 */

import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { bytesToHex } from '@noble/hashes/utils.js'
import { tokenName } from '../../src/config/config.ts'
import type { ProtocolFamily } from '../../src/protocol/canonical.ts'
import { DEV_GENESIS_HASH } from './chain-state.ts'
import type { Received } from './challenge.ts'
import { type Gateway, type LogLine, startGateway } from './gateway.ts'
import { nextSteps } from './next-steps.ts'
import { createProcesses } from './processes.ts'
import { uploadSample } from './sample-upload.ts'
import { type Options, readOptions, requireFreePorts } from './start-options.ts'
import { UsageError } from './usage.ts'

const READY_MS = 20_000
/** What the deployed gateway's cron trigger does. */
const CRON_MS = 300_000
const SAMPLE = `def agent(task):\n    """A sample submission: replace me."""\n    return task\n`

/** What the challenge's process prints for an accepted upload, less the body. */
type ReceivedLine = Omit<Received, 'content'>

const received: ReceivedLine[] = []
let gateway: Gateway | undefined
/** What the gateway found wrong in its configuration. */
let faults: string | undefined
/** What its last look at the chain failed by. */
let chainFaults: string | undefined
let isUp = false
let stopping = false

const processes = createProcesses({
  onLine: printLine,
  onStop(name, how) {
    if (!isUp) {
      console.error(`error:   the ${name} stopped by itself (${how})`)
      return void stop(1)
    }
    console.log(
      `\nthe ${name} stopped (${how}). The gateway stays up: watch its status page. Press r to start the ${name} again.`,
    )
    // The deployed gateway's cron would see it within five minutes.
    void gateway?.runCron()
  },
})

async function main(): Promise<void> {
  const options = readOptions()
  if (options === undefined) return
  await requireFreePorts(options)
  await mkdir(options.state, { recursive: true })
  const { chain, master } = options.urls
  const token = await tokenFor(options)
  const adminToken = bytesToHex(randomBytes(32))
  gateway = await startGateway({
    port: options.ports.gateway,
    vars: {
      CHAIN_ENDPOINTS: [chain],
      CHAIN_GENESIS_HASH: DEV_GENESIS_HASH,
      CHALLENGES: {
        [options.slug]: { name: options.own ? options.slug : 'Demo', origin: options.urls.challenge },
      },
      // Uploads are not rationed here; `.dev.vars` may set another number.
      UPLOADS_PER_HOUR: 0,
      ...(options.master ? { MASTER_ORIGIN: master } : {}),
    },
    secrets: { [tokenName(options.slug)]: token, ...(options.master ? { ADMIN_TOKEN: adminToken } : {}) },
    persistTo: path.join(options.state, 'gateway'),
    devVars: true,
    onLog: printLog,
  })
  stopOnSignals()
  await answers(`${gateway.url}/version`, 200)
  await startPrograms(gateway, options, { token, adminToken })
  if (gateway.devVarNames.length > 0) console.log(`.dev.vars sets ${gateway.devVarNames.join(', ')}`)
  await gateway.runCron()
  await readChain(gateway)
  isUp = true
  console.log(`gateway   ${gateway.url}\nchallenge ${options.urls.challenge}\nchain     ${chain}`)
  console.log(options.master ? `master    ${master}\n` : '')

  const isRouted = options.slug in challengesOf(gateway)
  if (!isRouted)
    console.log(`.dev.vars lists other CHALLENGES than "${options.slug}": no sample is uploaded\n`)
  const passed = isRouted && (await tryUpload(gateway, options))
  if (options.once) return stop(passed ? 0 : 1)
  setInterval(() => gateway?.runCron(), CRON_MS)
  restartOnKey()
  console.log(
    nextSteps({
      ...options,
      ...protocolOf(gateway),
      gateway: gateway.url,
      file: path.relative(process.cwd(), path.join(options.state, 'agent.py')),
      submission: received[0]?.submission.id,
      challengePid: processes.pidOf('challenge'),
    }),
  )
}

/** The token of the user's own challenge outlives a restart, because that challenge does. */
async function tokenFor({ own, state, slug }: Options): Promise<string> {
  const fresh = bytesToHex(randomBytes(32))
  if (!own) return fresh
  const given = process.env['CHALLENGE_TOKEN']
  if (given !== undefined && given !== '') return given
  const file = path.join(state, `token-${slug}`)
  const kept = await readFile(file, 'utf8').catch(() => undefined)
  if (kept === undefined) await writeFile(file, fresh, { mode: 0o600 })
  console.log(
    `the token for ${slug} is in ${path.relative(process.cwd(), file)}: your challenge must accept it as bearer`,
  )
  return kept ?? fresh
}

interface Tokens {
  readonly token: string
  readonly adminToken: string
}

async function startPrograms(to: Gateway, options: Options, { token, adminToken }: Tokens): Promise<void> {
  const { netuid, family } = protocolOf(to)
  const { ports, urls, state, slug } = options
  const at = (port: number) => ['--port', String(port)]
  const kept = ['--registered', path.join(state, 'registered.json')]
  processes.run({ name: 'chain', args: [...at(ports.chain), '--netuid', String(netuid), ...kept] })
  if (!options.own) {
    const database = ['--db', path.join(state, 'challenge.sqlite')]
    processes.run({
      name: 'challenge',
      args: [...at(ports.challenge), '--slug', slug, '--family', family, ...database],
      env: { CHALLENGE_SHARED_TOKEN: token },
    })
  }
  if (options.master)
    processes.run({
      name: 'master',
      args: [...at(ports.master), '--netuid', String(netuid)],
      env: { ADMIN_TOKEN: adminToken },
    })
  await answers(urls.chain)
  if (!options.own) await answers(urls.challenge)
  else if ((await fetch(urls.challenge).catch(() => undefined)) === undefined)
    console.log(`warning: nothing answers at ${urls.challenge} yet: start your challenge`)
  if (!options.master) return
  await answers(urls.master)
  await register(urls.master, slug, adminToken)
  await writeFile(path.join(state, 'admin-token.txt'), `X-Admin-Token: ${adminToken}\n`, { mode: 0o600 })
}

/** The master has the challenge in its registry, as a real one would. */
async function register(master: string, slug: string, adminToken: string): Promise<void> {
  await fetch(`${master}/v1/admin/challenges`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-admin-token': adminToken },
    body: JSON.stringify({ slug, status: 'active' }),
  })
}

/**
 * Without a snapshot every upload is refused; one that is there may outlive its endpoints for a
 * while.
 */
async function readChain(to: Gateway): Promise<void> {
  const source = to.devVarNames.includes('CHAIN_ENDPOINTS') ? 'CHAIN_ENDPOINTS of .dev.vars' : 'the chain'
  const ready = await fetch(`${to.url}/ready`)
  if (chainFaults !== undefined) {
    const says = `the gateway cannot read ${source} (${chainFaults})`
    if (ready.status !== 200) throw new UsageError(`${says}: start that node, or change the setting`)
    console.log(`warning: ${says}; it goes on with the snapshot it has`)
  } else await answers(`${to.url}/ready`, 200)
}

/**
 * True when the challenge received exactly what Alice signed; of the user's own challenge its
 * answer must do.
 */
async function tryUpload(to: Gateway, { state, slug, own }: Options): Promise<boolean> {
  const filename = 'agent.py'
  await writeFile(path.join(state, filename), SAMPLE)
  const body = new TextEncoder().encode(SAMPLE)
  const upload = { gateway: to.url, challenge: slug, ...protocolOf(to), filename, body }
  const { message, status } = await uploadSample(upload)
  if (own) return status < 300
  for (let waited = 0; received.length === 0 && waited < 20; waited += 1) await sleep(50)
  const hash = received[0]?.submission.code_hash
  return status === 201 && hash !== undefined && message.endsWith(`:${hash}`)
}

function protocolOf({ vars }: Gateway): { netuid: number; family: ProtocolFamily } {
  return { netuid: Number(vars['NETUID']), family: vars['PROTOCOL_FAMILY'] === 'base' ? 'base' : 'platform' }
}

/** As text when it comes from `.dev.vars`. */
function challengesOf({ vars }: Gateway): object {
  const challenges = vars['CHALLENGES']
  return typeof challenges === 'string' ? JSON.parse(challenges) : Object(challenges)
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
  else if (line.message.startsWith('{"event":"metagraph_refresh"')) noteRefresh(line.message)
  else console.log(`gateway   ${line.message.split('\n')[0]}`)
}

/** Said once, when the gateway comes up; later it is on the status page. */
function noteRefresh(message: string): void {
  const { faults: found = '' }: { faults?: string } = JSON.parse(message)
  chainFaults = found === '' ? undefined : found
}

/** One key on a terminal, a line from a pipe. */
function restartOnKey(): void {
  const { stdin } = process
  if (stdin.isTTY) stdin.setRawMode(true)
  stdin.setEncoding('utf8').on('data', (typed: string) => {
    if (typed.includes(CTRL_C)) void stop(0)
    else if (typed.includes('r')) restart()
  })
}

const CTRL_C = '\u0003'

function restart(): void {
  const names = processes.restart()
  if (names.length === 0) console.log('all is running')
  for (const name of names) console.log(`${name} is started again (pid ${processes.pidOf(name)})`)
  if (names.length > 0) void sleep(RESTART_MS).then(() => gateway?.runCron())
}

/** Until a process that was started again listens. */
const RESTART_MS = 2000

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

async function stop(code: number): Promise<void> {
  if (stopping) return
  stopping = true
  processes.stopAll()
  if (process.stdin.isTTY) process.stdin.setRawMode(false)
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
