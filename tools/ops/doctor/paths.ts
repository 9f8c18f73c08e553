/**
 * Paths as an attacker would write them.
 *
 * Private routes of a challenge must stay private however their path is spelled, and whatever the
 * zone in front makes of it: by default Cloudflare normalises URLs before a Worker sees them
 * (merges `//`, resolves `..`), which another zone setting turns off.
 */

import type { Answer } from './ask.ts'
import { type Finding, fail, pass } from './finding.ts'
import type { Patient } from './outside.ts'
import { explain, isRefusal, refusedByCloudflare } from './refusal.ts'

const PRIVATE = [
  '/internal/v1/get_weights',
  '/internal/v1/bridge/submissions',
  '/Internal/v1/get_weights',
  '/health',
  '/version',
]

/** Each would be the private route for a layer that resolves, decodes or folds. */
const DISGUISED = [
  '/x/../internal/v1/get_weights',
  '/x/%2e%2e/internal/v1/get_weights',
  '/..%2finternal/v1/get_weights',
  '//internal/v1/get_weights',
  '/%2finternal/v1/get_weights',
  '/%69nternal/v1/get_weights',
  '/%2569nternal/v1/get_weights',
  '/x/..\\internal\\v1\\get_weights',
  '/internal;x/v1/get_weights',
  '/./internal/v1/get_weights',
]

export async function checkPrivatePaths(patient: Patient): Promise<Finding> {
  const slug = patient.slug ?? 'any-challenge'
  const own = await tryAll(patient, ['/internal/v1/get_weights', '/internal/v1/bridge/submissions'])
  const through = await tryAll(
    patient,
    PRIVATE.map((path) => `/challenges/${slug}${path}`),
  )
  const open = [...own, ...through].find(({ answer }) => !isShut(answer))
  if (open === undefined) return pass('private-paths', 'the private routes of challenges are not public')
  const todo =
    'take the gateway off the air (docs/runbook.md, "Bad deploy") and report this: it must never happen'
  return fail('private-paths', `GET ${open.path}: ${explain(open.answer)}`, todo)
}

export async function checkRawPaths(patient: Patient): Promise<Finding> {
  const slug = patient.slug ?? 'any-challenge'
  const tried = await tryAll(
    patient,
    DISGUISED.map((path) => `/challenges/${slug}${path}`),
  )
  const open = tried.find(({ answer }) => !isShut(answer))
  if (open !== undefined) {
    const todo =
      'take the gateway off the air (docs/runbook.md, "Bad deploy") and report this: it must never happen'
    return fail('raw-paths', `GET ${open.path}: ${explain(open.answer)}`, todo)
  }
  return pass('raw-paths', `disguised private paths are refused; ${await describeZone(patient)}`)
}

/**
 * Both are safe. It explains why a miner who signs a path with `//` or `%2e%2e` is refused in one
 * zone and not in another.
 */
async function describeZone({ ask }: Patient): Promise<string> {
  const folded = await ask('/v1/x/%2e%2e/time')
  return folded.reached && folded.status === 200
    ? 'the zone normalises URLs before the gateway sees them'
    : 'paths arrive as they were sent'
}

function tryAll({ ask }: Patient, paths: readonly string[]) {
  return Promise.all(paths.map(async (path) => ({ path, answer: await ask(path) })))
}

/** Refused by the gateway, or by the edge before it (which gives no request id). */
function isShut(answer: Answer): boolean {
  if (isRefusal(answer, 'path_not_allowed', 'not_found', 'challenge_not_found')) return true
  if (refusedByCloudflare(answer) !== undefined) return true
  return answer.reached && answer.status === 400 && answer.headers['x-request-id'] === undefined
}
