/**
 * The whole examination: from outside, and from inside when the deployment is known. No check depends on the order of another, so
 * what can run at once does; the report keeps one order.
 */

import type { Config } from '../../../src/config/config.ts'
import { type Deployment, parseDeployment } from '../deployment.ts'
import { createAsk } from './ask.ts'
import { checkConfiguration, checkDeployment, checkSecrets } from './configuration.ts'
import { type Finding, fail, warn } from './finding.ts'
import { checkOldDoor } from './old-door.ts'
import { checkChallenge, checkTunnel, doorsOf, type OriginContext } from './origins.ts'
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
import { type Known, lookUpChallenges } from './registered.ts'
import { checkBodyLimit, checkDryRun, type Protocol, readProtocol } from './rehearsal.ts'

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
}

/** Of a gateway whose configuration is not known. */
const DEFAULT_MAX_AGE_SECONDS = 1200

export async function examine(examination: Examination): Promise<readonly Finding[]> {
  const { gateway, deployment, oldDoors, now } = examination
  const parsed = deployment && parseDeployment(deployment)
  const ask = createAsk(gateway)
  const known = await lookUpChallenges(ask, parsed?.ok === true ? parsed.value : undefined)
  const { config } = known
  const asked = known.challenges.find(({ slug, name }) => [slug, name].includes(examination.slug ?? ''))
  const active = known.challenges.find(({ status }) => status === 'active')
  const slug = asked?.slug ?? examination.slug ?? active?.slug
  const patient: Patient = {
    gateway,
    ask,
    environment: environmentOf(examination),
    slug,
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
    ])),
    ...compare(expected, protocol, limits),
  ]
}

/** What is deployed against what is written. */
function compare(expected: Expected, protocol: Protocol | undefined, limits: Limits | undefined): Finding[] {
  if (expected === undefined || protocol === undefined || limits === undefined) return []
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
    fetch: (url, init) => fetch(url, init),
    askAt: createAsk,
  }
  const answers = await Promise.all(active.flatMap(doorsOf).map((door) => checkChallenge(door, context)))
  const { masterOrigin } = config
  const master = masterOrigin && { label: 'master', origin: masterOrigin, marker: undefined }
  return [
    ...configuration,
    ...findings,
    ...checkDeployment(deployment, config, examination.gateway.hostname),
    ...secretFindings(examination.held, deployment, config),
    ...answers.flat(),
    ...(master === undefined ? [] : await checkTunnel(master, context)),
  ]
}

/** What could not be looked at is not well in production. */
function secretFindings(held: Held | undefined, deployment: Deployment, config: Config): Finding[] {
  if (held === undefined) return []
  if ('names' in held) return checkSecrets(deployment, config, held.names)
  const finding = deployment.environment === 'production' ? fail : warn
  return [finding('secrets', held.fault, held.todo)]
}
