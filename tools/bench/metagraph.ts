/**
 * `npm run bench:metagraph`: what a refresh of the metagraph costs (CPU, bytes, subrequests), and a lookup per upload.
 *
 * Inside workerd (Miniflare), against a chain node's answers over sockets. CPU is read from /proc: of the thread that runs the
 * Worker, then of the whole process. A cron often meets an isolate that has just started, where nothing is compiled yet:
 * "cold" is the first refresh of a fresh workerd, the median of several; "warm" the mean of many.
 */

import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { build } from 'esbuild'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'
import { startChain } from '../dev/chain.ts'

const SIZES = [256, 4096]
const COLD_RUNS = 9
const WARM_REFRESHES = 200
const LOOKUPS = 1_000_000
const LOOKUP_TARGET_US = 5
const REFRESH_TARGET_MS = 10
/** The chain's clock stands still, so that every answer can be asked for again. */
const NOW = Math.floor(Date.now() / 1000)

/** Milliseconds; when divided, of whatever was divided. */
interface Cpu {
  /** Of the thread that runs the Worker: nearest to what the platform counts. */
  readonly thread: number
  /** With compiling and collecting in the background. */
  readonly process: number
}

/** What the Worker says; of a lookup, only that it answered. */
interface Answer {
  readonly outcome: string
  readonly value: string
  /** Bodies of the questions, as a JSON list. */
  readonly asked: string
  readonly subrequests: number
  readonly sent: number
  readonly received: number
}

const script = await bundle()
let missed = 0
for (const size of SIZES) await measure(size)
process.exitCode = missed === 0 ? 0 : 1

async function measure(size: number): Promise<void> {
  const members = Array.from({ length: size }, (_, uid) => account(uid))
  const chain = await startChain({ now: () => NOW, members })
  const step = (path: string, count: number, network = 'plain') =>
    `${path}?endpoint=${chain.url}&genesis=${chain.genesisHash}&now=${NOW}&count=${count}&network=${network}`
  const idle = step('/refresh', 0)
  const once = step('/refresh', 1)

  const counted = step('/refresh', 1, 'counted')
  const first = await run('', [counted])
  const { value } = first
  const usual = await run(value, [counted])
  const coldFirst = await medianCpu('', [idle, once])
  const coldUsual = await medianCpu(value, [idle, once])
  const coldPosts = await medianCpu(usual.asked, [idle, step('/posts', 1)])
  const many = step('/refresh', WARM_REFRESHES)
  const warm = await run(value, [many, many])
  const own = step('/refresh', WARM_REFRESHES, 'memory')
  const warmOwn = await run(value, [counted, own, own])
  const lookups = step('/lookup', LOOKUPS)
  const lookup = await run(value, [lookups, lookups])
  await chain.close()

  console.log(`\n${size} uids, ${value.length} bytes in KV`)
  console.log(`  first refresh   ${traffic(first)}`)
  console.log(`  usual refresh   ${traffic(usual)}`)
  console.log(`  ${'CPU'.padEnd(36)}${'thread'.padStart(11)}${'process'.padStart(13)}`)
  const target = size === 256 ? REFRESH_TARGET_MS : undefined
  report('refresh, cold isolate, first ever', coldFirst, 'ms', undefined)
  report('refresh, cold isolate', coldUsual, 'ms', target)
  report('  of which two bare POSTs', coldPosts, 'ms', undefined)
  report('refresh, warm isolate', each(warm.cpu, WARM_REFRESHES), 'ms', target)
  report('  without the sockets', each(warmOwn.cpu, WARM_REFRESHES), 'ms', target)
  report('lookup per upload', each(lookup.cpu, LOOKUPS / 1000), 'us', LOOKUP_TARGET_US)
}

function traffic({ subrequests, sent, received, outcome }: Answer): string {
  return `${subrequests} subrequests, ${sent} bytes asked, ${received} bytes answered, ${outcome}`
}

function report(what: string, cpu: Cpu, unit: string, target: number | undefined): void {
  const met = target === undefined || cpu.thread <= target
  if (!met) missed += 1
  const verdict = target === undefined ? '' : `  at most ${target} ${unit}: ${met ? 'met' : 'MISSED'}`
  const figures = [cpu.thread, cpu.process].map((figure) => `${figure.toFixed(2).padStart(8)} ${unit}`)
  console.log(`  ${what.padEnd(36)}${figures.join('  ')}${verdict}`)
}

function each(cpu: Cpu, count: number): Cpu {
  return { thread: cpu.thread / count, process: cpu.process / count }
}

async function medianCpu(value: string, steps: readonly string[]): Promise<Cpu> {
  const samples: Cpu[] = []
  for (let done = 0; done < COLD_RUNS; done += 1) samples.push((await run(value, steps)).cpu)
  const median = (of: (cpu: Cpu) => number): number =>
    samples.map(of).sort((a, b) => a - b)[COLD_RUNS >> 1] ?? Number.NaN
  return { thread: median((cpu) => cpu.thread), process: median((cpu) => cpu.process) }
}

/** Runs the steps one after another in a fresh workerd; the answer to the last, and the CPU time it took. */
async function run(value: string, steps: readonly string[]): Promise<Answer & { readonly cpu: Cpu }> {
  const before = new Set(workerds())
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      cf: false,
      compatibilityDate: '2026-09-01',
      modules: [{ type: 'ESModule', path: 'worker.js', contents: script }],
    }),
  )
  try {
    const { origin } = await miniflare.ready
    const [pid = 0] = workerds().filter((id) => !before.has(id))
    for (const step of steps.slice(0, -1)) await ask(origin + step, value)
    const started = cpuOf(pid)
    const answer = await ask(origin + steps.at(-1), value)
    const ended = cpuOf(pid)
    const cpu = { thread: ended.thread - started.thread, process: ended.process - started.process }
    return { ...answer, cpu }
  } finally {
    await miniflare.dispose()
  }
}

async function ask(href: string, value: string): Promise<Answer> {
  const response = await fetch(href, { method: 'POST', body: value })
  if (!response.ok) throw new Error(await response.text())
  return response.json()
}

/** Process ids of this process's workerd children. */
function workerds(): number[] {
  return readdirSync('/proc')
    .filter((entry) => /^\d+$/.test(entry))
    .map(Number)
    .filter((pid) => {
      const [, name = '', parent = ''] = /\((.*)\) \S (\d+)/.exec(readStat(pid)) ?? []
      return name === 'workerd' && Number(parent) === process.pid
    })
}

/** Milliseconds on a CPU so far, to the nanosecond: of the thread that runs the Worker, and of all threads. */
function cpuOf(pid: number): Cpu {
  const threads = readdirSync(`/proc/${pid}/task`)
  const spent = threads.map((id) =>
    Number(readFileSync(`/proc/${pid}/task/${id}/schedstat`, 'utf8').split(' ')[0]),
  )
  const own = spent[threads.indexOf(String(pid))] ?? Number.NaN
  return { thread: own / 1e6, process: spent.reduce((sum, ns) => sum + ns, 0) / 1e6 }
}

function readStat(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8')
  } catch {
    return ''
  }
}

function account(uid: number): Uint8Array {
  return createHash('sha256').update(`hotkey ${uid}`).digest()
}

async function bundle(): Promise<string> {
  const built = await build({
    entryPoints: [join(import.meta.dirname, 'metagraph-worker.ts')],
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2024',
    write: false,
  })
  return built.outputFiles[0]?.text ?? ''
}
