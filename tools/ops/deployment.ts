/**
 * What an operator has configured, read from where it is written: wrangler.toml for one
 * environment, and the secrets that can be read on this machine.
 *
 * Locally everything is in wrangler.toml and `.dev.vars`. Of a deployed environment Cloudflare
 * tells the names of the secrets, never their values; for checks that need a value it may stand in
 * `.dev.vars.<environment>` or in the process environment.
 */

import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { parseEnv } from 'node:util'
import { type Config, type ParsedConfig, parseConfig, tokenName } from '../../src/config/config.ts'
import { secretSuffix } from '../../src/config/reader.ts'
import { readWranglerToml, routePatterns, WRANGLER_TOML, type WranglerConfig } from './wrangler-toml.ts'

export interface Deployment {
  /** Name of an environment in wrangler.toml; undefined for this machine. */
  readonly environment: string | undefined
  /** Vars, something for each bound service, and locally also whatever `.dev.vars` sets. */
  readonly env: Readonly<Record<string, unknown>>
  /** Values that are known here, by name. Never printed. */
  readonly secrets: ReadonlyMap<string, string>
  /** Domains and patterns of its routes. */
  readonly routes: readonly string[]
  readonly crons: readonly string[]
  /** Names of the addresses at workers.dev that are switched on. */
  readonly openAddresses: readonly string[]
}

type Environment = Readonly<Record<string, string | undefined>>

export interface ReadOptions {
  readonly config?: string | undefined
  /** The process environment, where the values of a deployed environment's secrets may stand. */
  readonly process?: Environment
  /** Leave `.dev.vars` out, which is never deployed. */
  readonly withoutDevVars?: boolean
}

/** Throws `UsageError` when the file or the environment does not exist. */
export async function readDeployment(
  environment: string | undefined,
  options: ReadOptions = {},
): Promise<Deployment> {
  const file = options.config ?? WRANGLER_TOML
  const config = await readWranglerToml(file, environment)
  const local = environment === undefined
  const written = options.withoutDevVars === true ? {} : await readBeside(file, environment)
  const routes = routePatterns(config)
  const env = { ...config.vars, ...boundServices(config), ...(local ? written : {}) }
  return {
    environment,
    env,
    secrets: knownSecrets({ ...(local ? {} : options.process), ...written }),
    routes,
    crons: config.triggers.crons ?? [],
    openAddresses: [
      // Unset, it is on for a Worker that has no other address.
      ...((config.workers_dev ?? routes.length === 0) ? ['workers_dev'] : []),
      ...(config.preview_urls === true ? ['preview_urls'] : []),
    ],
  }
}

/** What `vpc:BINDING` may name. Only the deployed Worker can ask there. */
function boundServices({ vpc_services, services }: WranglerConfig): Readonly<Record<string, object>> {
  const fetch = () => Promise.reject(new Error('only the deployed Worker can ask there'))
  return Object.fromEntries([...vpc_services, ...services].map(({ binding }) => [binding, { fetch }]))
}

/** Every secret a configuration needs, in the order in which an operator meets them. */
export function secretNames(config: Pick<Config, 'challenges'>): readonly string[] {
  const active = config.challenges.filter(({ status }) => status === 'active')
  const tokens = active.map(({ slug }) => tokenName(slug))
  return [...tokens, 'ACCESS_CLIENT_ID', 'ACCESS_CLIENT_SECRET', 'ADMIN_TOKEN']
}

/**
 * As the worker will read it, in the words of its own parser. The secrets of a deployed
 * environment stay at Cloudflare: taken as there.
 */
export function parseDeployment({ environment, env }: Deployment): ParsedConfig {
  if (environment === undefined) return parseConfig(env)
  const vars = Object.entries(env).filter(([name]) => !isSecretName(name))
  return parseConfig({
    ...Object.fromEntries(vars),
    ACCESS_CLIENT_ID: 'unread',
    ACCESS_CLIENT_SECRET: 'unread',
  })
}

export function isSecretName(name: string): boolean {
  return /^(CHALLENGE_TOKEN_\w+|ADMIN_TOKEN(_NEXT)?|ACCESS_CLIENT_(ID|SECRET)(_[A-Z0-9_]+)?)$/.test(name)
}

/** Where an Access credential of one challenge's own stands. */
export function accessNames(slug: string): { readonly id: string; readonly secret: string } {
  const suffix = secretSuffix(slug)
  return { id: `ACCESS_CLIENT_ID_${suffix}`, secret: `ACCESS_CLIENT_SECRET_${suffix}` }
}

/**
 * Locally `.dev.vars` as wrangler and `npm start` read it; of an environment a file of its own,
 * never the local one.
 */
async function readBeside(file: string, environment: string | undefined): Promise<Environment> {
  if (environment !== undefined) {
    const beside = path.join(path.dirname(file), `.dev.vars.${environment}`)
    return existsSync(beside) ? parseEnv(readFileSync(beside, 'utf8')) : {}
  }
  const { unstable_getVarsForDev } = await import('wrangler')
  const bindings = unstable_getVarsForDev(file, undefined, {}, undefined, true)
  return Object.fromEntries(
    Object.entries(bindings).flatMap(([name, { value }]) =>
      typeof value === 'string' ? [[name, value]] : [],
    ),
  )
}

function knownSecrets(values: Environment): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(values).flatMap(([name, value]): [string, string][] =>
      value !== undefined && value !== '' && isSecretName(name) ? [[name, value]] : [],
    ),
  )
}
