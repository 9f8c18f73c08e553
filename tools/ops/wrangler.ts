/**
 * Running wrangler: the one on PATH, which `npm run` makes the project's own.
 *
 * What it prints is kept from the terminal where a secret is involved, and secrets reach it
 * through its standard input only: an argument would be readable in the list of processes, a file
 * on the disk.
 */

import { spawn } from 'node:child_process'
import path from 'node:path'
import { UsageError } from '../dev/usage.ts'

const QUIET = { WRANGLER_SEND_METRICS: 'false', NO_COLOR: '1' }

interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

interface RunOptions {
  readonly input?: string
  /** Let it talk to the terminal; what it prints as errors is collected too. */
  readonly inherit?: boolean
}

export type Wrangler = (args: readonly string[], options?: RunOptions) => Promise<Ran>

/** Runs in the directory of `configFile`, whose wrangler.toml it then reads. */
export function createWrangler(configFile: string): Wrangler {
  return (args, options = {}) =>
    new Promise((resolve, reject) => {
      const child = spawn('wrangler', [...args, '--config', configFile], {
        cwd: path.dirname(configFile),
        env: { ...process.env, ...QUIET },
        stdio: options.inherit === true ? ['inherit', 'inherit', 'pipe'] : 'pipe',
      })
      let stdout = ''
      let stderr = ''
      child.stdout?.setEncoding('utf8').on('data', (text: string) => (stdout += text))
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        stderr += text
        if (options.inherit === true) process.stderr.write(text)
      })
      child.once('error', () => reject(new UsageError('wrangler is not on PATH: run this through npm run')))
      child.once('close', (code) => resolve({ code: code ?? 1, stdout, stderr }))
      // A wrangler that ends early closes its input; its exit code says so.
      child.stdin?.on('error', () => {}).end(options.input ?? '')
    })
}

/** Names of the secrets a deployed environment holds; a sentence when they cannot be listed. */
export async function listSecrets(
  wrangler: Wrangler,
  environment: string,
): Promise<{ readonly names: ReadonlySet<string> } | { readonly fault: string; readonly todo: string }> {
  const { code, stdout, stderr } = await wrangler([
    'secret',
    'list',
    '--env',
    environment,
    '--format',
    'json',
  ])
  const names = code === 0 ? namesIn(stdout) : undefined
  if (names !== undefined) return { names }
  if (/not found|does not exist|\b10007\b/i.test(stdout + stderr)) {
    return {
      fault: `nothing is deployed as ${environment} yet`,
      todo: `npm run deploy -- --env ${environment}`,
    }
  }
  return {
    fault: 'wrangler could not list the secrets',
    todo: 'npx wrangler login, or set CLOUDFLARE_API_TOKEN',
  }
}

function namesIn(stdout: string): ReadonlySet<string> | undefined {
  try {
    const list: unknown = JSON.parse(stdout.slice(stdout.indexOf('[')))
    if (!Array.isArray(list)) return undefined
    return new Set(
      list.flatMap((entry: unknown) =>
        typeof entry === 'object' && entry !== null && 'name' in entry ? [String(entry.name)] : [],
      ),
    )
  } catch {
    return undefined
  }
}
