/**
 * An upload that never happens: signed with a key made for the occasion and sent to the dry run,
 * it goes through every check and must fail at exactly one of them, the registration.
 */

import { randomBytes, randomUUID } from 'node:crypto'
import { hashBody, signUpload, submissionsPath } from '../../../miner/sign.ts'
import { tokenName } from '../../../src/config/config.ts'
import { createSigner } from '../../../src/crypto/sign.ts'
import type { ProtocolFamily } from '../../../src/protocol/canonical.ts'
import type { Answer } from './ask.ts'
import { type Finding, fail, pass, warn } from './finding.ts'
import type { Limits, Patient } from './outside.ts'
import { explain, isRefusal } from './refusal.ts'

const NO_CHALLENGE = 'check the slug, its status, and that it has an origin: CHALLENGES, or ORIGIN_TEMPLATE'
const BODY = new TextEncoder().encode('a dry run of the doctor')

export interface Protocol {
  readonly netuid: number
  readonly family: ProtocolFamily
}

/** What the gateway says it verifies; undefined when it does not say. */
export async function readProtocol({ ask }: Patient): Promise<Protocol | undefined> {
  const answer = await ask('/version')
  if (!answer.reached) return undefined
  const { netuid, protocol_family: family } = answer.fields
  if (typeof netuid !== 'number' || (family !== 'platform' && family !== 'base')) return undefined
  return { netuid, family }
}

export async function checkDryRun(patient: Patient, protocol: Protocol): Promise<Finding> {
  const { slug } = patient
  if (slug === undefined) return untried('dry-run', patient)
  const answer = await rehearse(patient, protocol, slug)
  if (isRefusal(answer, 'not_found', 'method_not_allowed'))
    return warn('dry-run', 'this gateway has no dry run yet', 'deploy the current version')
  if (isRefusal(answer, 'rate_limited'))
    return warn('dry-run', 'too many dry runs from this address', 'wait a minute and run the doctor again')
  if (!answer.reached || answer.status !== 200)
    return fail('dry-run', explain(answer), 'npx wrangler tail --env NAME shows the cause')
  return judge(patient, codesByCheck(answer.fields['checks']))
}

/**
 * Of the other challenges only what differs from one to the next: a registered one may have no
 * token yet.
 */
export async function checkTokens(
  patient: Patient,
  protocol: Protocol,
  slugs: readonly string[],
): Promise<Finding[]> {
  const others = slugs.filter((slug) => slug !== patient.slug)
  const findings = await Promise.all(
    others.map(async (slug) => {
      const answer = await rehearse(patient, protocol, slug)
      const code = codesByCheck(answer.reached ? answer.fields['checks'] : undefined).get('challenge_token')
      if (code === undefined || code === 'pass' || code === 'skipped') return []
      return fail(
        'dry-run',
        `challenge_token of ${slug}: ${code}`,
        `npm run secrets -- --env NAME ${tokenName(slug)}`,
      )
    }),
  )
  return findings.flat()
}

async function rehearse(patient: Patient, protocol: Protocol, slug: string): Promise<Answer> {
  const upload = {
    ...protocol,
    slug,
    bodyHash: await hashBody(BODY),
    nonce: randomUUID(),
    timestamp: Math.floor(patient.now()),
  }
  const signed = signUpload(upload, createSigner(randomBytes(32), 'sr25519'), randomBytes(32))
  return patient.ask(`${submissionsPath(slug)}/verify`, {
    method: 'POST',
    headers: signed.headers,
    body: BODY,
  })
}

function untried(check: string, { configured }: Patient): Finding {
  const todo = configured
    ? 'configure or register a challenge and make it active, or give --challenge SLUG'
    : 'give --challenge SLUG, or --local or --env NAME to read the challenges from wrangler.toml'
  return warn(check, 'no challenge to try it on', todo)
}

type Codes = ReadonlyMap<string, string>

function judge({ environment, slug }: Patient, codes: Codes): Finding {
  const wrong = ['challenge', 'challenge_token', 'signature'].find((check) => codes.get(check) !== 'pass')
  if (wrong !== undefined) {
    return fail('dry-run', `${wrong} of ${slug}: ${codes.get(wrong) ?? 'not checked'}`, REMEDIES[wrong] ?? '')
  }
  const registration = codes.get('registration')
  if (registration === 'pass') {
    const says = 'a key that is not registered may upload'
    const todo = 'set REQUIRE_REGISTERED_HOTKEY to true'
    if (environment === 'local') return pass('dry-run', `${says} (REQUIRE_REGISTERED_HOTKEY is false)`)
    return environment === 'production' ? fail('dry-run', says, todo) : warn('dry-run', says, todo)
  }
  if (registration === 'unknown_hotkey')
    return pass('dry-run', 'a stranger passes every check but the registration')
  const todo = 'see what "ready" says above'
  return warn('dry-run', `registration could not be judged: ${registration ?? 'not checked'}`, todo)
}

const REMEDIES: Readonly<Record<string, string>> = {
  challenge: NO_CHALLENGE,
  challenge_token: 'npm run secrets -- --env NAME',
  signature: 'if the clock is right (above), the gateway verifies another text than it documents: roll back',
}

/** `pass`, `skipped`, or the code of the refusal. */
function codesByCheck(checks: unknown): Codes {
  const list: readonly unknown[] = Array.isArray(checks) ? checks : []
  return new Map(
    list.flatMap((entry): [string, string][] => {
      if (typeof entry !== 'object' || entry === null) return []
      const { check, result, problem }: { check?: unknown; result?: unknown; problem?: unknown } = entry
      const code =
        typeof problem === 'object' && problem !== null && 'code' in problem ? problem.code : result
      return [[String(check), String(code)]]
    }),
  )
}

/**
 * The gateway must say no from the announcement alone, before miners and attackers spend its
 * memory.
 */
export async function checkBodyLimit(patient: Patient, limits: Limits | undefined): Promise<Finding> {
  const { slug, ask } = patient
  if (slug === undefined) return untried('body-limit', patient)
  if (limits === undefined) return fail('body-limit', 'the limit is not known', 'see "limits" above')
  const announcedBytes = limits.maxUploadBytes + 1
  const answer = await ask(submissionsPath(slug), { method: 'POST', announcedBytes })
  if (isRefusal(answer, 'submission_too_large'))
    return pass('body-limit', `${announcedBytes} announced bytes are refused unread`)
  if (isRefusal(answer, 'challenge_not_found'))
    return warn('body-limit', `not tried: the gateway routes no challenge ${slug}`, NO_CHALLENGE)
  if (!answer.reached && answer.reason === 'timeout') {
    const todo = 'something in front of the gateway waits for the whole body; uploads still work'
    return warn('body-limit', 'no answer before the body is sent', todo)
  }
  return fail(
    'body-limit',
    `${announcedBytes} announced bytes: ${explain(answer)}`,
    'deploy the gateway again',
  )
}
