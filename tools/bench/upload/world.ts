/**
 * The world of `npm run bench:uploads`: a chain, a challenge, the miners, and any number of
 * runtimes side by side.
 */

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Worker } from 'node:worker_threads'
import { startChain } from '../../dev/chain.ts'
import { type GatewayOptions, startGateway } from '../../dev/gateway.ts'
import { buildGateway, buildRivals, type GatewayBundle } from './bundle.ts'
import type { LoadOrder, LoadReport } from './load.ts'
import type { OriginMessage } from './origin.ts'
import { childrenOf } from './process.ts'
import { MEMBERS, NETUID, SLUG } from './signed.ts'

/**
 * Where the ledgers are written: to a disk, with an fsync for each write, or to memory, which
 * leaves the software alone. `direct`: in memory too, and a request to the challenge goes without
 * the worker that Miniflare puts between a fetch and the network. The platform has no such worker.
 */
export type Setup = 'disk' | 'memory' | 'direct'
const STATE_IN: Readonly<Record<Setup, string>> = {
  disk: tmpdir(),
  memory: '/dev/shm',
  direct: '/dev/shm',
}
/** Of the service that reaches the challenge directly. */
const DIRECT = 'DIRECT'

export interface Runtime {
  /** Of workerd. */
  readonly pid: number
  readonly port: number
  close(): Promise<void>
}

export interface World {
  readonly directory: string
  readonly bundle: GatewayBundle
  /**
   * A gateway of its own workerd, with the metagraph read; another bundle's when a file is given.
   */
  startGateway(setup?: Setup, file?: string): Promise<Runtime>
  /** What the gateway is measured against: tools/bench/upload/worker.ts. */
  startRivals(setup?: Setup): Promise<Runtime>
  load(order: LoadOrder): Promise<LoadReport>
  /** Uploads that have reached the challenge so far. */
  uploadsReceived(): Promise<number>
  /** Of this process (the miners' thread, Miniflare) and the challenge. */
  readonly helpers: readonly number[]
  close(): Promise<void>
}

export async function createWorld(): Promise<World> {
  const directory = await mkdtemp(path.join(tmpdir(), 'bench-upload-'))
  const [bundle, rivals] = await Promise.all([buildGateway(directory), buildRivals(directory)])
  const chain = await startChain({ netuid: NETUID, members: MEMBERS })
  const challenge = fork(path.join(import.meta.dirname, 'origin.ts'))
  const address = `127.0.0.1:${await portOf(challenge)}`
  const origin = `http://${address}`
  const miners = new Worker(new URL('load.ts', import.meta.url))

  const gatewayVars = {
    NETUID,
    // No quota, and so no limiter in front of it: Miniflare's stand-in for that is a request to
    // another worker, the platform's is not.
    UPLOADS_PER_HOUR: 0,
    CHAIN_ENDPOINTS: [chain.url],
    CHAIN_GENESIS_HASH: chain.genesisHash,
  }
  const secrets = { CHALLENGE_TOKEN_BENCH: 'bench-token' }
  const servicesOf = (setup: Setup) => (setup === 'direct' ? { [DIRECT]: { address } } : {})
  return {
    directory,
    bundle,
    helpers: [process.pid, challenge.pid ?? 0],
    startGateway(setup = 'disk', file = bundle.file) {
      const way = setup === 'direct' ? `vpc:${DIRECT}` : origin
      const vars = { ...gatewayVars, CHALLENGES: { [SLUG]: { name: 'Bench', origin: way } } }
      return start(setup, { bundle: file, vars, secrets, services: servicesOf(setup) })
    },
    startRivals: (setup = 'disk') =>
      start(setup, { bundle: rivals, vars: { ORIGIN: origin }, services: servicesOf(setup) }),
    async load(order) {
      const answered = once(miners, 'message')
      miners.postMessage(order)
      const [report]: LoadReport[] = await answered
      if (report === undefined) throw new Error('the miners said nothing')
      return report
    },
    async uploadsReceived() {
      challenge.send('count')
      const message = await hear(challenge)
      return 'uploads' in message ? message.uploads : Number.NaN
    },
    async close() {
      await miners.terminate()
      challenge.disconnect()
      await chain.close()
      await rm(directory, { recursive: true })
    },
  }
}

async function start(setup: Setup, options: GatewayOptions): Promise<Runtime> {
  const before = childrenOf(process.pid, 'workerd')
  const persistTo = await mkdtemp(path.join(STATE_IN[setup], 'bench-upload-state-'))
  const gateway = await startGateway({ ...options, persistTo })
  const pid = childrenOf(process.pid, 'workerd').find((child) => !before.includes(child))
  if (pid === undefined) throw new Error('no process of workerd was found')
  await gateway.runCron().catch(() => 'the rivals have no cron')
  return {
    pid,
    port: Number(new URL(gateway.url).port),
    async close() {
      await gateway.close()
      await rm(persistTo, { recursive: true })
    },
  }
}

async function portOf(challenge: ChildProcess): Promise<number> {
  const message = await hear(challenge)
  return 'port' in message ? message.port : Number.NaN
}

async function hear(challenge: ChildProcess): Promise<OriginMessage> {
  const [message]: OriginMessage[] = await once(challenge, 'message')
  if (message === undefined) throw new Error('the challenge said nothing')
  return message
}
