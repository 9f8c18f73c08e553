/**
 * What the public can see of a gateway: that it lives, knows the subnet, tells the right time and
 * keeps its private doors shut.
 */

import type { Answer, Ask } from './ask.ts'
import { devHotkeys } from './dev-keys.ts'
import { type Finding, fail, pass, warn } from './finding.ts'
import { explain, isRefusal, refusedByCloudflare } from './refusal.ts'

/**
 * A refresh that confirms the members is written down only when half of the maximum age has
 * passed, by the next turn of the cron.
 */
const CRON_SECONDS = 300
/** The chain's delay to finality, and KV's until every place sees a new value. */
const DELAY_SECONDS = 90
/** More than a slow line explains. */
const SKEW_SECONDS = 5

export interface Patient {
  readonly gateway: URL
  readonly ask: Ask
  /**
   * `local` for this machine, `production` for the strictest checks, any other environment in
   * between.
   */
  readonly environment: string
  /** A challenge to try things on; undefined when none is known. */
  readonly slug: string | undefined
  /** Slugs that the gateway lists for everyone. */
  readonly published: readonly string[]
  /** Whether wrangler.toml was read, too. */
  readonly configured: boolean
  /** What the configuration blocks; undefined when it is not known. */
  readonly blockedUids: ReadonlySet<number> | undefined
  readonly blockedHotkeys: ReadonlySet<string> | undefined
  /** METAGRAPH_MAX_AGE_SECONDS, as configured or by default. */
  readonly maxAgeSeconds: number
  /** Unix seconds, with fractions. */
  readonly now: () => number
}

/** Without it the rest is not worth asking. */
export async function checkHealth({ ask, gateway }: Patient): Promise<Finding> {
  const answer = await ask('/health')
  if (answer.reached && answer.status === 200 && answer.fields['status'] === 'ok')
    return pass('health', `${gateway.origin} answers`)
  if (refusedByCloudflare(answer) !== undefined)
    return fail(
      'health',
      `GET /health: ${explain(answer)}`,
      'look the cf-ray up in the zone (docs/runbook.md, "Cloudflare refused a miner")',
    )
  const todo = answer.reached
    ? 'another server answers there: check the domain in wrangler.toml and in the Cloudflare dashboard'
    : 'check the URL, and that the gateway is deployed (npx wrangler deployments list --env NAME)'
  return fail('health', `GET /health: ${explain(answer)}`, todo)
}

export async function checkReady({ ask, maxAgeSeconds }: Patient): Promise<Finding[]> {
  const answer = await ask('/ready')
  const metagraph = recordOf(answer.reached ? answer.fields['metagraph'] : undefined)
  const age = metagraph['age_seconds']
  if (answer.reached && answer.status === 200 && typeof age === 'number') {
    const ready = pass(
      'ready',
      `subnet snapshot of block ${metagraph['block']}, ${metagraph['hotkeys']} hotkeys`,
    )
    return [ready, checkAge(age, maxAgeSeconds)]
  }
  if (isRefusal(answer, 'internal_error')) {
    const todo = 'run the doctor with --local or --env NAME: it names every fault; then deploy again'
    return [fail('ready', 'the gateway refuses its configuration', todo)]
  }
  const todo = 'docs/runbook.md, "Metagraph stuck": the gateway cannot read the chain'
  const notReady = `no usable subnet snapshot (${explain(answer)}); every upload is refused`
  return [fail('ready', notReady, todo), ...contradictionIn(answer)]
}

/**
 * The gateway names the endpoints that told different stories in its last refresh; while they do,
 * it takes no new snapshot.
 */
function contradictionIn(answer: Answer): Finding[] {
  const named: unknown = answer.reached ? answer.fields['contradicting_endpoints'] : undefined
  if (!Array.isArray(named) || named.length === 0) return []
  const todo =
    'find out which is wrong and take it out of CHAIN_ENDPOINTS; until then push a recording (docs/runbook.md, "Metagraph stuck")'
  return [fail('chain', `endpoints contradict each other: ${named.map(String).join(', ')}`, todo)]
}

function checkAge(age: number, maxAgeSeconds: number): Finding {
  const fresh = maxAgeSeconds / 2 + CRON_SECONDS + DELAY_SECONDS
  if (age <= fresh) return pass('snapshot-age', `${age} s old, so the cron refreshes it`)
  const todo = 'docs/runbook.md, "Metagraph stuck"; after a first deploy the cron may need 15 minutes'
  return warn(
    'snapshot-age',
    `${age} s old, and of no use from ${maxAgeSeconds} s on: the last refreshes failed or did not run`,
    todo,
  )
}

