/**
 * `npm run deploy -- --env NAME`: deploys one environment of wrangler.toml, after reading it as
 * the worker will.
 *
 * A configuration with a fault would answer every miner with 500, so it is refused here, every
 * fault at once, and so is what Cloudflare would refuse half way. `--dry-run` builds and uploads
 * nothing; with `--every` it does so for all environments, which is what CI runs. Other options go
 * to wrangler.
 */

import { parseArgs } from 'node:util'
import { parseOrExplain, runCommand, UsageError } from '../dev/usage.ts'
import { judgeReadiness, type Readiness } from './before-deploy.ts'
import { readDeployment } from './deployment.ts'
import { explainFailure } from './failed-deploy.ts'
import { createWrangler } from './wrangler.ts'
import { environmentNames, readWranglerToml, readWritten, WRANGLER_TOML } from './wrangler-toml.ts'

const USAGE_TEXT = `usage: npm run deploy -- --env NAME [--dry-run] [options of wrangler deploy]

  --env NAME      an environment of wrangler.toml; without it the top level is deployed, which has no address of its own
  --dry-run       build and check, upload nothing; what is not ready is a warning
  --yes           without a terminal: custom domains may be taken, also from a DNS record that exists
  --every         all environments (with --dry-run only)
  --config FILE   another wrangler.toml`

const OPTIONS = {
  env: { type: 'string', short: 'e' },
  'dry-run': { type: 'boolean', default: false },
  every: { type: 'boolean', default: false },
  yes: { type: 'boolean', short: 'y', default: false },
  config: { type: 'string', short: 'c', default: WRANGLER_TOML },
  help: { type: 'boolean', short: 'h', default: false },
} as const

async function main(): Promise<number> {
  const { values, rest } = parseOrExplain(USAGE_TEXT, readArguments)
  if (values.help) {
    console.log(USAGE_TEXT)
    return 0
  }
  const { env, every, config, yes } = values
  const dryRun = values['dry-run']
  if (every && !dryRun) throw new UsageError('--every is for --dry-run: deploy environments one by one')
  if (every && env !== undefined) throw new UsageError('give --env or --every, not both')
  const environments = every
    ? [undefined, ...(await environmentNames(config))]
    : [env === '' ? undefined : env]
  for (const environment of environments) {
    const code = await deploy(environment, { dryRun, config, yes, rest })
    if (code !== 0) return code
  }
  return 0
}

interface Run {
  readonly dryRun: boolean
  readonly config: string
  readonly yes: boolean
  readonly rest: readonly string[]
}

async function deploy(environment: string | undefined, run: Run): Promise<number> {
  const { dryRun, config: file, rest } = run
  const named = environment ?? 'the top level'
  const config = await readWranglerToml(file, environment)
  const readiness = judgeReadiness({
    deployment: await readDeployment(environment, { config: file, withoutDevVars: true }),
    config,
    written: await readWritten(file),
    hasTerminal: process.stdout.isTTY,
    agreed: run.yes,
  })
  if (dryRun) console.log(`dry run of ${named}`)
  if (!announce(readiness, named, dryRun)) return 1
  const target = ['deploy', '--env', environment ?? '']
  const dry = dryRun ? ['--dry-run', '--outdir', `dist/${environment ?? 'top'}`] : []
  const wrangler = createWrangler(file)
  const { code, stderr } = await wrangler([...target, ...dry, ...rest], { inherit: true })
  if (code === 0) return code
  const [reason, ...steps] = await explainFailure(stderr, config, { environment, wrangler })
  if (reason !== undefined) console.error(`error:   ${reason}`)
  for (const step of steps) console.error(`         ${step}`)
  return code
}

/** Says what is not ready; false when it must not be deployed. */
function announce({ faults, unready, remarks }: Readiness, named: string, dryRun: boolean): boolean {
  const refused = dryRun ? faults : [...faults, ...unready]
  for (const remark of [...(dryRun ? unready : []), ...remarks]) console.error(`warning: ${named}: ${remark}`)
  if (refused.length === 0) return true
  console.error(`error:   ${named} of wrangler.toml is not ready to be deployed:`)
  for (const fault of refused) console.error(`         ${fault}`)
  return false
}

function readArguments() {
  const { values, tokens } = parseArgs({
    options: OPTIONS,
    strict: false,
    allowPositionals: true,
    tokens: true,
  })
  const known = Object.keys(OPTIONS)
  const rest = tokens.flatMap((token) => {
    if (token.kind === 'positional') return [token.value]
    if (token.kind !== 'option' || known.includes(token.name)) return []
    return token.value === undefined ? [token.rawName] : [`${token.rawName}=${token.value}`]
  })
  return { values: textValues(values), rest }
}

/** The lax parser takes `--env` without a value for true. */
function textValues(values: Readonly<Record<string, unknown>>) {
  const { env, config } = values
  if (env === true || config === true) throw new UsageError('--env and --config need a value')
  return {
    env: typeof env === 'string' ? env : undefined,
    config: typeof config === 'string' ? config : WRANGLER_TOML,
    every: values['every'] === true,
    yes: values['yes'] === true,
    'dry-run': values['dry-run'] === true,
    help: values['help'] === true,
  }
}

await runCommand(main)
