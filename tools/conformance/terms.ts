/**
 * What a conformance run knows of the challenge, and the upload that the gateway would send it.
 */

import { createHash, randomUUID } from 'node:crypto'
import { isRecord } from '../../src/protocol/json.ts'
import type { Question, Reply, Send } from './send.ts'

export interface Terms {
  readonly origin: URL
  readonly slug: string
  readonly token: string
  readonly family: 'platform' | 'base'
  /** The gateway's limit, in bytes. */
  readonly maxBytes: number
  /** How long the tunnel may leave a connection idle before the next upload, in the run. */
  readonly idleMs: number
  /** Between the pieces of a slow body. */
  readonly pauseMs: number
  readonly send: Send
}

/** The development key `//Alice`: everybody knows it, so an upload in its name means nothing. */
export const HOTKEY = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY'
export const BRIDGE = '/internal/v1/bridge/submissions'

export interface BridgeUpload {
  readonly body: Uint8Array
  readonly nonce: string
  /** Headers as the gateway would send them, by name in lower case. */
  readonly headers: Readonly<Record<string, string>>
}

/** A sound upload; `changes` replaces headers, and takes those off that are undefined. */
export function uploadOf(
  terms: Terms,
  changes: Readonly<Record<string, string | undefined>> = {},
  body: Uint8Array = sample(),
): BridgeUpload {
  const nonce = changes[`x-${terms.family}-verified-nonce`] ?? `conformance-${randomUUID()}`
  const sound = {
    ...identity(terms, terms.family, nonce, body),
    ...COMMON,
    authorization: `Bearer ${terms.token}`,
  }
  const headers = Object.entries({ ...sound, 'x-request-id': randomUUID(), ...changes }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  )
  return { body, nonce, headers: Object.fromEntries(headers) }
}

const COMMON = {
  accept: 'application/json',
  'content-type': 'application/octet-stream',
  'user-agent': 'platform-edge-gateway/conformance',
  'x-submission-filename': 'agent.py',
}

/** The five identity headers, in the words of a family. */
export function identity(terms: Terms, family: Terms['family'], nonce: string, body: Uint8Array) {
  return {
    [`x-${family}-challenge-slug`]: terms.slug,
    [`x-${family}-verified-hotkey`]: HOTKEY,
    [`x-${family}-verified-uid`]: '1',
    [`x-${family}-verified-nonce`]: nonce,
    [`x-${family}-request-hash`]: createHash('sha256').update(body).digest('hex'),
  }
}

/** Another file each time, so that a challenge that refuses copies of a file takes it. */
export function sample(): Uint8Array {
  return new TextEncoder().encode(`# conformance ${randomUUID()}\ndef agent(task):\n    return task\n`)
}

export function sendUpload(
  terms: Terms,
  upload: BridgeUpload,
  how: Partial<Question> = {},
): Promise<Reply | undefined> {
  const { headers, body } = upload
  return terms.send({ method: 'POST', path: BRIDGE, headers, pieces: [body], ...how })
}

export function isSuccess(reply: Reply | undefined): boolean {
  return reply !== undefined && reply.status >= 200 && reply.status < 300
}

/** A plain no: the challenge understood and refused. */
export function isRefusal(reply: Reply | undefined): boolean {
  return reply !== undefined && reply.status >= 400 && reply.status < 500
}

/** What came back, for a line. */
export function answerOf(reply: Reply | undefined): string {
  return reply === undefined ? 'no answer' : `answered ${reply.status}`
}

/** The `id` of a stored submission, when the answer names one. */
export function idOf(reply: Reply | undefined): string | undefined {
  const id = isRecord(reply?.json) ? reply.json['id'] : undefined
  return typeof id === 'string' || typeof id === 'number' ? String(id) : undefined
}
