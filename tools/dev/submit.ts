/**
 * `npm run submit -- FILE`: the miner's command line (`platform-edge upload`) with a development
 * key and the local gateway.
 *
 * Everything but `--key` and `--ed25519` is for that command line; a wallet or a secret of one's
 * own wins over the development key.
 */

import { spawn } from 'node:child_process'
import path from 'node:path'
import { findDevKey } from './keys.ts'
import { runCommand, UsageError } from './usage.ts'

const CLI = path.resolve(import.meta.dirname, '../../miner/cli.ts')
const GATEWAY = 'http://127.0.0.1:8787'
const CHALLENGE = 'demo'

const USAGE_TEXT = `usage: npm run submit -- FILE [options]

  --key NAME         development key: alice (default), bob, charlie, dave, eve, ferdie
  --ed25519          the development key of that scheme (alice, bob) instead of sr25519
  --challenge SLUG   default ${CHALLENGE}
  --gateway URL      default ${GATEWAY}, or PLATFORM_EDGE_URL

and every option of the miner's command line (docs/miners.md); a wallet or secret of yours wins over the development key`

async function main(): Promise<number> {
  const args = process.argv.slice(2)
  if (args.length === 0 || (args.length === 1 && ['--help', '-h'].includes(args[0] ?? ''))) {
    console.log(USAGE_TEXT)
    return args.length === 0 ? 2 : 0
  }
  const key = takeOption(args, '--key') ?? 'alice'
  const scheme = takeFlag(args, '--ed25519') ? 'ed25519' : 'sr25519'
  const known = findDevKey(key, scheme)
  if (known === undefined) throw new UsageError(`there is no ${scheme} development key "${key}"`)
  const { PLATFORM_EDGE_MNEMONIC: mnemonic, PLATFORM_EDGE_SEED: seed } = process.env
  const own = mnemonic !== undefined || seed !== undefined || args.some((arg) => OWN_KEY.test(arg))
  const env = {
    ...process.env,
    PLATFORM_EDGE_URL: process.env['PLATFORM_EDGE_URL'] ?? GATEWAY,
    ...(own ? {} : { PLATFORM_EDGE_SEED: known.seed }),
  }
  const defaults = [
    ...(has(args, '--challenge') ? [] : ['--challenge', CHALLENGE]),
    ...(own || has(args, '--scheme') ? [] : ['--scheme', scheme]),
  ]
  return run(['upload', ...args, ...defaults], env)
}

/** A wallet or a secret of the user's. */
const OWN_KEY =
  /^(--secret-file|--seed-file|--mnemonic-file|--name|--hotkey|-H|-p|--wallet[-._](name|hotkey|path))(=|$)/

function has(args: readonly string[], option: string): boolean {
  return args.some((arg) => arg === option || arg.startsWith(`${option}=`))
}

/** Takes `--option VALUE` or `--option=VALUE` out of the arguments. */
function takeOption(args: string[], option: string): string | undefined {
  const at = args.findIndex((arg) => arg === option || arg.startsWith(`${option}=`))
  if (at < 0) return undefined
  const joined = args[at]?.startsWith(`${option}=`) === true
  const [first = '', second] = args.splice(at, joined ? 1 : 2)
  const value = joined ? first.slice(option.length + 1) : second
  if (value === undefined) throw new UsageError(`${option} needs a value\n\n${USAGE_TEXT}`)
  return value
}

function takeFlag(args: string[], flag: string): boolean {
  const at = args.indexOf(flag)
  if (at >= 0) args.splice(at, 1)
  return at >= 0
}

function run(args: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [CLI, ...args], { env, stdio: 'inherit' })
    child.once('error', reject)
    child.once('close', (code) => resolve(code ?? 1))
  })
}

await runCommand(main)
