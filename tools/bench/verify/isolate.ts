/** One workerd isolate with the bench worker, and its inspector. */
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { wasmBytes } from '@polkadot/wasm-crypto-wasm'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { childrenOf, cpuMs } from '../upload/process.ts'
import type { Inputs } from './inputs.ts'

export interface Isolate {
  give(inputs: Inputs): Promise<void>
  /** Microseconds of one verification by the clock, over `count` in a row. */
  time(contestant: string, count: number): Promise<number>
  /**
   * Microseconds of processor that workerd uses for one verification, over `count` in a row: other
   * processes do not show.
   */
  cpu(contestant: string, count: number): Promise<number>
  /** Heap bytes of `count` verifications in a row. */
  allocate(contestant: string, count: number): Promise<number>
  /** Gives every sr25519 key of the inputs its table. */
  remember(): Promise<void>
  /** Bytes in use on the heap after a garbage collection. */
  heapBytes(): Promise<number>
  stop(): Promise<void>
}

interface Bundler {
  build(options: object): Promise<{ readonly outputFiles: readonly { readonly text: string }[] }>
}

/** esbuild comes with wrangler. */
export async function bundleWorker(): Promise<string> {
  const require = createRequire(import.meta.url)
  const esbuild: Bundler = createRequire(require.resolve('wrangler'))('esbuild')
  const built = await esbuild.build({
    entryPoints: [fileURLToPath(new URL('worker.ts', import.meta.url).href)],
    bundle: true,
    format: 'esm',
    target: 'es2024',
    write: false,
  })
  return built.outputFiles[0]?.text ?? ''
}

export async function startIsolate(script: string): Promise<Isolate> {
  const others = childrenOf(process.pid, 'workerd')
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      name: 'bench',
      cf: false,
      compatibilityDate: '2026-09-01',
      inspectorPort: 0,
      modules: [
        { type: 'ESModule', path: 'worker.mjs', contents: script },
        { type: 'CompiledWasm', path: 'schnorrkel.wasm', contents: wasmBytes },
      ],
    }),
  )
  const ask = async <T>(path: string, body: unknown = {}): Promise<T> => {
    const answer = await miniflare.dispatchFetch(`http://bench${path}`, {
      method: 'POST',
      body: JSON.stringify(body),
    })
    if (!answer.ok) throw new Error(await answer.text())
    return (await answer.json()) as T
  }
  await miniflare.ready
  const pid = childrenOf(process.pid, 'workerd').find((each) => !others.includes(each))
  if (pid === undefined) throw new Error('no process of workerd was found')
  const inspector = await connect(new URL('./core:user:bench', (await miniflare.getInspectorURL()).href).href)
  const heapBytes = async (collect: boolean): Promise<number> => {
    if (collect) {
      // workerd collects while it serves the next request, and never answers this command.
      void inspector.send('HeapProfiler.collectGarbage')
      await ask('/idle')
    }
    return Number((await inspector.send('Runtime.getHeapUsage'))['usedSize'])
  }
  return {
    give: async (inputs) => void (await ask('/inputs', inputs)),
    async time(contestant, count) {
      const query = new URLSearchParams({ contestant, count: String(count) })
      const { milliseconds } = await ask<{ milliseconds: number }>(`/run?${query}`)
      return (milliseconds * 1000) / Math.max(1, count)
    },
    async cpu(contestant, count) {
      const before = cpuMs(pid)
      await ask(`/run?${new URLSearchParams({ contestant, count: String(count), timed: 'no' })}`)
      return ((cpuMs(pid) - before) * 1000) / Math.max(1, count)
    },
    remember: async () => void (await ask('/remember')),
    async allocate(contestant, count) {
      const before = await heapBytes(true)
      await ask(`/run?${new URLSearchParams({ contestant, count: String(count), timed: 'no' })}`)
      return (await heapBytes(false)) - before
    },
    heapBytes: () => heapBytes(true),
    async stop() {
      inspector.close()
      await miniflare.dispose()
    },
  }
}

interface Inspector {
  send(method: string): Promise<Record<string, unknown>>
  close(): void
}

async function connect(url: string): Promise<Inspector> {
  const socket = new WebSocket(url)
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve)
    socket.addEventListener('error', () => reject(new Error(`no inspector at ${url}`)))
  })
  const waiting = new Map<number, (result: Record<string, unknown>) => void>()
  socket.addEventListener('message', ({ data }) => {
    const { id, result } = JSON.parse(String(data))
    waiting.get(id)?.(result ?? {})
  })
  let last = 0
  return {
    send: (method) =>
      new Promise((resolve) => {
        waiting.set(++last, resolve)
        socket.send(JSON.stringify({ id: last, method }))
      }),
    close: () => socket.close(),
  }
}
