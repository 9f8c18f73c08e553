/**
 * One request to a challenge, sent exactly as written: bodies that are slow or cut off, and
 * connections that are kept.
 *
 * `fetch` can do none of these, so the requests go through Node's own client.
 */

import { type Agent, type ClientRequest, type IncomingMessage, request as plainRequest } from 'node:http'
import { request as tlsRequest } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { parseJson } from '../../src/protocol/json.ts'
import { readText } from '../ops/doctor/ask.ts'

/** The gateway's own default for an answer's headers (`ORIGIN_TIMEOUT_SECONDS`). */
const TIMEOUT_MS = 30_000

export interface Question {
  readonly method: string
  /** Path and query, behind the path of the origin. */
  readonly path: string
  readonly headers?: Readonly<Record<string, string>>
  /** The body in the pieces in which it is sent. */
  readonly pieces?: readonly Uint8Array[]
  /** Before each further piece. */
  readonly pauseMs?: number
  /** What `Content-Length` says; by default the length of all pieces. */
  readonly declaredBytes?: number
  /** Close our side of the connection after the last piece. */
  readonly cutOff?: boolean
  /** For a connection that is kept. */
  readonly agent?: Agent
}

export interface Reply {
  readonly status: number
  /** Names in lower case. */
  readonly headers: IncomingMessage['headers']
  /** The JSON value of the body, or undefined. */
  readonly json: unknown
  /** Whether the request travelled on a connection that an earlier one had used. */
  readonly reused: boolean
}

/** Undefined when no answer came: refused, closed without one, or later than the time limit. */
export type Send = (question: Question) => Promise<Reply | undefined>

export function createSend(origin: URL): Send {
  const prefix = origin.pathname.replace(/\/+$/, '')
  return (question) =>
    new Promise((resolve) => {
      const { method, path, agent = false } = question
      const open = origin.protocol === 'https:' ? tlsRequest : plainRequest
      const request = open(origin, { method, path: prefix + path, headers: headersOf(question), agent })
      const end = (reply: Reply | undefined) => {
        clearTimeout(timer)
        resolve(reply)
        if (agent === false) request.destroy()
      }
      const timer = setTimeout(() => end(undefined), TIMEOUT_MS)
      request.on('error', () => end(undefined))
      request.on('response', (response) => void read(request, response).then(end))
      void sendBody(request, question)
    })
}

function headersOf({ headers = {}, pieces, declaredBytes }: Question): Record<string, string> {
  const bytes = declaredBytes ?? pieces?.reduce((sum, piece) => sum + piece.length, 0)
  return bytes === undefined ? { ...headers } : { ...headers, 'content-length': String(bytes) }
}

async function sendBody(
  request: ClientRequest,
  { pieces = [], pauseMs = 0, cutOff }: Question,
): Promise<void> {
  for (const [at, piece] of pieces.entries()) {
    if (at > 0) await sleep(pauseMs)
    request.write(piece)
  }
  if (!cutOff) {
    request.end()
    return
  }
  // What was written must have left before the connection is closed.
  await sleep(pauseMs)
  request.socket?.end()
}

async function read(request: ClientRequest, response: IncomingMessage): Promise<Reply> {
  const json = parseJson(await readText(response))
  return { status: response.statusCode ?? 0, headers: response.headers, json, reused: request.reusedSocket }
}
