/**
 * Bodies and names as they come over a bad line, and the same nonce again.
 */

import { randomUUID } from 'node:crypto'
import { type Finding, fail, pass, warn } from '../ops/doctor/finding.ts'
import {
  answerOf,
  HOTKEY,
  idOf,
  isRefusal,
  isSuccess,
  sample,
  sendUpload,
  type Terms,
  uploadOf,
} from './terms.ts'

/**
 * Half of a body, then the connection is closed: nothing may be stored, and the nonce stays free
 * for the whole one.
 */
export async function truncated(terms: Terms): Promise<Finding> {
  const check = 'truncated'
  const upload = uploadOf(terms)
  const half = upload.body.slice(0, upload.body.length / 2)
  const how = { pieces: [half], declaredBytes: upload.body.length, cutOff: true, pauseMs: terms.pauseMs }
  const cut = await sendUpload(terms, upload, how)
  const todo =
    'half of an upload would be scored: store nothing before the whole body is there and its hash is right'
  if (isSuccess(cut)) return fail(check, `half a body ${answerOf(cut)}`, todo)
  const whole = await sendUpload(terms, upload)
  if (isSuccess(whole)) return pass(check, `half a body was not taken, and the whole one ${answerOf(whole)}`)
  return fail(
    check,
    `after half a body the whole one ${answerOf(whole)}`,
    `the cut-off body spent the nonce: ${todo}`,
  )
}

export async function tooLong(terms: Terms): Promise<Finding> {
  const check = 'too-long'
  const reply = await sendUpload(terms, uploadOf(terms, {}, new Uint8Array(terms.maxBytes + 1)))
  const says = `${terms.maxBytes + 1} bytes ${answerOf(reply)}`
  if (reply?.status === 413) return pass(check, says)
  if (isRefusal(reply))
    return warn(check, says, 'answer 413, so that a client knows that a smaller file would do')
  if (isSuccess(reply))
    return warn(
      check,
      says,
      'set a limit of your own: the gateway has one, another caller with your token may not',
    )
  return fail(check, says, 'count the bytes while you read and answer 413 beyond your limit')
}

/** In three pieces, as over a slow line. */
export async function slowBody(terms: Terms): Promise<Finding> {
  const check = 'slow-body'
  const upload = uploadOf(terms)
  const third = Math.ceil(upload.body.length / 3)
  const pieces = [0, 1, 2].map((at) => upload.body.slice(at * third, (at + 1) * third))
  const reply = await sendUpload(terms, upload, { pieces, pauseMs: terms.pauseMs })
  if (isSuccess(reply)) return pass(check, `a body in three pieces ${answerOf(reply)}`)
  return fail(
    check,
    `a body in three pieces ${answerOf(reply)}`,
    'read until the declared length is there; miners have slow lines',
  )
}

/** Absent, plain, odd but well-formed, and one that the gateway would not pass on. */
export async function fileNames(terms: Terms): Promise<Finding> {
  const check = 'file-names'
  const names = [undefined, 'a b(1).py', '.hidden', `${'n'.repeat(251)}.zip`, '../../escape.py']
  const replies = await Promise.all(
    names.map((name) => sendUpload(terms, uploadOf(terms, { 'x-submission-filename': name }))),
  )
  const broken = replies.findIndex((reply) => reply === undefined || reply.status >= 500)
  if (broken >= 0) {
    const says = `the file name ${JSON.stringify(names[broken]?.slice(0, 20) ?? null)} ${answerOf(replies[broken])}`
    return fail(
      check,
      says,
      'the name is optional and unsigned: take its last segment, cut it, and have a default',
    )
  }
  if (isSuccess(replies[0])) return pass(check, 'with and without a file name, plain and odd')
  return warn(
    check,
    `no file name ${answerOf(replies[0])}`,
    'curl sends none: name the submission yourself, or say in the answer what is missing',
  )
}

export async function sameNonceAtOnce(terms: Terms): Promise<Finding> {
  const upload = uploadOf(terms)
  const replies = await Promise.all([1, 2, 3, 4].map(() => sendUpload(terms, upload)))
  return once('nonce-at-once', 'four copies at once', replies)
}

export async function sameNonceLater(terms: Terms): Promise<Finding> {
  const upload = uploadOf(terms)
  const first = await sendUpload(terms, upload)
  return once('nonce-later', 'a copy later', [first, await sendUpload(terms, upload)])
}

/** Of copies one is stored; the others hear the same id, or a plain no. */
function once(
  check: string,
  what: string,
  replies: readonly Awaited<ReturnType<typeof sendUpload>>[],
): Finding {
  const taken = replies.filter(isSuccess)
  const ids = new Set(taken.map(idOf))
  const says = `${what} ${[...new Set(replies.map(answerOf))].join(', ')}`
  const todo =
    'one upload would count twice: make (hotkey, nonce) unique in the database and answer a copy as the first'
  if (taken.length === 0 || !replies.every((reply) => isSuccess(reply) || isRefusal(reply)))
    return fail(check, says, `a copy must be answered like the first, or with a plain 409; ${todo}`)
  if (ids.size > 1) return fail(check, `${what}: ${ids.size} different ids`, todo)
  if (taken.length > 1 && ids.has(undefined))
    return warn(
      check,
      `${says}, without an id`,
      `whether it counted once cannot be seen: answer with the submission's "id"; ${todo}`,
    )
  return pass(check, says)
}

/** The same nonce of another hotkey is another upload. */
export async function nonceOfAnother(terms: Terms): Promise<Finding> {
  const check = 'nonce-of-another'
  const nonce = `conformance-${randomUUID()}`
  const named = (hotkey: string) =>
    uploadOf(
      terms,
      { [`x-${terms.family}-verified-nonce`]: nonce, [`x-${terms.family}-verified-hotkey`]: hotkey },
      sample(),
    )
  const first = await sendUpload(terms, named(HOTKEY))
  const second = await sendUpload(terms, named('5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty'))
  if (isSuccess(second) && (idOf(first) === undefined || idOf(first) !== idOf(second)))
    return pass(check, `another hotkey with the same nonce ${answerOf(second)}`)
  const todo =
    'one miner could shut out another by its nonce: make the pair (hotkey, nonce) unique, not the nonce alone'
  return fail(check, `another hotkey with the same nonce ${answerOf(second)}`, todo)
}
