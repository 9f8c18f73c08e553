/**
 * `npm run bench:ledger`: does a full ledger reserve as fast as an almost empty one, and what does
 * it cost?
 *
 * One workerd (Miniflare), two real SQLite objects on disk, one of 10^3 rows and one of 10^6. One
 * client, one connection, one request at a time: to the small object, to neither, to the large
 * one, and back, so that whatever else the machine does meets all three alike. Times are taken
 * here because workerd's own clock counts whole milliseconds; they hold an HTTP hop, shown on its
 * own.
 */

import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { Agent, get } from 'node:http'
import { stripTypeScriptTypes } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { convertV4MiniflareOptions, Miniflare } from 'miniflare'

const SMALL_ROWS = 1000
const LARGE_ROWS = 1_000_000
const FILL_ROWS = 50_000
const WARM_UP = 500
const ROUNDS = 6000
const TARGET_RATIO = 2
const TURNS = [
  ['small', 'reserve/small'],
  ['hop', 'hop'],
  ['large', 'reserve/large'],
] as const

const root = join(import.meta.dirname, '../..')
const stateDir = await mkdtemp(join(tmpdir(), 'bench-ledger-'))
const agent = new Agent({ keepAlive: true, maxSockets: 1 })

async function module(path: string) {
  const source = await readFile(join(root, path), 'utf8')
  return { type: 'ESModule' as const, path: join(root, path), contents: stripTypeScriptTypes(source) }
}

const miniflare = new Miniflare({
  ...convertV4MiniflareOptions({
    cf: false,
    compatibilityDate: '2026-09-01',
    modulesRoot: root,
    modules: [
      await module('tools/bench/ledger-worker.ts'),
      await module('src/ledger/object.ts'),
      await module('src/admission/ports.ts'),
    ],
    durableObjects: { NONCES: { className: 'BenchLedger', useSQLite: true } },
  }),
  resourcePersistencePath: stateDir,
})

try {
  await main((await miniflare.ready).href)
} finally {
  agent.destroy()
  await miniflare.dispose()
  await rm(stateDir, { recursive: true })
}

async function main(base: string): Promise<void> {
  const ask = (path: string) => request(`${base}${path}`)
  const started = performance.now()
  await ask(`fill/small/${SMALL_ROWS}`)
  for (let rows = 0; rows < LARGE_ROWS; rows += FILL_ROWS) await ask(`fill/large/${FILL_ROWS}`)
  console.log(
    `filled in ${seconds(started)}: small ${await ask('size/small')}, large ${await ask('size/large')}`,
  )

  const times = { hop: [] as number[], small: [] as number[], large: [] as number[] }
  for (let round = -WARM_UP; round < ROUNDS; round++) {
    for (const [name, path] of round % 2 === 0 ? TURNS : TURNS.toReversed()) {
      const ms = await timed(() => ask(path))
      if (round >= 0) times[name].push(ms)
    }
  }
  console.log(`\n${ROUNDS} reservations each, interleaved, one at a time (ms)`)
  print('HTTP hop alone', times.hop)
  print('reservation at 10^3 rows', times.small)
  print('reservation at 10^6 rows', times.large)
  const ratio = quantile(times.large, 0.99) / quantile(times.small, 0.99)
  const verdict = ratio <= TARGET_RATIO ? 'met' : 'MISSED'
  console.log(`p50 ratio ${(quantile(times.large, 0.5) / quantile(times.small, 0.5)).toFixed(2)}`)
  console.log(`p99 ratio ${ratio.toFixed(2)} (target at most ${TARGET_RATIO}: ${verdict})`)

  await purge(ask)

  console.log('\nbilled rows (a set alarm is one more row written)')
  const billed: { work: string; read: number; written: number }[] = JSON.parse(await ask('billed'))
  for (const { work, read, written } of billed)
    console.log(`  ${work.padEnd(30)} read ${read}, written ${written}`)
}

/** Reserves in both objects while the large one purges its 10^6 rows. */
async function purge(ask: (path: string) => Promise<string>): Promise<void> {
  const small: number[] = []
  const large: number[] = []
  const started = performance.now()
  await ask('purge/large')
  do {
    large.push(await timed(() => ask('reserve/large')))
    small.push(await timed(() => ask('reserve/small')))
  } while ((await ask('purging/large')) === 'true')
  console.log(
    `\npurge of 10^6 rows: ${seconds(started)}; now ${await ask('size/large')}; reservations meanwhile (ms)`,
  )
  print('in the purging object', large)
  print('in the other object', small)
}

async function timed(work: () => Promise<string>): Promise<number> {
  const start = performance.now()
  const answer = await work()
  if (!answer.includes('reserved')) throw new Error(`not reserved: ${answer}`)
  return performance.now() - start
}

function request(url: string): Promise<string> {
  return new Promise((resolve, reject) => {
    get(url, { agent }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (chunk) => (text += chunk))
      response.on('end', () => (response.statusCode === 200 ? resolve(text) : reject(new Error(text))))
    }).on('error', reject)
  })
}

function quantile(times: readonly number[], share: number): number {
  const sorted = times.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

function print(name: string, times: readonly number[]): void {
  const figures = (
    [
      ['p50', 0.5],
      ['p90', 0.9],
      ['p99', 0.99],
      ['max', 1],
    ] as const
  ).map(([label, share]) => `${label} ${quantile(times, share).toFixed(2).padStart(6)}`)
  console.log(`  ${name.padEnd(26)} ${figures.join('  ')}  (n=${times.length})`)
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(1)} s`
}
