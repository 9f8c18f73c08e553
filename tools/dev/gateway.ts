/**
 * The gateway as it will be deployed, running here: the bundle `wrangler deploy` would upload, on
 * workerd, under Miniflare.
 *
 * Bindings come from wrangler.toml and are not written twice. KV and Durable Objects live on disk
 * when `persistTo` is given, else in a temporary directory. Values win in this order:
 * wrangler.toml, then `vars` and `secrets`, then `.dev.vars` (only when `devVars` is set, so that
 * tests do not depend on a developer's file).
 *
 * The port is workerd's own, not Miniflare's: Miniflare's proxy resolves `%2e%2e` in paths,
 * rewrites `Accept-Encoding` and turns faults into HTML pages before the worker is asked. So there
 * is no `request.cf` and no `CF-Connecting-IP` but a client's own.
 */

import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { promisify } from 'node:util'
import { convertV4MiniflareOptions, Log, LogLevel, Miniflare } from 'miniflare'
import { unstable_getMiniflareWorkerOptions, unstable_getVarsForDev, unstable_readConfig } from 'wrangler'

const ROOT = path.resolve(import.meta.dirname, '../..')
const CONFIG = path.join(ROOT, 'wrangler.toml')
const BUNDLE = path.join(ROOT, 'dist', 'worker.js')
/** What the bundle is made of; a change in any of them makes it stale. */
const SOURCES = ['src', 'miner/upload.py', 'wrangler.toml', 'package-lock.json']
const CRON = '*/5 * * * *'

/**
 * When the worker refuses without having read the body, go on reading it, as an edge in front of
 * it would (not verified in production). Bare workerd resets the connection: of 40 clients that
 * sent 10 MB and were refused early, Python's urllib lost the answer 40 times and Node's fetch 31
 * to 34 times. The refusal still goes out at once; only its end waits. A body that the worker's
 * own reader still locks is left alone.
 */
const EDGE = `
import worker from './worker.js'
export * from './worker.js'
export default {
  ...worker,
  fetch(request, env, ctx) {
    return request.body === null ? worker.fetch(request, env, ctx) : drained(request, env, ctx)
  },
}
async function drained(request, env, ctx) {
  const response = await worker.fetch(request, env, ctx)
  const refusal = response.headers.get('content-type') === 'application/problem+json'
  if (!refusal || response.body === null || request.body.locked) return response
  const answer = new Uint8Array(await response.arrayBuffer())
  const held = new FixedLengthStream(answer.length)
  ctx.waitUntil(finish(held.writable.getWriter(), answer, request.body))
  return new Response(held.readable, response)
}
async function finish(writer, answer, unread) {
  try {
    await writer.write(answer)
    const reader = unread.getReader({ mode: 'byob' })
    for (let scratch = new Uint8Array(262144), end = false; !end; ) {
      const { value, done } = await reader.read(scratch)
      scratch = new Uint8Array(value.buffer)
      end = done
    }
  } catch {} // the client left
  await writer.close().catch(() => {})
}`

export interface GatewayOptions {
  /** 0 (the default) takes any free port. */
  readonly port?: number
  /** Vars as wrangler.toml would have them (numbers, tables) or as text. */
  readonly vars?: Readonly<Record<string, unknown>>
  readonly secrets?: Readonly<Record<string, string>>
  /** Directory for KV and Durable Object state; a temporary one when absent. */
  readonly persistTo?: string
  /** Let `.dev.vars` beside wrangler.toml win over everything else, as `wrangler dev` does. */
  readonly devVars?: boolean
  /**
   * Workers VPC services by the name of their binding: the module text of a worker of its own that
   * stands for each, or the `HOST:PORT` of a server that is reached without one.
   */
  readonly services?: Readonly<Record<string, string | { readonly address: string }>>
  /** Another bundle to run with the same bindings (the benchmark's bare pass-through). */
  readonly bundle?: string
  /** Allow `queryLedger`; Miniflare then wraps the Durable Object's class. */
  readonly inspectLedgers?: boolean
  /** Each line the worker writes to its console, and workerd's own complaints. */
  readonly onLog?: (line: LogLine) => void
}

export interface LogLine {
  readonly level: string
  readonly message: string
  /** Milliseconds since the epoch. */
  readonly timestamp: number
}

export interface Gateway {
  /** `http://127.0.0.1:PORT`, without a trailing slash. */
  readonly url: string
  /** Effective vars: wrangler.toml and whatever won over it, without the secrets. */
  readonly vars: Readonly<Record<string, unknown>>
  /** Names that `.dev.vars` set. */
  readonly devVarNames: readonly string[]
  /** Fires the scheduled event and waits for its outcome (`ok`, `exception`). */
  runCron(): Promise<string>
  /** Ids of the nonce ledgers that exist. */
  listLedgers(): Promise<readonly string[]>
  /** Drops a nonce ledger from memory, as the platform does when it idles; its storage stays. */
  evictLedger(id: string): Promise<void>
  /** Rows of a query against one nonce ledger's database; needs `inspectLedgers`. */
  queryLedger(id: string, sql: string): Promise<readonly Record<string, unknown>[]>
  /** The runtime itself, for what is not offered here (KV, CPU time). */
  readonly miniflare: Miniflare
  close(): Promise<void>
}

