/**
 * The world of `npm run bench`: a chain, a challenge, the miners, and any number of runtimes side by side.
 */

import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Worker } from 'node:worker_threads'
import { startChain } from '../../dev/chain.ts'
import { startGateway } from '../../dev/gateway.ts'
import { buildGateway, buildRivals, type GatewayBundle } from './bundle.ts'
import type { LoadOrder, LoadReport } from './load.ts'
import type { OriginMessage } from './origin.ts'
import { childrenOf } from './process.ts'
import { NETUID, SLUG } from './signed.ts'

export interface Runtime {
  /** Of workerd. */
  readonly pid: number
  readonly port: number
  close(): Promise<void>
}

export interface World {
  readonly directory: string
  readonly origin: string
  readonly bundle: GatewayBundle
  /** A gateway of its own workerd, with the metagraph read. */
  startGateway(): Promise<Runtime>
  /** What the gateway is measured against: bench/upload/worker.ts. */
  startRivals(): Promise<Runtime>
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
  const chain = await startChain({ netuid: NETUID })
  const challenge = fork(path.join(import.meta.dirname, 'origin.ts'))
  const origin = `http://127.0.0.1:${await portOf(challenge)}`
  const miners = new Worker(new URL('load.ts', import.meta.url))

  const gatewayVars = {
    NETUID,
    CHAIN_ENDPOINTS: [chain.url],
    CHAIN_GENESIS_HASH: chain.genesisHash,
    CHALLENGES: { [SLUG]: { name: 'Bench', origin } },
  }
  return {
    directory,
    bundle,
    origin,
    helpers: [process.pid, challenge.pid ?? 0],
    startGateway: () => start(bundle.file, gatewayVars, { CHALLENGE_TOKEN_BENCH: 'bench-token' }),
    startRivals: () => start(rivals, { ORIGIN: origin }, {}),
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

async function start(
  bundle: string,
  vars: Readonly<Record<string, unknown>>,
  secrets: Readonly<Record<string, string>>,
): Promise<Runtime> {
  const before = childrenOf(process.pid, 'workerd')
  const gateway = await startGateway({ bundle, vars, secrets })
  const pid = childrenOf(process.pid, 'workerd').find((child) => !before.includes(child))
  if (pid === undefined) throw new Error('no process of workerd was found')
  await gateway.runCron().catch(() => 'the rivals have no cron')
  return { pid, port: Number(new URL(gateway.url).port), close: () => gateway.close() }
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
