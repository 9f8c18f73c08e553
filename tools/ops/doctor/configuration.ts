/**
 * What is wrong with a configuration before a miner tells.
 *
 * The worker's own parser says what does not parse; here is what parses and is still wrong for a
 * gateway that others rely on. In production a fault, in any other deployed environment worth a
 * look, on this machine as it should be.
 */

import type { Config } from '../../../src/config/config.ts'
import { accessNames, type Deployment, isSecretName, parseDeployment, secretNames } from '../deployment.ts'
import { devHotkeys } from './dev-keys.ts'
import { type Finding, fail, pass, warn } from './finding.ts'

/** Every fault a line of its own. */
export function checkConfiguration(deployment: Deployment): Finding[] {
  const parsed = parseDeployment(deployment)
  if (parsed.ok) {
    const { netuid, family, challenges } = parsed.value
    return [pass('configuration', `subnet ${netuid}, protocol ${family}, challenges: ${challenges.length}`)]
  }
  const where =
    deployment.environment === undefined ? '[vars] or .dev.vars' : `[env.${deployment.environment}.vars]`
  return parsed.faults.map((fault) => fail('configuration', fault, `fix it in ${where} and deploy`))
}

/** `host` is the gateway's. */
export function checkDeployment(deployment: Deployment, config: Config, host: string): Finding[] {
  const { environment } = deployment
  const findings = [checkChallenges(config)]
  if (environment === undefined) return findings
  return [
    ...findings,
    checkAddresses(deployment),
    checkDomain(deployment, host),
    checkOrigins(deployment, config),
    checkCron(deployment),
    checkClearText(deployment),
    checkRegistration(environment, config),
    checkAllowList(environment, config),
  ]
}

function checkChallenges({ challenges, masterOrigin }: Config): Finding {
  const active = challenges.filter(({ status }) => status === 'active').map(({ slug }) => slug)
  if (active.length > 0) return pass('challenges', active.join(', '))
  if (masterOrigin !== undefined) return pass('challenges', 'as the master registers them')
  return warn(
    'challenges',
    'none is configured and active',
    'add a CHALLENGES table per challenge to wrangler.toml',
  )
}

function checkAddresses({ openAddresses }: Deployment): Finding {
  if (openAddresses.length === 0)
    return pass('workers-dev', 'off: the gateway answers on its own domain only')
  const says = `${openAddresses.join(' and ')} open addresses outside your zone and its rules`
  return fail('workers-dev', says, 'set them to false in wrangler.toml and deploy')
}

function checkDomain({ routes, environment }: Deployment, host: string): Finding {
  if (routes.some((route) => covers(route, host))) return pass('domain', `${host} belongs to ${environment}`)
  const says = `${host} is not in the routes of ${environment} (${routes.join(', ') || 'none'})`
  return warn('domain', says, 'compare --gateway, --env and routes in wrangler.toml')
}

interface NamedUrl {
  /** Name of the setting. */
  readonly name: string
  readonly url: URL
}

/** Whatever the gateway will ask, by the setting that names it. */
function urlsIn({ challenges, chainEndpoints, masterOrigin, originTemplate }: Config): readonly NamedUrl[] {
  return [
    ...challenges.flatMap(({ slug, origins }) => origins.map((url) => ({ name: `CHALLENGES.${slug}`, url }))),
    ...chainEndpoints.map(({ url }) => ({ name: 'CHAIN_ENDPOINTS', url })),
    ...(masterOrigin === undefined ? [] : [{ name: 'MASTER_ORIGIN', url: masterOrigin }]),
    ...(originTemplate === undefined
      ? []
      : [{ name: 'ORIGIN_TEMPLATE', url: new URL(originTemplate.replace('{slug}', 'x')) }]),
  ]
}

/**
 * Hostnames that documentation may use and that cannot be owned (RFC 2606): in wrangler.toml they
 * are there to be replaced.
 */
const PLACEHOLDER = /(^|[.*])example\.(com|org|net)$/

/** A sentence for each that is left. */
export function placeholdersIn({ routes }: Deployment, config: Config): readonly string[] {
  const hosts = [
    ...routes.map((route) => ({ name: 'routes', host: hostOf(route) })),
    ...urlsIn(config).map(({ name, url }) => ({ name, host: url.hostname })),
  ]
  return hosts
    .filter(({ host }) => PLACEHOLDER.test(host))
    .map(({ name, host }) => `${name}: ${host} is a placeholder: put your own hostname there`)
}

/**
 * Loopback cannot be reached from Cloudflare; a route over a tunnel hostname sends the gateway to
 * itself.
 */
