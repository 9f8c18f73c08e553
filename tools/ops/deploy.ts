/**
 * `npm run deploy -- --env NAME`: deploys one environment of wrangler.toml, after reading it as the worker will.
 *
 * A configuration with a fault would answer every miner with 500, so it is refused here, every fault at once. `--dry-run` builds and
 * uploads nothing; with `--every` it does so for all environments, which is what CI runs. Whatever else is given goes to wrangler.
 */

import { parseArgs } from 'node:util'
import { parseOrExplain, runCommand, UsageError } from '../dev/usage.ts'
import { parseDeployment, readDeployment } from './deployment.ts'
import { checkDeployment, placeholdersIn } from './doctor/configuration.ts'
import { createWrangler } from './wrangler.ts'
import { environmentNames, WRANGLER_TOML } from './wrangler-toml.ts'

const USAGE_TEXT = `usage: npm run deploy -- --env NAME [--dry-run] [options of wrangler deploy]

  --env NAME      an environment of wrangler.toml; without it the top level is deployed, which has no address of its own
  --dry-run       build and check, upload nothing
  --every         all environments (with --dry-run only)
  --config FILE   another wrangler.toml`

const OPTIONS = {
  env: { type: 'string', short: 'e' },
  'dry-run': { type: 'boolean', default: false },
  every: { type: 'boolean', default: false },
  config: { type: 'string', short: 'c', default: WRANGLER_TOML },
  help: { type: 'boolean', short: 'h', default: false },
} as const

async function main(): Promise<number> {
  const { values, rest } = parseOrExplain(USAGE_TEXT, readArguments)
  if (values.help) {
    console.log(USAGE_TEXT)
    return 0
  }
  const { env, every, config } = values
  const dryRun = values['dry-run']
  if (every && !dryRun) throw new UsageError('--every is for --dry-run: deploy environments one by one')
  if (every && env !== undefined) throw new UsageError('give --env or --every, not both')
  const environments = every
    ? [undefined, ...(await environmentNames(config))]
    : [env === '' ? undefined : env]
  for (const environment of environments) {
    const code = await deploy(environment, { dryRun, config, rest })
    if (code !== 0) return code
  }
  return 0
}

interface Run {
  readonly dryRun: boolean
  readonly config: string
  readonly rest: readonly string[]
}

async function deploy(environment: string | undefined, { dryRun, config, rest }: Run): Promise<number> {
  const faults = await faultsOf(environment, config, dryRun)
  if (faults.length > 0) {
    console.error(`error:   ${environment ?? 'the top level'} of wrangler.toml is not ready to be deployed:`)
    for (const fault of faults) console.error(`         ${fault}`)
    return 1
  }
  const target = ['deploy', '--env', environment ?? '']
  const dry = dryRun ? ['--dry-run', '--outdir', `dist/${environment ?? 'top'}`] : []
  if (dryRun) console.log(`dry run of ${environment ?? 'the top level'}`)
  const { code } = await createWrangler(config)([...target, ...dry, ...rest], { inherit: true })
  return code
}

/** In the words of the worker's own parser and the doctor's; a placeholder matters only when it would be deployed. */
async function faultsOf(
  environment: string | undefined,
  config: string,
  dryRun: boolean,
): Promise<readonly string[]> {
  const deployment = await readDeployment(environment, { config, withoutDevVars: true })
  const parsed = parseDeployment(deployment)
  if (!parsed.ok) return parsed.faults
  const host = deployment.routes[0] ?? ''
  const unfit = checkDeployment(deployment, parsed.value, host)
    .filter(({ verdict }) => verdict === 'fail')
    .map(({ check, says, todo }) => `${check}: ${says}  ->  ${todo}`)
  return dryRun ? unfit : [...unfit, ...placeholdersIn(deployment, parsed.value)]
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
    'dry-run': values['dry-run'] === true,
    help: values['help'] === true,
  }
}

await runCommand(main)