/** The middle of the round trip is when the gateway read its clock; it tells whole seconds. */
export async function checkClock({ ask, now }: Patient, windowSeconds: number): Promise<Finding> {
  const sent = now()
  const answer = await ask('/v1/time')
  const middle = (sent + now()) / 2
  const time = answer.reached ? answer.fields['server_time'] : undefined
  if (typeof time !== 'number')
    return fail('clock', `GET /v1/time: ${explain(answer)}`, 'deploy the gateway again')
  const skew = Math.round(Math.max(0, Math.abs(time + 0.5 - middle) - 0.5))
  if (skew <= SKEW_SECONDS) return pass('clock', `agrees with this machine within ${Math.max(skew, 1)} s`)
  const todo = 'one of the two clocks is wrong, most likely this one: switch on time synchronisation (NTP)'
  const says = `differs from this machine's by ${skew} s; the window is ${windowSeconds} s`
  return skew > windowSeconds ? fail('clock', says, todo) : warn('clock', says, todo)
}

export interface Limits {
  readonly maxUploadBytes: number
  readonly signatureTtlSeconds: number
  readonly nonceTtlSeconds: number
}

export async function readLimits(ask: Ask): Promise<Limits | undefined> {
  const answer = await ask('/v1/limits')
  if (!answer.reached || answer.status !== 200) return undefined
  const { max_upload_bytes, signature_ttl_seconds, nonce_ttl_seconds } = answer.fields
  if (typeof max_upload_bytes !== 'number' || typeof signature_ttl_seconds !== 'number') return undefined
  if (typeof nonce_ttl_seconds !== 'number') return undefined
  return {
    maxUploadBytes: max_upload_bytes,
    signatureTtlSeconds: signature_ttl_seconds,
    nonceTtlSeconds: nonce_ttl_seconds,
  }
}

/**
 * A signature lives from one window before its time to one after; a nonce that is forgotten sooner
 * could be used again.
 */
export function checkRetention(limits: Limits | undefined): Finding {
  if (limits === undefined)
    return fail('limits', 'GET /v1/limits gives no limits', 'deploy the gateway again')
  const { maxUploadBytes, signatureTtlSeconds: window, nonceTtlSeconds: retention } = limits
  const says = `uploads to ${maxUploadBytes} bytes, window ${window} s, nonces kept ${retention} s`
  if (retention >= 2 * window) return pass('limits', says)
  const todo = 'NONCE_TTL_SECONDS must be at least twice SIGNATURE_TTL_SECONDS'
  return fail('limits', `${says}: an old upload could be sent again`, todo)
}

const ADMIN_ROUTES: readonly (readonly [method: string, path: string])[] = [
  ['PUT', '/v1/admin/metagraph'],
  ['GET', '/v1/admin/challenges'],
  ['GET', '/admin'],
]

export async function checkAdmin({ ask }: Patient): Promise<Finding> {
  const tries = ADMIN_ROUTES.flatMap(([method, path]) =>
    [{}, { 'x-admin-token': 'doctor' }, { authorization: 'Bearer doctor' }].map((headers) => ({
      method,
      path,
      headers,
    })),
  )
  const answers = await Promise.all(
    tries.map(async (each) => ({ ...each, answer: await ask(each.path, each) })),
  )
  const open = answers.find(
    ({ answer }) => !isRefusal(answer, 'unauthorized') && refusedByCloudflare(answer) === undefined,
  )
  if (open === undefined) return pass('admin', 'refuses all requests without the token')
  const todo = 'only the gateway may answer there: check what stands in front of it, and deploy again'
  return fail('admin', `${open.method} ${open.path} without a token: ${explain(open.answer)}`, todo)
}

/** The secrets of the development keys are public. */
export async function checkDevKeys({
  ask,
  environment,
  blockedUids,
  blockedHotkeys,
}: Patient): Promise<Finding> {
  const answers = await Promise.all(
    devHotkeys()
      .filter(({ hotkey }) => blockedHotkeys?.has(hotkey) !== true)
      .map(async ({ name, hotkey }) => ({
        name,
        uid: uidIn(await ask(`/v1/metagraph?hotkey=${hotkey}`)),
      })),
  )
  const registered = answers.filter(({ uid }) => uid !== undefined && blockedUids?.has(uid) !== true)
  if (registered.length === 0) return pass('development-keys', 'none may upload as a member of the subnet')
  const named = registered.map(({ name, uid }) => `${name} (uid ${uid})`).join(', ')
  if (environment === 'local') return pass('development-keys', `${named}: right for a local chain`)
  const says = `the secret of ${named} is public: anyone can upload in that name`
  const todo = 'put them into BLOCKED_HOTKEYS, and check that CHAIN_ENDPOINTS names your chain'
  return environment === 'production'
    ? fail('development-keys', says, todo)
    : warn('development-keys', says, todo)
}

function uidIn(answer: Answer): number | undefined {
  const uid = answer.reached ? answer.fields['uid'] : undefined
  return typeof uid === 'number' ? uid : undefined
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {}
}
