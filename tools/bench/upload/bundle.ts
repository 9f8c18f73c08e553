/**
 * Bundles: the gateway's as `wrangler deploy` would upload it, built apart from `dist`; and that
 * of what it is measured against.
 */

import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'
import { median } from '../median.ts'
import { atMost, type Figure } from './report.ts'
import type { World } from './world.ts'

const ROOT = path.resolve(import.meta.dirname, '../../..')
/** The profile of a start is made of few samples. */
const STARTS = 5
const require = createRequire(import.meta.url)

export interface GatewayBundle {
  readonly file: string
  readonly kib: number
  readonly gzipKib: number
}

export async function buildGateway(directory: string): Promise<GatewayBundle> {
  const said = await wrangler('deploy', '--dry-run', '--outdir', directory)
  const [, kib, gzipKib] = /Total Upload: ([\d.]+) KiB \/ gzip: ([\d.]+) KiB/.exec(said) ?? []
  return { file: path.join(directory, 'worker.js'), kib: Number(kib), gzipKib: Number(gzipKib) }
}

/**
 * Every class that wrangler.toml binds has to be there; those the rivals have no use for are
 * empty.
 */
export async function buildRivals(directory: string): Promise<string> {
  const outfile = path.join(directory, 'rivals.js')
  const toml = await readFile(path.join(ROOT, 'wrangler.toml'), 'utf8')
  const classes = new Set(Array.from(toml.matchAll(/^class_name = "(\w+)"/gm), ([, name]) => name))
  classes.delete('NonceLedger')
  const empty = [...classes].map((name) => `export class ${name} extends DurableObject {}\n`).join('')
  const contents = `import { DurableObject } from 'cloudflare:workers'
    export { default, NonceLedger } from './worker.ts'
    ${empty}`
  await build({
    stdin: { contents, resolveDir: import.meta.dirname },
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2024',
    conditions: ['workerd', 'worker', 'browser'],
    external: ['cloudflare:workers'],
    outfile,
  })
  return outfile
}

export async function measureBundle({ bundle, directory }: World): Promise<readonly Figure[]> {
  const runs: number[] = []
  for (let run = 0; run < STARTS; run += 1) runs.push(await startupMs(directory))
  const shown = runs.map((ms) => ms.toFixed(0)).join(', ')
  console.log(
    `\nBundle ${bundle.kib} KiB, gzip ${bundle.gzipKib} KiB; start-up by \`wrangler check startup\`: ${shown} ms`,
  )
  return [
    atMost('bundle', bundle.kib, 200, ' KiB'),
    atMost('bundle, gzip', bundle.gzipKib, 75, ' KiB'),
    atMost(`start-up, median of ${STARTS}`, median(runs), 50, ' ms'),
  ]
}

/** Processor time of the global scope in milliseconds, as `wrangler check startup` profiles it. */
async function startupMs(directory: string): Promise<number> {
  const said = await wrangler('check', 'startup', '--outfile', path.join(directory, 'startup.cpuprofile'))
  return Number(/Active: ([\d.]+) ms/.exec(said)?.[1])
}

async function wrangler(...command: readonly string[]): Promise<string> {
  const script = path.join(path.dirname(require.resolve('wrangler/package.json')), 'bin', 'wrangler.js')
  const env = { ...process.env, WRANGLER_SEND_METRICS: 'false', CLOUDFLARE_CF_FETCH_ENABLED: 'false' }
  const { stdout } = await promisify(execFile)(process.execPath, [script, ...command], { cwd: ROOT, env })
  return stdout
}
