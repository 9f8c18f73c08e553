/**
 * What would go wrong with a deploy, found before wrangler is asked.
 *
 * Cloudflare refuses some of it half way, when the KV namespace exists already; the rest it
 * accepts, and then miners are refused or the old service loses its name.
 */

import { isRecord } from '../../src/protocol/json.ts'
import { type Deployment, parseDeployment } from './deployment.ts'
import { checkDeployment, placeholdersIn } from './doctor/configuration.ts'
import type { WranglerConfig } from './wrangler-toml.ts'

/**
 * Of one variable:
 * https://developers.cloudflare.com/workers/platform/limits/#environment-variables
 */
const MAX_VAR_BYTES = 5120

/** Tables whose keys wrangler hands to the Worker, or whose keys may be spelled like a setting. */
const OWN_NAMES = ['vars', 'define']
const SETTING = /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)*$/

export interface Plan {
  readonly deployment: Deployment
  readonly config: WranglerConfig
  /** wrangler.toml as it is written, with every environment. */
  readonly written: Readonly<Record<string, unknown>>
  /** wrangler asks before it takes a domain only on a terminal. */
  readonly hasTerminal: boolean
  /** The operator has said that the domains may be taken. */
  readonly agreed: boolean
}

export interface Readiness {
  /** The gateway could not work as it is configured. */
  readonly faults: readonly string[]
  /**
   * Refused by a deploy; a dry run only warns, because the file as it is shipped has most of them.
   */
  readonly unready: readonly string[]
  /** Never refused. */
  readonly remarks: readonly string[]
}

export function judgeReadiness(plan: Plan): Readiness {
  const { deployment, config, written } = plan
  const parsed = parseDeployment(deployment)
  const early = [...oversizedVars(config.vars), ...misplacedSettings(written, deployment.environment)]
  if (!parsed.ok) {
    const isMisspelled = (fault: string) => fault.includes(' is no setting: ')
    const faults = parsed.faults.filter((fault) => !isMisspelled(fault))
    return { faults, unready: [...parsed.faults.filter(isMisspelled), ...early], remarks: [] }
  }
  const host = deployment.routes[0] ?? ''
  const faults = checkDeployment(deployment, parsed.value, host)
    .filter(({ verdict }) => verdict === 'fail')
    .map(({ check, says, todo }) => `${check}: ${says}  ->  ${todo}`)
  const unready = [...early, ...placeholdersIn(deployment, parsed.value), ...domainsTakenUnasked(plan)]
  const { challenges, masterOrigin } = parsed.value
  if (challenges.length > 0 || masterOrigin !== undefined) return { faults, unready, remarks: [] }
  const head = deployment.environment === undefined ? 'vars' : `env.${deployment.environment}.vars`
  const none = `neither CHALLENGES nor MASTER_ORIGIN is set: every upload would be 404; add [${head}.CHALLENGES.your-slug]`
  // The Deploy button deploys the top level before its owner has configured anything.
  return deployment.environment === undefined
    ? { faults, unready, remarks: [none] }
    : { faults, unready: [...unready, none], remarks: [] }
}

function oversizedVars(vars: WranglerConfig['vars']): string[] {
  return Object.entries(vars).flatMap(([name, value]) => {
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    const bytes = new TextEncoder().encode(text).length
    if (bytes <= MAX_VAR_BYTES) return []
    return `${name} has ${bytes} bytes and Cloudflare takes ${MAX_VAR_BYTES} in one variable: ${shorten(name)}`
  })
}

function shorten(name: string): string {
  return name === 'CHALLENGES'
    ? 'let a master register the challenges (MASTER_ORIGIN, ORIGIN_TEMPLATE), or shorten names and policies'
    : 'take entries out of it'
}

/** Settings under a head where the Worker never sees them, for all that this environment reads. */
function misplacedSettings(
  written: Readonly<Record<string, unknown>>,
  environment: string | undefined,
): string[] {
  const { env, ...top } = written
  const own = environment === undefined ? {} : isRecord(env) ? env[environment] : {}
  const found = [
    ...settingsIn(top, ''),
    ...(environment === undefined ? [] : settingsIn(own, `env.${environment}.`)),
  ]
  const target = environment === undefined ? 'vars' : `env.${environment}.vars`
  return found.map(
    ({ name, head }) =>
      `${name} stands under ${head === '' ? 'no head' : `[${head}]`}, where the gateway does not see it: move it to [${target}]`,
  )
}

function settingsIn(table: unknown, prefix: string): { readonly name: string; readonly head: string }[] {
  if (Array.isArray(table)) return table.flatMap((entry) => settingsIn(entry, prefix))
  if (!isRecord(table)) return []
  return Object.entries(table).flatMap(([name, value]) => {
    if (SETTING.test(name)) return { name, head: prefix.slice(0, -1) }
    return OWN_NAMES.includes(name) ? [] : settingsIn(value, `${prefix}${name}.`)
  })
}

function domainsTakenUnasked({ config, hasTerminal, agreed }: Plan): string[] {
  if (hasTerminal || agreed) return []
  const { route, routes = [] } = config
  return [route, ...routes].flatMap((each) => {
    if (typeof each !== 'object' || each.custom_domain !== true) return []
    return `${each.pattern}: without a terminal wrangler overrides an existing DNS record of this name without asking, and with it the service that has the name now; look at the zone's DNS records, then add --yes`
  })
}
