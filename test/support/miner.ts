/** The miner's tools as processes: the command line, and Python with the real wallet package. */

import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import path from 'node:path'

export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

export const CLI = path.resolve('miner/cli.ts')
const VENV = path.resolve('.local/miner-venv')
const WALLET_PACKAGE = 'bittensor-wallet==4.1.1'

/** Nothing of the tester's own wallets or settings gets in. */
export function run(
  command: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  cwd?: string,
): Promise<Ran> {
  const { PATH = '', HOME = '' } = process.env
  const options = { env: { PATH, HOME, ...env }, maxBuffer: 50_000_000, cwd: cwd ?? '.' }
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

/** A Python that has bittensor-wallet, or why there is none. Installed once into .local. */
export async function walletPython(): Promise<{ readonly python?: string; readonly missing?: string }> {
  const python = path.join(VENV, 'bin', 'python')
  const works = async () =>
    existsSync(python) && (await run(python, ['-c', 'import bittensor_wallet'])).code === 0
  if (await works()) return { python }
  await mkdir(path.dirname(VENV), { recursive: true })
  const made = await run('python3', ['-m', 'venv', '--clear', VENV])
  if (made.code !== 0) return { missing: 'no Python 3 with venv here' }
  await run(python, ['-m', 'pip', 'install', '--quiet', '--disable-pip-version-check', WALLET_PACKAGE])
  return (await works()) ? { python } : { missing: `${WALLET_PACKAGE} cannot be installed here` }
}
