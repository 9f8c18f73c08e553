/**
 * The whole examination: from outside, and from inside when the deployment is known. No check
 * depends on the order of another, so what can run at once does; the report keeps one order.
 */

import type { Config } from '../../../src/config/config.ts'
import { type Deployment, parseDeployment } from '../deployment.ts'
import { createAsk, plainFetch } from './ask.ts'
import { checkChain } from './chain.ts'
import { checkAccessCredential, checkConfiguration, checkDeployment, checkSecrets } from './configuration.ts'
import { doorsOf, type OriginContext } from './door.ts'
import { checkEdge } from './edge.ts'
import { type Finding, fail, warn } from './finding.ts'
import { checkKeepAlive } from './keep-alive.ts'
import { checkOldDoor } from './old-door.ts'
import { accessIn, checkChallenge, checkTunnel } from './origins.ts'
import {
  checkAdmin,
  checkClock,
  checkDevKeys,
  checkHealth,
  checkReady,
  checkRetention,
  type Limits,
  type Patient,
  readLimits,
} from './outside.ts'
import { checkPrivatePaths, checkRawPaths } from './paths.ts'
import { checkPublicPages } from './public-pages.ts'
import { type Known, listPublished, lookUpChallenges } from './registered.ts'
import { checkBodyLimit, checkDryRun, checkTokens, type Protocol, readProtocol } from './rehearsal.ts'

/** Names of the secrets that are held, or why they are not known. */
export type Held = { readonly names: ReadonlySet<string> } | { readonly fault: string; readonly todo: string }

export interface Examination {
  readonly gateway: URL
  /** Undefined: from outside only. */
  readonly deployment: Deployment | undefined
  readonly held: Held | undefined
  readonly slug: string | undefined
  readonly oldDoors: readonly URL[]
  /** Unix seconds, with fractions. */
  readonly now: () => number
  /** Waits as long as a challenge's connection is left idle. */
  readonly idle: () => Promise<unknown>
}

/** Of a gateway whose configuration is not known. */
const DEFAULT_MAX_AGE_SECONDS = 1200

export async function examine(examination: Examination): Promise<readonly Finding[]> {
  const { gateway, deployment, oldDoors, now } = examination
  const parsed = deployment && parseDeployment(deployment)
  const ask = createAsk(gateway)
  const [known, published] = await Promise.all([
    lookUpChallenges(ask, parsed?.ok === true ? parsed.value : undefined),
    listPublished(ask),
  ])
  const { config } = known
  const asked = known.challenges.find(({ slug, name }) => [slug, name].includes(examination.slug ?? ''))
  const active = known.challenges.find(({ status }) => status === 'active')
  const slug = asked?.slug ?? examination.slug ?? active?.slug ?? published[0]
  const patient: Patient = {
    gateway,
    ask,
    environment: environmentOf(examination),
    slug,
    published,
    configured: deployment !== undefined,
    blockedUids: config?.blockedUids,
    blockedHotkeys: config?.blockedHotkeys,
    maxAgeSeconds: config?.metagraphMaxAgeSeconds ?? DEFAULT_MAX_AGE_SECONDS,
    now,
  }
  const outside = await examineOutside(patient, config)
  const inside = deployment === undefined ? [] : await examineInside(examination, deployment, known)
  const doors = await Promise.all(oldDoors.map((door) => checkOldDoor(door, gateway, slug)))
  return [...outside, ...inside, ...doors]
}

/** A gateway that is asked about without its configuration is local when it is on this machine. */
function environmentOf({ gateway, deployment }: Examination): string {
  if (deployment !== undefined) return deployment.environment ?? 'local'
  return ['127.0.0.1', 'localhost', '[::1]'].includes(gateway.hostname) ? 'local' : 'unknown'
}

type Expected = (Protocol & Limits) | undefined

