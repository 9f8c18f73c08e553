/**
 * Does the challenge believe the identity headers only when it should?
 */

import { randomUUID } from 'node:crypto'
import { type Finding, fail, pass, warn } from '../ops/doctor/finding.ts'
import type { Reply } from './send.ts'
import {
  answerOf,
  BRIDGE,
  identity,
  isRefusal,
  isSuccess,
  sample,
  sendUpload,
  type Terms,
  uploadOf,
} from './terms.ts'

/** A sound upload is taken; when it is not, whether the other family's names would be. */
export async function accepts(terms: Terms): Promise<Finding> {
  const check = 'accepts'
  const reply = await sendUpload(terms, uploadOf(terms))
  if (isSuccess(reply)) return pass(check, `a sound upload ${answerOf(reply)}`)
  const other = await sendUpload(terms, inTheOtherFamily(terms))
  const todo = isSuccess(other)
    ? `it reads X-${otherName(terms)}-… headers; read X-${ownName(terms)}-… ones, or run this with --family ${otherOf(terms)}`
    : `no miner can upload: ${whyRefused(terms, reply)}`
  return fail(check, `a sound upload ${answerOf(reply)}`, todo)
}

/** What a status says of a service whose author believes that it is done. */
function whyRefused({ slug }: Terms, reply: Reply | undefined): string {
  const { status = 0 } = reply ?? {}
  if (reply === undefined)
    return 'answer within 30 seconds; store the upload, answer, and score it afterwards'
  if (status === 401 || status === 403)
    return 'start the challenge with the token of this run, and compare Authorization with "Bearer " and the token'
  if (status === 404 || status === 405) return `serve POST ${BRIDGE} below --origin`
  if (status === 415 || status === 422)
    return 'take the body as raw bytes of any content type, no form and no JSON (FastAPI: request.stream())'
  if (status === 503) return 'start the challenge with its token, and read its log for what else is missing'
  if (status >= 500) return 'the challenge itself failed, and its log says where'
  return `compare the slug, here ${slug}, and the header names with docs/challenges.md, "What arrives"`
}

/** Three texts that are not the token; each alone must be refused. */
export async function wrongToken(terms: Terms): Promise<Finding> {
  const wrong = [`Bearer ${terms.token}x`, `Bearer ${terms.token.slice(0, -1)}`, terms.token]
  return refused(
    terms,
    'wrong-token',
    'a wrong token',
    wrong.map((authorization) => ({ authorization })),
    [
      'anyone who reaches the challenge could upload in any name',
      'compare the whole Authorization header with "Bearer " and the token, in constant time, and answer 401',
    ],
  )
}

export async function noToken(terms: Terms): Promise<Finding> {
  return refused(
    terms,
    'no-token',
    'no token',
    [{ authorization: undefined }],
    ['anyone who reaches the challenge could upload in any name', 'answer 401 when Authorization is missing'],
  )
}

export async function wrongSlug(terms: Terms): Promise<Finding> {
  const changes = [{ [`x-${terms.family}-challenge-slug`]: `not-${terms.slug}` }]
  return refused(terms, 'wrong-slug', 'another slug', changes, [
    'a token that leaks from a neighbour, or one that two challenges share, would open this one',
    `answer 400 unless X-${ownName(terms)}-Challenge-Slug is ${terms.slug}`,
  ])
}

export async function wrongHash(terms: Terms): Promise<Finding> {
  const changes = [{ [`x-${terms.family}-request-hash`]: '0'.repeat(64) }]
  return refused(terms, 'wrong-hash', "another body's hash", changes, [
    'a body that was cut off on the way would be scored',
    `hash the bytes that you read and answer 400 unless the hash is X-${ownName(terms)}-Request-Hash`,
  ])
}

/** Sent under the right token, so a challenge that reads both families takes it. */
export async function otherFamily(terms: Terms): Promise<Finding> {
  const check = 'other-family'
  const reply = await sendUpload(terms, inTheOtherFamily(terms))
  if (isRefusal(reply)) return pass(check, `X-${otherName(terms)}-… headers ${answerOf(reply)}`)
  const todo = `read X-${ownName(terms)}-… only, once the operator has moved: one request has one author`
  return warn(check, `X-${otherName(terms)}-… headers ${answerOf(reply)}`, todo)
}

export async function noUid(terms: Terms): Promise<Finding> {
  const check = 'no-uid'
  const reply = await sendUpload(terms, uploadOf(terms, { [`x-${terms.family}-verified-uid`]: undefined }))
  if (isSuccess(reply)) return pass(check, `an upload without a uid ${answerOf(reply)}`)
  const todo =
    'the operator may admit a hotkey by name, and such a one has no uid: decide on the hotkey, and take a missing uid for none'
  return fail(check, `an upload without a uid ${answerOf(reply)}`, todo)
}

function inTheOtherFamily(terms: Terms) {
  const body = sample()
  const own = Object.keys(identity(terms, terms.family, '', body)).map((name) => [name, undefined])
  const other = identity(terms, otherOf(terms), `conformance-${randomUUID()}`, body)
  return uploadOf(terms, { ...Object.fromEntries(own), ...other }, body)
}

/** One upload for each of `changes`; none may be taken, and each must be answered. */
async function refused(
  terms: Terms,
  check: string,
  what: string,
  changes: readonly Readonly<Record<string, string | undefined>>[],
  [why, todo]: readonly [why: string, todo: string],
): Promise<Finding> {
  const replies = await Promise.all(changes.map((change) => sendUpload(terms, uploadOf(terms, change))))
  if (replies.every(isRefusal)) return pass(check, `${what} ${answerOf(replies[0])}`)
  const bad = replies.find((reply) => !isRefusal(reply))
  return fail(check, `${what} ${answerOf(bad)}`, isSuccess(bad) ? `${why}: ${todo}` : todo)
}

function otherOf({ family }: Terms): Terms['family'] {
  return family === 'base' ? 'platform' : 'base'
}

function ownName({ family }: Terms): string {
  return family === 'base' ? 'Base' : 'Platform'
}

function otherName(terms: Terms): string {
  return ownName({ ...terms, family: otherOf(terms) })
}