export async function startGateway(options: GatewayOptions = {}): Promise<Gateway> {
  const bundle = options.bundle ?? (await buildBundle())
  const script = await readFile(bundle, 'utf8')
  const texts = await readTexts(path.dirname(bundle), script)
  const config = unstable_readConfig({ config: CONFIG })
  const fromFile = options.devVars === true ? readDevVars() : {}
  const vars = { ...config.vars, ...options.vars }
  const name = config.name ?? 'gateway'
  const services = Object.entries(options.services ?? {})
  const { workerOptions } = unstable_getMiniflareWorkerOptions(CONFIG)
  const { modulesRules: _, ...bindings } = workerOptions
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host: '127.0.0.1',
      port: 0,
      cf: false,
      log: new Log(LogLevel.NONE),
      unsafeInspectDurableObjects: options.inspectLedgers === true,
      handleStructuredLogs: (line: LogLine) => options.onLog?.(line),
      ...(options.persistTo === undefined
        ? {}
        : { resourcePersistencePath: path.resolve(options.persistTo) }),
      workers: [
        {
          ...bindings,
          name,
          modules: [
            { type: 'ESModule', path: 'edge.js', contents: EDGE },
            { type: 'ESModule', path: 'worker.js', contents: script },
            ...texts,
          ],
          unsafeDirectSockets: [{ host: '127.0.0.1', port: options.port ?? 0 }],
          bindings: { ...vars, ...options.secrets, ...fromFile },
          serviceBindings: Object.fromEntries(
            services.map(([binding, service]) => [
              binding,
              typeof service === 'string' ? binding : { external: { ...service, http: {} } },
            ]),
          ),
        },
        ...services.flatMap(([binding, contents]) =>
          typeof contents === 'string'
            ? {
                name: binding,
                modules: [{ type: 'ESModule' as const, path: 'service.js', contents }],
                compatibilityDate: config.compatibility_date,
              }
            : [],
        ),
      ],
    }),
  )
  await miniflare.ready.catch(async (error: unknown) => {
    await miniflare.dispose()
    throw error
  })
  const url = await miniflare.unsafeGetDirectURL()
  return {
    url: url.origin,
    vars: { ...vars, ...pick(fromFile, Object.keys(vars)) },
    devVarNames: Object.keys(fromFile),
    miniflare,
    async runCron() {
      const worker = await miniflare.getWorker()
      const result = await worker.scheduled({ cron: CRON, scheduledTime: new Date() })
      return result.outcome
    },
    listLedgers: () => miniflare.listDurableObjectIds('NONCES'),
    evictLedger: (id) => miniflare.unsafeEvictDurableObject(name, 'NonceLedger', { id }),
    async queryLedger(id, sql) {
      const storage = await miniflare.unsafeGetDurableObjectStorage(name, 'NonceLedger', { id })
      return storage.exec(sql)
    },
    close: () => miniflare.dispose(),
  }
}

/**
 * Runs `wrangler deploy --dry-run` when a source is newer than the last bundle; answers the
 * bundle's path.
 */
async function buildBundle(): Promise<string> {
  const built = await changedAt(BUNDLE).catch(() => 0)
  const changes = await Promise.all(SOURCES.map((source) => changedAt(path.join(ROOT, source))))
  if (built > Math.max(...changes)) return BUNDLE
  const dist = path.dirname(BUNDLE)
  await mkdir(dist, { recursive: true })
  const outdir = await mkdtemp(path.join(dist, 'build-'))
  try {
    await build(outdir)
    // Another process may read the folder or build too: each file is there whole, the script last.
    const script = path.basename(BUNDLE)
    const others = (await readdir(outdir)).filter((file) => file !== script)
    for (const file of [...others, script]) await rename(path.join(outdir, file), path.join(dist, file))
  } finally {
    await rm(outdir, { recursive: true })
  }
  return BUNDLE
}

async function build(outdir: string): Promise<void> {
  const require = createRequire(import.meta.url)
  const wrangler = path.join(path.dirname(require.resolve('wrangler/package.json')), 'bin', 'wrangler.js')
  const command = [wrangler, 'deploy', '--dry-run', '--outdir', outdir]
  const quiet = { WRANGLER_SEND_METRICS: 'false', CLOUDFLARE_CF_FETCH_ENABLED: 'false' }
  try {
    await promisify(execFile)(process.execPath, command, { cwd: ROOT, env: { ...process.env, ...quiet } })
  } catch (error) {
    const { stdout = '', stderr = '' } = error as { stdout?: string; stderr?: string }
    throw new Error(`the bundle does not build:\n${stdout}${stderr}`)
  }
}

/**
 * The files that the bundle imports as text: wrangler writes them beside it, under names with
 * their hash.
 */
async function readTexts(directory: string, script: string) {
  const named = (await readdir(directory)).filter((file) => file.endsWith('.py') && script.includes(file))
  return Promise.all(
    named.map(async (file) => ({
      type: 'Text' as const,
      path: file,
      contents: await readFile(path.join(directory, file), 'utf8'),
    })),
  )
}

/**
 * Newest modification (ms) in a file or a directory tree; a deleted file changes its directory.
 */
async function changedAt(target: string): Promise<number> {
  const entry = await stat(target)
  if (!entry.isDirectory()) return entry.mtimeMs
  const below = await readdir(target, { recursive: true })
  const times = await Promise.all(below.map(async (name) => (await stat(path.join(target, name))).mtimeMs))
  return Math.max(entry.mtimeMs, ...times)
}

/** `.dev.vars` read as wrangler reads it; every value is text. */
function readDevVars(): Record<string, string> {
  const found: Record<string, string> = {}
  for (const [name, binding] of Object.entries(
    unstable_getVarsForDev(CONFIG, undefined, {}, undefined, true),
  )) {
    if (typeof binding.value === 'string') found[name] = binding.value
  }
  return found
}

function pick(from: Readonly<Record<string, unknown>>, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(Object.entries(from).filter(([name]) => names.includes(name)))
}