function checkOrigins({ routes }: Deployment, config: Config): Finding {
  const urls = urlsIn(config)
  const loopback = urls.filter(({ url }) => url.protocol === 'http:').map(({ name }) => name)
  if (loopback.length > 0) {
    const todo = 'give the https:// hostname of its tunnel'
    return fail(
      'origins',
      `loopback in ${[...new Set(loopback)].join(', ')}: out of reach for Cloudflare`,
      todo,
    )
  }
  const looped = urls.find(({ url }) => routes.some((route) => covers(route, url.hostname)))
  if (looped === undefined) return pass('origins', 'https, and none behind a route of the gateway')
  const todo = 'move the tunnel hostname into another zone, or narrow the route'
  return fail(
    'origins',
    `the gateway's own route covers the hostname in ${looped.name}: requests would go in circles`,
    todo,
  )
}

function checkCron({ crons }: Deployment): Finding {
  if (crons.length > 0) return pass('cron', crons.join(', '))
  return fail(
    'cron',
    'no cron: nothing refreshes the metagraph in time',
    'restore [triggers] in wrangler.toml and deploy',
  )
}

function checkClearText({ env, environment }: Deployment): Finding {
  const names = Object.keys(env).filter(isSecretName)
  if (names.length === 0) return pass('clear-text', 'no secret in wrangler.toml')
  const todo = `remove it from the file, choose a new secret, then npm run secrets -- --env ${environment}`
  return fail(
    'clear-text',
    `${names.join(', ')} stands in wrangler.toml, where every reader of the file sees it`,
    todo,
  )
}

function checkRegistration(environment: string, { requireRegisteredHotkey }: Config): Finding {
  if (requireRegisteredHotkey) return pass('registration', 'required')
  const todo = 'remove REQUIRE_REGISTERED_HOTKEY, or set it to true'
  return graver(environment)('registration', 'not required: any key in the world may upload', todo)
}

function checkAllowList(environment: string, { extraHotkeys }: Config): Finding {
  const known = devHotkeys().filter(({ hotkey }) => extraHotkeys.has(hotkey))
  if (known.length > 0) {
    const says = `the secret of ${known.map(({ name }) => name).join(', ')} is public`
    return graver(environment)('allow-list', says, 'take it out of EXTRA_REGISTERED_HOTKEYS')
  }
  return pass('allow-list', `${extraHotkeys.size} hotkeys, none with a known secret`)
}

/**
 * Whether one Access credential opens the tunnels of several challenges. Cloudflare's documents do
 * not say whether the credential is taken out before the service sees the request, so the operator
 * of one challenge might use it to ask another.
 */
export function checkAccessCredential({ challenges }: Config, held: ReadonlySet<string>): Finding[] {
  const behindTunnels = challenges.filter(
    ({ status, origins }) => status === 'active' && origins.some(({ protocol }) => protocol === 'https:'),
  )
  if (behindTunnels.length === 0) return []
  const shared = behindTunnels.map(({ slug }) => slug).filter((slug) => !held.has(accessNames(slug).id))
  if (shared.length < 2) return [pass('access-credential', 'no two challenges share an Access credential')]
  const says = `one Access credential opens ${shared.join(', ')}`
  const { id, secret } = accessNames(shared[0] ?? '')
  const todo = `if different people run them, give each its own: ${id} and ${secret}, with its own service token and policy`
  return [warn('access-credential', says, todo)]
}

/** Names of secrets the environment holds, against those the configuration asks for. */
export function checkSecrets(deployment: Deployment, config: Config, held: ReadonlySet<string>): Finding[] {
  const { environment } = deployment
  const todo =
    environment === undefined
      ? 'put it into .dev.vars (see .dev.vars.example)'
      : `npm run secrets -- --env ${environment}`
  const missing = secretNames(config).filter((name) => !held.has(name))
  if (missing.length === 0) return [pass('secrets', 'all are set')]
  return missing.map((name) => {
    if (name.startsWith('CHALLENGE_TOKEN_'))
      return fail('secrets', `${name} is missing: uploads answer 502 challenge_token_unavailable`, todo)
    if (name === 'ADMIN_TOKEN')
      return warn(
        'secrets',
        'ADMIN_TOKEN is missing: every admin route answers 401',
        `${todo}, if you want them`,
      )
    if (environment === undefined) return pass('secrets', `${name} is not needed on this machine`)
    return graver(environment)('secrets', `${name} is missing: Access would refuse the gateway`, todo)
  })
}

function graver(environment: string): typeof fail {
  return environment === 'production' ? fail : warn
}

/**
 * Whether a route pattern of wrangler.toml (`host`, `*.host/path*`) takes requests to a host name.
 */
export function covers(route: string, host: string): boolean {
  const expression = hostOf(route)
    .split('*')
    .map((text) => text.replaceAll('.', '\\.'))
    .join('.*')
  return new RegExp(`^${expression}$`, 'i').test(host)
}

function hostOf(route: string): string {
  return route.replace(/^https?:\/\//, '').split('/')[0] ?? ''
}
