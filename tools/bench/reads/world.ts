/**
 * The world of `npm run bench:reads`: a chain, a challenge, its readers, the gateway and a bare
 * Hono proxy, each on a workerd of its own.
 */

import { fork } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { Worker } from 'node:worker_threads'
import { build } from 'esbuild'
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from 'miniflare'
import { startChain } from '../../dev/chain.ts'
import { startGateway } from '../../dev/gateway.ts'
import { childrenOf } from '../upload/process.ts'
import type { LoadOrder, LoadReport } from './load.ts'

/** Reaches the challenge without Miniflare's outgoing worker, which the platform does not have. */
const DIRECT = 'DIRECT'

export interface Runtime {
  /** Of workerd. */
  readonly pid: number
  readonly port: number
}

export interface World {
  readonly gateway: Runtime
  /**
   * Without the line per request: here that is a write which wakes Miniflare, on the platform it
   * is none (perf: 16 of its 20 us).
   */
  readonly quiet: Runtime
  readonly bare: Runtime
  load(order: LoadOrder): Promise<LoadReport>
  close(): Promise<void>
}

export async function createWorld(): Promise<World> {
  const challenge = fork(path.join(import.meta.dirname, 'origin.ts'))
  const [port]: unknown[] = await once(challenge, 'message')
  const address = `127.0.0.1:${port}`
  const origin = `http://${address}`
  const readers = new Worker(new URL('load.ts', import.meta.url))
  const chain = await startChain()
  const services = { [DIRECT]: { address } }
  const vars = {
    CHALLENGES: { bench: { origin }, direct: { origin: `vpc:${DIRECT}` } },
    CHAIN_ENDPOINTS: [chain.url],
    CHAIN_GENESIS_HASH: chain.genesisHash,
  }
  const known: number[] = []
  const newestPid = () => {
    const pid = childrenOf(process.pid, 'workerd').find((each) => !known.includes(each)) ?? 0
    known.push(pid)
    return pid
  }
  const gateway = await startGateway({ vars, services })
  const gatewayPid = newestPid()
  const quiet = await startGateway({ vars: { ...vars, LOG_SAMPLE: '0' }, services })
  const quietPid = newestPid()
  const bare = await startBare(address)
  const barePid = newestPid()
  // As in a gateway that has been up for a while: nothing is overdue.
  await Promise.all([gateway.runCron(), quiet.runCron()])
  return {
    gateway: { pid: gatewayPid, port: Number(new URL(gateway.url).port) },
    quiet: { pid: quietPid, port: Number(new URL(quiet.url).port) },
    bare: { pid: barePid, port: Number((await bare.unsafeGetDirectURL()).port) },
    async load(order) {
      const answered = once(readers, 'message')
      readers.postMessage(order)
      const [report]: LoadReport[] = await answered
      if (report === undefined) throw new Error('the readers said nothing')
      return report
    },
    async close() {
      challenge.disconnect()
      await Promise.all([readers.terminate(), gateway.close(), quiet.close(), bare.dispose(), chain.close()])
    },
  }
}

async function startBare(address: string): Promise<Miniflare> {
  const bundled = await build({
    entryPoints: [path.join(import.meta.dirname, 'worker.ts')],
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2024',
    conditions: ['workerd', 'worker', 'browser'],
    write: false,
  })
  const bare = new Miniflare(
    convertV4MiniflareOptions({
      host: '127.0.0.1',
      port: 0,
      cf: false,
      log: new Log(LogLevel.NONE),
      // As for the gateway; else the lines would go to this console.
      handleStructuredLogs: () => {},
      workers: [
        {
          name: 'bare',
          modules: [{ type: 'ESModule', path: 'worker.js', contents: bundled.outputFiles[0]?.text ?? '' }],
          compatibilityDate: '2026-09-01',
          unsafeDirectSockets: [{ host: '127.0.0.1', port: 0 }],
          bindings: { ORIGIN: `http://${address}` },
          serviceBindings: { [DIRECT]: { external: { address, http: {} } } },
        },
      ],
    }),
  )
  await bare.ready
  return bare
}
