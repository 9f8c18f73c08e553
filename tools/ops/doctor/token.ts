/**
 * Whether a challenge takes the gateway's token and no other, asked by the route that weighs
 * nothing.
 */

import { randomBytes } from 'node:crypto'
import { tokenName } from '../../../src/config/config.ts'
import type { CallOrigin } from '../../../src/origin/origin.ts'
import type { ProtocolFamily } from '../../../src/protocol/canonical.ts'
import { headerPrefix } from '../../../src/protocol/headers.ts'
import { type Door, type OriginContext, request, secretsFile } from './door.ts'
import { type Finding, fail, pass, warn } from './finding.ts'

const WEIGHTS = '/internal/v1/get_weights'

/** The right token must be accepted and a wrong one refused. */
export async function checkToken(door: Door, call: CallOrigin, context: OriginContext): Promise<Finding> {
  const { slug, label } = door
  const check = `token:${label}`
  const { family } = context.config
  const statusOf = (token: string, as = family) => weightsStatus(door, call, { family: as, token })
  if (isAccepted(await statusOf(randomBytes(24).toString('hex')))) {
    const todo = 'the challenge must compare the bearer token on every /internal route'
    return fail(check, 'its private routes take any token', todo)
  }
  const current = context.secrets.get(tokenName(slug))
  const next = context.secrets.get(`${tokenName(slug)}_NEXT`)
  const token = current ?? next
  if (token === undefined) {
    const says = `refuses a wrong token; ${tokenName(slug)} cannot be read back, so it was not tried`
    return warn(check, says, `set it in ${secretsFile(context.environment)} for this run`)
  }
  const status = await statusOf(token)
  if (status === undefined)
    return fail(check, 'no answer on its private routes', 'docs/runbook.md, "Origin down"')
  if (isAccepted(status)) return pass(check, 'accepted, and a wrong one refused')
  const other = family === 'base' ? 'platform' : 'base'
  if ((status === 400 || status === 403) && isAccepted(await statusOf(token, other)))
    return wrongFamily(check, status, other)
  if (next !== undefined && isAccepted(await statusOf(next))) {
    const says = 'the next token is accepted, the current one no more'
    return warn(check, says, 'finish the change (docs/rotation.md)')
  }
  return tokenFault(check, status, slug)
}

function isAccepted(status: number | undefined): boolean {
  return status !== undefined && status >= 200 && status < 300
}

/** `family` is the one that the challenge speaks and the gateway does not. */
function wrongFamily(check: string, status: number, family: ProtocolFamily): Finding {
  const configured = headerPrefix(family === 'base' ? 'platform' : 'base')
  const says = `refused with ${status} under ${configured}-* headers, and accepted under ${headerPrefix(family)}-*`
  const todo = `set PROTOCOL_FAMILY = "${family}" and deploy, or move the challenge (docs/runbook.md, "Wrong family")`
  return fail(check, says, todo)
}

function tokenFault(check: string, status: number, slug: string): Finding {
  const rejected = 'docs/runbook.md, "Token rejected": gateway and challenge hold different tokens'
  if (status === 401 || status === 403) return fail(check, `rejected with ${status}`, rejected)
  if (status === 503) return fail(check, 'the challenge has no token configured (503)', rejected)
  if (status === 400) {
    return fail(
      check,
      `the challenge does not call itself "${slug}" (400)`,
      'use the slug it was set up with in CHALLENGES',
    )
  }
  return warn(
    check,
    `GET ${WEIGHTS} answers ${status}, which proves nothing`,
    'watch the first upload: npx wrangler tail --env NAME',
  )
}

/** Undefined when it failed on the way. */
async function weightsStatus(
  challenge: Door,
  call: CallOrigin,
  { family, token }: { readonly family: ProtocolFamily; readonly token: string },
): Promise<number | undefined> {
  const slugHeader = `${headerPrefix(family)}-Challenge-Slug`
  const answer = await call(
    request(challenge, WEIGHTS, { authorization: `Bearer ${token}`, [slugHeader]: challenge.slug }),
  )
  if (!answer.delivered) return undefined
  await answer.response.body?.cancel()
  return answer.response.status
}
