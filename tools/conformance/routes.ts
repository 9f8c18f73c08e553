/**
 * What else is asked of a challenge, what it shows the world, and how long it keeps a connection.
 */

import { Agent } from 'node:http'
import { Agent as TlsAgent } from 'node:https'
import { setTimeout as sleep } from 'node:timers/promises'
import { isRecord } from '../../src/protocol/json.ts'
import { type Finding, fail, pass, warn } from '../ops/doctor/finding.ts'
import { answerOf, idOf, isRefusal, isSuccess, sendUpload, type Terms, uploadOf } from './terms.ts'

export async function health(terms: Terms): Promise<Finding> {
  const check = 'health'
  const reply = await terms.send({ method: 'GET', path: '/health' })
  if (reply !== undefined && reply.status < 500) return pass(check, `GET /health ${answerOf(reply)}`)
  return fail(
    check,
    `GET /health ${answerOf(reply)}`,
    'the gateway asks every five minutes and shows the challenge as down: answer 200',
  )
}

export async function head(terms: Terms): Promise<Finding> {
  const check = 'head'
  const [get, reply] = await Promise.all(
    ['GET', 'HEAD'].map((method) => terms.send({ method, path: '/health' })),
  )
  if (get !== undefined && get.status === reply?.status)
    return pass(check, `HEAD /health ${answerOf(reply)}, as GET does`)
  const todo =
    'answer HEAD where you answer GET (RFC 9110 9.3.2): browsers and monitors ask so. FastAPI: api_route(methods=["GET", "HEAD"])'
  return warn(check, `HEAD /health ${answerOf(reply)}, GET ${answerOf(get)}`, todo)
}

export async function privateRoutes(terms: Terms): Promise<Finding> {
  const check = 'internal'
  const reply = await terms.send({ method: 'GET', path: '/internal/v1/get_weights' })
  const says = `GET /internal/v1/get_weights without a token ${answerOf(reply)}`
  if (reply !== undefined && (isRefusal(reply) || reply.status === 503)) return pass(check, says)
  return fail(
    check,
    says,
    'everything on /internal needs the token: anyone who finds the address could read it',
  )
}

export async function weights(terms: Terms): Promise<Finding> {
  const check = 'weights'
  const headers = { authorization: `Bearer ${terms.token}`, [`x-${terms.family}-challenge-slug`]: terms.slug }
  const reply = await terms.send({ method: 'GET', path: '/internal/v1/get_weights', headers })
  const says = `GET /internal/v1/get_weights ${answerOf(reply)}`
  if (isSuccess(reply) && isRecord(reply?.json) && isRecord(reply.json['weights'])) return pass(check, says)
  return warn(
    check,
    says,
    'the master asks it for {"challenge_slug", "epoch", "weights": {hotkey: number}}; without it no miner earns anything here',
  )
}

export async function statusRead(terms: Terms): Promise<Finding> {
  const check = 'status-read'
  const id = idOf(await sendUpload(terms, uploadOf(terms)))
  if (id === undefined)
    return warn(
      check,
      'the answer to an upload names no id',
      'answer with JSON that has an "id": miners ask for it',
    )
  const [known, unknown] = await Promise.all(
    [id, 'no-such-submission'].map((each) =>
      terms.send({ method: 'GET', path: `/v1/submissions/${encodeURIComponent(each)}` }),
    ),
  )
  const says = `GET /v1/submissions/{id} ${answerOf(known)}, of an unknown id ${answerOf(unknown)}`
  if (isSuccess(known) && isRefusal(unknown)) return pass(check, says)
  return fail(
    check,
    says,
    'miners ask what became of an upload: answer 200 for an id that you gave, and 404 for another',
  )
}

/** FastAPI serves these unless it is told not to. */
export async function openPages(terms: Terms): Promise<Finding> {
  const check = 'open-pages'
  const paths = ['/docs', '/redoc', '/openapi.json']
  const replies = await Promise.all(paths.map((path) => terms.send({ method: 'GET', path })))
  const open = paths.filter((_, at) => isSuccess(replies[at]))
  if (open.length === 0) return pass(check, `${paths.join(', ')} are not served`)
  const todo =
    'they will be public: FastAPI(docs_url=None, redoc_url=None, openapi_url=None), or list what is public in policy.allow'
  return warn(check, `${open.join(', ')} ${open.length === 1 ? 'is' : 'are'} served`, todo)
}

/** Two requests on one connection, with a pause longer than many servers' default. */
export async function idleConnection(terms: Terms): Promise<Finding> {
  const check = 'idle-connection'
  const Kept = terms.origin.protocol === 'https:' ? TlsAgent : Agent
  const agent = new Kept({ keepAlive: true, maxSockets: 1 })
  try {
    const question = { method: 'GET', path: '/health', agent } as const
    await terms.send(question)
    await sleep(terms.idleMs)
    const second = await terms.send(question)
    const seconds = terms.idleMs / 1000
    if (second?.reused) return pass(check, `a connection survives ${seconds} idle seconds`)
    const todo =
      'the tunnel keeps connections 90 seconds, and an upload on one that you close is lost: uvicorn --timeout-keep-alive 100, Node server.keepAliveTimeout = 100_000'
    return fail(check, `a connection does not survive ${seconds} idle seconds`, todo)
  } finally {
    agent.destroy()
  }
}
