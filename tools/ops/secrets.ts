/**
 * `npm run secrets -- --env NAME`: asks for the secrets that an environment lacks and uploads
 * them.
 *
 * A secret is typed without echo and handed to wrangler through its standard input; it is never an
 * argument, a file or a line of output. The two halves of the Access token go up together: the
 * gateway refuses a configuration with one half, so uploaded one by one they would take it off the
 * air for a moment.
 */

import { parseArgs } from 'node:util'
import { parseConfig } from '../../src/config/config.ts'
import { runCommand, UsageError } from '../dev/usage.ts'
import { createPrompter, Interrupted, type Prompter } from './ask-secret.ts'
import { type Deployment, isSecretName, parseDeployment, readDeployment, secretNames } from './deployment.ts'
import { createWrangler, listSecrets, type Wrangler } from './wrangler.ts'
import { WRANGLER_TOML } from './wrangler-toml.ts'

const USAGE_TEXT = `usage: npm run secrets -- --env NAME [SECRET ...] [options]

  --env NAME      an environment of wrangler.toml
  SECRET ...      ask for these, also when they are there already: to change a token, or for a challenge that the master registers
  --list          only say what is missing
  --config FILE   another wrangler.toml

Nothing is shown while you type; Enter alone skips a secret. exit code: 0 done, 1 something is still missing or failed, 2 usage`

const OPTIONS = {
  env: { type: 'string' },
  list: { type: 'boolean', default: false },
  config: { type: 'string', default: WRANGLER_TOML },
  help: { type: 'boolean', short: 'h', default: false },
} as const

const MEANING: Readonly<Record<string, string>> = {
  ACCESS_CLIENT_ID: 'Access service token of the tunnel hostnames, first half',
  ACCESS_CLIENT_SECRET: 'Access service token of the tunnel hostnames, second half',
  ADMIN_TOKEN: 'for the admin routes; a new one: openssl rand -hex 32',
  ADMIN_TOKEN_NEXT: 'the admin token that is about to replace the current one',
}

async function main(): Promise<number> {
  const { values, positionals } = readArguments()
  if (values.help) {
    console.log(USAGE_TEXT)
    return 0
  }
  const { env: environment, config } = values
  if (environment === undefined) throw new UsageError(`give --env\n\n${USAGE_TEXT}`)
  const strange = positionals.find((name) => !isSecretName(name))
  if (strange !== undefined)
    throw new UsageError(
      `the gateway has no secret of that name (argument ${positionals.indexOf(strange) + 1}); a secret itself is never an argument`,
    )
  const wrangler = createWrangler(config)
  const wanted =
    positionals.length > 0
      ? positionals
      : await missingNames(await readDeployment(environment, { config }), wrangler)
  if (wanted.length === 0) {
    console.log('nothing is missing')
    return 0
  }
  if (values.list) {
    for (const name of wanted) console.log(`missing: ${name}  (${meaningOf(name)})`)
    return 1
  }
  const prompter = createPrompter(process.stdin, process.stdout)
  try {
    return await fill(withBothHalves(wanted), environment, wrangler, prompter)
  } finally {
    prompter.close()
  }
}

async function missingNames(deployment: Deployment, wrangler: Wrangler): Promise<readonly string[]> {
  const parsed = parseDeployment(deployment)
  if (!parsed.ok)
    throw new UsageError(`fix wrangler.toml first:\n${parsed.faults.map((fault) => `  ${fault}`).join('\n')}`)
  const held = await listSecrets(wrangler, deployment.environment ?? '')
  if ('fault' in held) throw new UsageError(`${held.fault}; first: ${held.todo}`)
  return secretNames(parsed.value).filter((name) => !held.names.has(name))
}

/** The other half of an Access credential; undefined for any other secret. */
function otherHalf(name: string): string | undefined {
  const [, half, suffix = ''] = /^ACCESS_CLIENT_(ID|SECRET)(|_[A-Z0-9_]+)$/.exec(name) ?? []
  return half === undefined ? undefined : `ACCESS_CLIENT_${half === 'ID' ? 'SECRET' : 'ID'}${suffix}`
}

/** One half of a credential is of no use with the other half of another. */
function withBothHalves(names: readonly string[]): readonly string[] {
  const expanded = names.flatMap((name) => {
    const other = otherHalf(name)
    if (other === undefined) return [name]
    return name.startsWith('ACCESS_CLIENT_ID') ? [name, other] : [other, name]
  })
  return [...new Set(expanded)]
}

async function fill(
  names: readonly string[],
  environment: string,
  wrangler: Wrangler,
  prompter: Prompter,
): Promise<number> {
  const answers = new Map<string, string>()
  for (const name of names) {
    const value = await askFor(name, prompter)
    if (value !== undefined) answers.set(name, value)
  }
  const failed: string[] = []
  const skipped: string[] = []
  for (const [name, value] of answers) {
    const other = otherHalf(name)
    if (other === undefined) {
      const { code } = await wrangler(['secret', 'put', name, '--env', environment], { input: value })
      if (code === 0) console.log(`uploaded ${name}`)
      else failed.push(name)
    } else if (!answers.has(other)) {
      console.log(`skipped: an Access credential needs both halves, and ${other} is missing`)
      skipped.push(name)
    } else if (name.startsWith('ACCESS_CLIENT_ID')) {
      failed.push(
        ...(await uploadPair({ [name]: value, [other]: answers.get(other) ?? '' }, environment, wrangler)),
      )
    }
  }
  for (const name of failed) console.error(`error:   wrangler did not take ${name}; try: npx wrangler whoami`)
  return answers.size - failed.length - skipped.length === names.length ? 0 : 1
}

/** Both halves of an Access credential at once; the names that were not taken. */
async function uploadPair(
  pair: Readonly<Record<string, string>>,
  environment: string,
  wrangler: Wrangler,
): Promise<readonly string[]> {
  const names = Object.keys(pair)
  const { code } = await wrangler(['secret', 'bulk', '--env', environment], { input: JSON.stringify(pair) })
  if (code !== 0) return names
  console.log(`uploaded ${names.join(' and ')}`)
  return []
}

/**
 * Undefined when skipped. Asks again for what the gateway would not take, so that a bad paste
 * never gets there.
 */
async function askFor(name: string, prompter: Prompter): Promise<string | undefined> {
  for (;;) {
    const typed = await prompter.ask(`${name}  (${meaningOf(name)}): `)
    const value = typed?.trim()
    if (value === undefined || value === '') return undefined
    const parsed = parseConfig({ [name]: value })
    const fault = parsed.ok ? undefined : parsed.faults.find((each) => each.startsWith(`${name} must`))
    if (fault === undefined) return value
    console.log(fault)
  }
}

function meaningOf(name: string): string {
  const shared = name.replace(/^(ACCESS_CLIENT_(ID|SECRET))_.*/, '$1')
  if (shared !== name) return `${MEANING[shared]}, of one challenge's own`
  return MEANING[name] ?? 'bearer token the challenge expects; a new one: openssl rand -hex 32'
}

function readArguments() {
  try {
    return parseArgs({ options: OPTIONS, allowPositionals: true })
  } catch {
    // The parser's own message quotes the argument, which might be a secret in the wrong place.
    throw new UsageError(`unknown option\n\n${USAGE_TEXT}`)
  }
}

await runCommand(async () => {
  try {
    return await main()
  } catch (error) {
    if (!(error instanceof Interrupted)) throw error
    console.error('\nnothing was uploaded')
    return 1
  }
})
