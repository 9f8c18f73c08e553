/**
 * `POST /v1/challenges/{challenge}/submissions/verify`: the dry run of an upload.
 *
 * It takes the headers and the body of the real upload, signed for the real path, and answers 200
 * with a report, also when checks failed. It costs a signature check without spending a nonce, so
 * it is limited by address.
 */

import { dryRun } from '../admission/dry-run.ts'
import { BRIDGE_PATH, bridgeHeaders } from '../origin/bridge.ts'
import { rawQuery } from '../protocol/path.ts'
import { type RouteContext, refuse } from './context.ts'
import { clientOf, ledgerFields, refuseBusyAddress, stateQuota } from './rate-limit.ts'

/** Keeps a report short, however long the query is. */
const SHOWN_QUERY_LENGTH = 1024
const SUFFIX = /\/verify$/
/** The last segment of the path as sent, whose letters and slash may be percent-encoded. */
const RAW_SUFFIX = /(?:\/|%2f)(?:(?!\/|%2f).)*$/i

export async function postVerify(c: RouteContext): Promise<Response> {
  const { config, ports, budgets, challenges } = c.env.gateway
  const { entry } = c.env
  const busy = await refuseBusyAddress(c, 'dry_run')
  if (busy !== undefined) return busy
  const challengeText = c.req.param('challenge') ?? ''
  const query = rawQuery(c.req.raw.url)
  const bare = c.req.raw.url.replace(/[?#].*/s, '')
  const run = await dryRun(
    {
      challengeText,
      method: c.req.raw.method,
      path: c.env.path.replace(SUFFIX, ''),
      url: bare.replace(RAW_SUFFIX, '') + query,
      headers: c.req.raw.headers,
      body: c.req.raw.body,
      requestId: entry.request_id,
      client: clientOf(c),
      receivedAt: c.env.receivedAt,
    },
    { ...config, challenges: await challenges.listFor(challengeText, c.env.receivedAt) },
    ports,
    budgets.passing.open(),
  )
  if (!run.ok) return refuse(c, run.rejection)
  const { checks, identity, uid, metagraph, nonceFree, body, ledger } = run.value
  Object.assign(entry, ledgerFields(ledger))
  const report = {
    would_be_accepted: identity !== undefined,
    checks,
    uid,
    metagraph,
    nonce_free: nonceFree,
    body,
    challenge_receives: identity && {
      method: 'POST',
      target: BRIDGE_PATH + query.slice(0, SHOWN_QUERY_LENGTH),
      headers: challengeHeaders(
        bridgeHeaders(identity, { family: config.family, token: '', requestId: entry.request_id, query }),
        body?.bytes ?? 0,
      ),
    },
  }
  return stateQuota(c, c.json(report, 200, { 'cache-control': 'no-store' }), ledger.quota)
}

/** The headers as the challenge would get them, without the bearer token. */
function challengeHeaders(headers: Headers, bytes: number): Record<string, string> {
  headers.delete('authorization')
  headers.set('content-length', String(bytes))
  return Object.fromEntries(headers)
}
