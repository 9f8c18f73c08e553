/**
 * `/v1/challenges/{challenge}/submissions`: the signed upload, and the public read of its status.
 */

import { type Admitted, admitUpload, type Findings } from '../admission/admit.ts'
import { isPublicPath } from '../challenge/public-path.ts'
import { challengeTokens } from '../config/config.ts'
import type { RequestEntry } from '../log.ts'
import { forwardUpload, targetAt } from '../origin/bridge.ts'
import { asksForServiceWorker, forwardedHeaders } from '../origin/headers.ts'
import type { OriginAnswer } from '../origin/origin.ts'
import { headerPrefix } from '../protocol/headers.ts'
import { encodedPath, rawQuery } from '../protocol/path.ts'
import { rejected } from '../protocol/problem.ts'
import { challengeNamed, type RouteContext, refuse } from './context.ts'
import { clientOf, ledgerFields, refuseBusyAddress, stateQuota } from './rate-limit.ts'
import { awaitOrigin, relay, shownOf } from './relay.ts'
import { traceLike } from './trace.ts'

/**
 * `waitUntil` keeps the work alive when the client leaves: a reserved nonce must mean a forwarded
 * upload.
 */
export function postSubmission(c: RouteContext): Promise<Response> {
  const work = receiveUpload(c)
  c.executionCtx.waitUntil(work)
  return work
}

/**
 * `GET /v1/challenges/{challenge}/submissions/{id}` is the challenge's `GET /v1/submissions/{id}`.
 */
export async function getSubmission(c: RouteContext): Promise<Response> {
  const { config, callOrigin } = c.env.gateway
  const named = await challengeNamed(c, c.req.param('challenge') ?? '')
  if (!named.ok) return refuse(c, named.rejection)
  const challenge = named.value
  c.env.entry.slug = challenge.slug
  const path = `/v1/submissions/${c.req.param('id') ?? ''}`
  if (!isPublicPath(path) || asksForServiceWorker(c.req.raw.headers))
    return refuse(c, rejected('path_not_allowed', {}).rejection)

  const headers = forwardedHeaders(c.req.raw.headers)
  headers.set(`${headerPrefix(config.family)}-Proxy`, 'true')
  headers.set('x-request-id', c.env.entry.request_id)
  const asked = callOrigin({
    ...targetAt(challenge, encodedPath(path), rawQuery(c.req.raw.url)),
    method: c.req.raw.method,
    headers,
  })
  return relay(c, shownOf(challenge), await awaitOrigin(c, asked))
}

async function receiveUpload(c: RouteContext): Promise<Response> {
  const { config, ports, budgets, challenges } = c.env.gateway
  const { entry } = c.env
  const busy = await refuseBusyAddress(c, 'address')
  if (busy !== undefined) return busy
  const challengeText = c.req.param('challenge') ?? ''
  const admitted = await admitUpload(
    {
      challengeText,
      method: c.req.raw.method,
      path: c.env.path,
      url: c.req.raw.url,
      headers: c.req.raw.headers,
      body: c.req.raw.body,
      requestId: entry.request_id,
      client: clientOf(c),
      receivedAt: c.env.receivedAt,
    },
    { ...config, challenges: await challenges.listFor(challengeText, c.env.receivedAt) },
    ports,
    budgets,
  )
  note(entry, admitted.found)
  const answer = admitted.ok ? await deliver(c, admitted.value) : refuse(c, admitted.rejection)
  return stateQuota(c, answer, admitted.found.ledger?.quota)
}

/** For the log line. */
function note(entry: RequestEntry, { ledger, ...found }: Findings): void {
  Object.assign(entry, found, ledgerFields(ledger))
}

/** Sends an admitted upload once, and records the outcome without delaying the answer. */
async function deliver(c: RouteContext, admitted: Admitted): Promise<Response> {
  const { ports } = c.env.gateway
  const requestId = c.env.entry.request_id
  const answer = await awaitOrigin(c, sendWithToken(c, admitted), admitted)
  const settlement = answer.delivered
    ? { outcome: 'delivered' as const, status: answer.response.status }
    : { outcome: answer.outcome }
  c.executionCtx.waitUntil(ports.ledger.settle(admitted.ledgerKey, admitted.nonce, requestId, settlement))
  return relay(c, shownOf(admitted.challenge), answer)
}

/**
 * Uses the last token that was not refused, at first the current one. While a rotation has two
 * tokens, a 401 is followed by one attempt with the other.
 *
 * That is no second upload: 401 says that the request was not applied for want of valid
 * credentials (RFC 9110 15.5.2), and challenges of the platform compare the token before they read
 * anything else. Any other answer is final, and so is every failure on the way. A challenge that
 * answers 401 for another reason is asked twice at most, and only while there are two tokens.
 */
async function sendWithToken(c: RouteContext, admitted: Admitted): Promise<OriginAnswer> {
  const { config, callOrigin, tokenMemory } = c.env.gateway
  const { slug } = admitted.challenge
  const tokens = challengeTokens(config, slug)
  const send = (token: string) =>
    forwardUpload(traceLike(c.req.raw.headers, callOrigin), admitted, {
      family: config.family,
      token,
      requestId: c.env.entry.request_id,
      query: rawQuery(c.req.raw.url),
    })
  const first = tokenMemory.get(slug) ?? tokens[0] ?? ''
  const other = tokens.find((token) => token !== first)
  const answer = await send(first)
  if (other === undefined || !answer.delivered || answer.response.status !== 401) return answer
  // A body that is not read would hold its connection.
  await answer.response.body?.cancel().catch(() => {})
  const second = await send(other)
  if (second.delivered && second.response.status !== 401) {
    tokenMemory.set(slug, other)
    c.env.entry.token_switched = true
  }
  return second
}
