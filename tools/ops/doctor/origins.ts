/**
 * Each challenge as the gateway reaches it: through its tunnel, with the gateway's credentials,
 * judged by the gateway's own rule for what is the challenge's answer and what is a failure on the
 * way.
 *
 * Only questions that change nothing: the challenge's health, and its weights behind the same
 * token as uploads.
 */

import { createOrigin, type OriginAnswer } from '../../../src/origin/origin.ts'
import { accessNames } from '../deployment.ts'
import { type Door, type OriginContext, request, secretsFile } from './door.ts'
import { type Finding, fail, pass, warn } from './finding.ts'
import { checkToken } from './token.ts'

const TIMEOUT_MS = 10_000

export async function checkChallenge(challenge: Door, context: OriginContext): Promise<Finding[]> {
  if (challenge.origin.protocol === 'vpc:') {
    const says = 'behind a Workers VPC service: this machine cannot ask it'
    return [
      warn(`challenge:${challenge.label}`, says, 'watch the first upload: npx wrangler tail --env NAME'),
    ]
  }
  const faults: string[] = []
  const call = createOrigin({
    timeoutMs: TIMEOUT_MS,
    access: () => accessIn(context, challenge.slug),
    fetch: (url, init) => context.fetch(url, init).catch((error) => noteFault(error, faults)),
  })
  const [answer, tunnel] = await Promise.all([
    call(request(challenge, '/health', {})),
    checkTunnel(challenge, context),
  ])
  if (answer.delivered) await answer.response.body?.cancel()
  if (
    challenge.origin.protocol === 'https:' &&
    accessIn(context, challenge.slug) === undefined &&
    isTurnedAway(challenge, answer)
  )
    return [notTried(challenge, context), ...tunnel]
  const alive = judgeAlive(challenge, answer, faults[0])
  if (alive.verdict === 'fail') return [alive, ...tunnel]
  return [alive, checkMarker(challenge), await checkToken(challenge, call, context), ...tunnel]
}

/**
 * The gateway logs no more than the error's kind; the doctor may say which: `ENOTFOUND`,
 * `ECONNREFUSED`, `CERT_HAS_EXPIRED`.
 */
function noteFault(error: unknown, faults: string[]): never {
  const cause = error instanceof Error ? error.cause : undefined
  if (cause instanceof Error && 'code' in cause && cause.code !== 'ABORT_ERR') faults.push(String(cause.code))
  throw error
}

/**
 * As Access turns away a client without the service token. With a marker on it a refusal is the
 * challenge's own.
 */
function isTurnedAway({ marker }: Door, answer: OriginAnswer): boolean {
  if (answer.delivered) return marker === undefined && [401, 403].includes(answer.response.status)
  return ['access login', 'no marker, 401', 'no marker, 403'].includes(answer.cause)
}

/** Access did what it is there for: without the token nothing can be said about the challenge. */
function notTried({ label }: Door, { environment }: OriginContext): Finding {
  const says = 'not tried: Access lets no request through without the service token'
  const todo = `set ACCESS_CLIENT_ID and ACCESS_CLIENT_SECRET in ${secretsFile(environment)} for this run`
  return warn(`challenge:${label}`, says, todo)
}

function judgeAlive({ label }: Door, answer: OriginAnswer, fault: string | undefined): Finding {
  const check = `challenge:${label}`
  if (!answer.delivered) {
    const cause = fault ?? answer.cause
    return fail(check, `does not answer through its origin (${cause})`, originHint(cause))
  }
  const { status } = answer.response
  if (status === 200) return pass(check, 'answers through its origin')
  if (status === 401 || status === 403)
    return fail(check, `GET /health is refused with ${status}`, ACCESS_HINT)
  return warn(check, `GET /health answers ${status}`, 'ask the operator of the challenge')
}

function originHint(cause: string): string {
  if (cause === 'ENOTFOUND')
    return "no such hostname: compare `origin` with the tunnel's public hostname (docs/deploy.md)"
  if (/^(access login|no marker, 40[13])$/.test(cause)) return ACCESS_HINT
  if (cause.startsWith('no marker')) return MARKER_HINT
  return 'docs/runbook.md, "Origin down" and "Tunnel down"'
}

const MARKER_HINT =
  'the answer lacks the header named by `marker`: let the challenge send it on every answer, or remove `marker`'
const ACCESS_HINT =
  'check the Access policy (action Service Auth), ACCESS_CLIENT_ID and ACCESS_CLIENT_SECRET; docs/runbook.md, "Tunnel down"'

/**
 * With one configured, an answer without it never counts as the challenge's: `judgeAlive` has seen
 * it.
 */
function checkMarker({ label, marker }: Door): Finding {
  const check = `marker:${label}`
  if (marker !== undefined) return pass(check, `${marker} is on its answers`)
  const todo = 'let the challenge send its own header on every answer, and name it as `marker`'
  return warn(
    check,
    "none configured: the gateway may take the tunnel's own answer for the challenge's",
    todo,
  )
}

/**
 * Only Access stands between a tunnel hostname and the world: without the service token no request
 * may get through.
 */
export async function checkTunnel(
  { label, origin, marker }: Omit<Door, 'slug'>,
  { environment, askAt }: Pick<OriginContext, 'environment' | 'askAt'>,
): Promise<Finding[]> {
  if (origin.protocol !== 'https:') return []
  const check = `tunnel:${label}`
  const answer = await askAt(origin)('/health')
  if (!answer.reached)
    return [warn(check, `could not be checked (${answer.reason})`, 'see the challenge above')]
  const { status, headers } = answer
  const login = status >= 300 && status < 400 && /\.cloudflareaccess\.com\//.test(headers['location'] ?? '')
  const answered = marker !== undefined && headers[marker.toLowerCase()] !== undefined
  if (!answered && (login || status === 401 || status === 403))
    return [pass(check, 'closed without the service token')]
  if (!answered && status >= 500)
    return [warn(check, `could not be checked (${status})`, 'see the challenge above')]
  const says = `open to the world: GET /health without a service token answers ${status}`
  const todo = 'put an Access application with a Service Auth policy on the hostname (docs/deploy.md)'
  return [environment === 'production' ? fail(check, says, todo) : warn(check, says, todo)]
}

/** The challenge's own credential, else the one for all. */
export function accessIn({ secrets }: Pick<OriginContext, 'secrets'>, slug: string | undefined) {
  const own = slug === undefined ? undefined : accessNames(slug)
  const isOwn = own !== undefined && secrets.has(own.id)
  const clientId = secrets.get(isOwn ? own.id : 'ACCESS_CLIENT_ID')
  const clientSecret = secrets.get(isOwn ? own.secret : 'ACCESS_CLIENT_SECRET')
  return clientId === undefined || clientSecret === undefined ? undefined : { clientId, clientSecret }
}
