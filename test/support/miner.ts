/** The miner's tools as processes: the command line, and Python. */

import { execFile } from 'node:child_process'
import path from 'node:path'

export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export const CLI = path.resolve('miner/cli.ts')

/** Nothing of the tester's own wallets or settings gets in. */
export function run(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd?: string,
): Promise<Ran> {
  const { PATH = '', HOME = '', TMPDIR = '' } = process.env
  const options = { env: { PATH, HOME, TMPDIR, ...env }, maxBuffer: 50_000_000, cwd: cwd ?? '.' }
  return new Promise((resolve) => {
    const child = execFile(command, args, options, (error, stdout, stderr) =>
      resolve({ code: typeof error?.code === 'number' ? error.code : error ? -1 : 0, stdout, stderr }),
    )
    child.stdin?.end()
  })
}

/** `platform-edge ARGS`, from source. */
export function cli(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Ran> {
  return run(process.execPath, [CLI, ...args], { HOME: '/nonexistent', ...env })
}