async function examineOutside(patient: Patient, expected: Expected): Promise<Finding[]> {
  const health = await checkHealth(patient)
  if (health.verdict === 'fail') return [health]
  const [limits, protocol] = await Promise.all([readLimits(patient.ask), readProtocol(patient)])
  const ready = await checkReady(patient)
  // Without a configuration the gateway refuses everything else.
  if (ready.some(({ says }) => says.includes('configuration'))) return [health, ...ready]
  if (protocol === undefined) return [noGateway(patient)]
  return [
    health,
    ...ready,
    ...(await Promise.all([
      checkClock(patient, limits?.signatureTtlSeconds ?? 300),
      checkRetention(limits),
      checkAdmin(patient),
      checkPrivatePaths(patient),
      checkRawPaths(patient),
      checkBodyLimit(patient, limits),
      checkDryRun(patient, protocol),
      checkDevKeys(patient),
      checkEdge(patient),
    ])),
    ...(await checkTokens(patient, protocol, patient.published)),
    ...(await checkPublicPages(patient, patient.published)),
    ...compare(expected, protocol, limits),
  ]
}

/**
 * A challenge, or any service with a /health, at the address. Said once: none of what follows
 * would be about a gateway.
 */
function noGateway({ gateway }: Patient): Finding {
  const says = `${gateway.origin} answers, but it is no gateway: GET /version names no netuid and protocol family`
  return fail('health', says, 'check --gateway; if the address is right, another service has taken it')
}

/** What is deployed against what is written. */
function compare(expected: Expected, protocol: Protocol, limits: Limits | undefined): Finding[] {
  if (expected === undefined || limits === undefined) return []
  const todo = 'deploy, or examine the environment this gateway belongs to'
  if (protocol.netuid !== expected.netuid || protocol.family !== expected.family) {
    const deployed = `subnet ${protocol.netuid}, protocol ${protocol.family}`
    return [fail('deployed', `the gateway runs ${deployed}; the configuration says otherwise`, todo)]
  }
  const names = ['maxUploadBytes', 'signatureTtlSeconds', 'nonceTtlSeconds'] as const
  const differs = names.some((name) => limits[name] !== expected[name])
  return differs ? [warn('deployed', 'the gateway runs other limits than are configured', todo)] : []
}

async function examineInside(
  examination: Examination,
  deployment: Deployment,
  { config, findings }: Known,
): Promise<Finding[]> {
  const configuration = checkConfiguration(deployment)
  if (config === undefined) return configuration
  const environment = deployment.environment ?? 'local'
  const active = config.challenges.filter(({ status }) => status === 'active')
  const context: OriginContext = {
    config,
    secrets: deployment.secrets,
    environment,
    fetch: plainFetch,
    askAt: createAsk,
  }
  const doors = active.flatMap(doorsOf)
  const [answers, kept, chain] = await Promise.all([
    Promise.all(doors.map((door) => checkChallenge(door, context))),
    Promise.all(doors.map((door) => checkKeepAlive(door, examination.idle))),
    checkChain(config, { askAt: createAsk, access: accessIn(context, undefined) }),
  ])
  const { masterOrigin } = config
  const master = masterOrigin && { label: 'master', origin: masterOrigin, marker: undefined }
  return [
    ...configuration,
    ...findings,
    ...checkDeployment(deployment, config, examination.gateway.hostname),
    ...secretFindings(examination.held, deployment, config),
    ...chain,
    ...answers.flat(),
    ...kept.flat(),
    ...(master === undefined ? [] : await checkTunnel(master, context)),
  ]
}

/** What could not be looked at is not well in production. */
function secretFindings(held: Held | undefined, deployment: Deployment, config: Config): Finding[] {
  if (held === undefined) return []
  if ('names' in held) {
    const access = deployment.environment === undefined ? [] : checkAccessCredential(config, held.names)
    return [...checkSecrets(deployment, config, held.names), ...access]
  }
  const finding = deployment.environment === 'production' ? fail : warn
  return [finding('secrets', held.fault, held.todo)]
}
