/**
 * The metagraph as the gateway sees it. Clients may read it; an operator may push one where the
 * edge cannot reach a chain node.
 */

import { parseJson } from '../protocol/json.ts'
import { ageSeconds, uidOf } from '../protocol/metagraph.ts'
import { rejected } from '../protocol/problem.ts'
import { type RouteContext, refuse } from './context.ts'

/** An isolate's own memo can be as old. */
const CACHE_SECONDS = 30
/** A recording of 4,096 uids is well under 2 MB. */
const MAX_RECORDING_BYTES = 4_000_000

/** What the operator may add to the request, by the reason of the refusal. */
const IF_SNAPSHOT_IS_WRONG = '; add ?confirm_back=true if the snapshot in use is wrong'
const CONFIRMATIONS: Readonly<Record<string, string>> = {
  loss_unconfirmed: '; add ?confirm_loss=true if so many hotkeys have really left the subnet',
  block_behind: IF_SNAPSHOT_IS_WRONG,
  block_ahead: IF_SNAPSHOT_IS_WRONG,
  block_hash_changed: IF_SNAPSHOT_IS_WRONG,
}

/** Block, age and count; with `?hotkey=` also its uid, or null. 503 without a usable snapshot. */
export async function getMetagraph(c: RouteContext): Promise<Response> {
  const metagraph = await c.env.gateway.ports.metagraph.current(c.env.receivedAt)
  if (metagraph === undefined) {
    return refuse(c, rejected('metagraph_unavailable', { retry_after_seconds: CACHE_SECONDS }).rejection, 503)
  }
  const hotkey = c.req.query('hotkey')
  const facts = {
    netuid: metagraph.netuid,
    block: metagraph.block,
    block_hash: metagraph.blockHash,
    age_seconds: ageSeconds(metagraph, c.env.receivedAt),
    count: metagraph.hotkeys.length,
  }
  const body = hotkey === undefined ? facts : { ...facts, hotkey, uid: uidOf(metagraph, hotkey) ?? null }
  return c.json(body, 200, { 'cache-control': `public, max-age=${CACHE_SECONDS}` })
}

/**
 * Takes a recording (`npm run chain:record`) under the same checks as an answer of the chain.
 * `?confirm_loss=true` allows that more than a quarter of the members are gone, which otherwise
 * needs a second endpoint. `?confirm_back=true` allows a lower block than that of the snapshot in
 * use, when that one is wrong.
 */
export async function putMetagraph(c: RouteContext): Promise<Response> {
  const declared = Number(c.req.header('content-length') ?? Number.NaN)
  if (!(declared <= MAX_RECORDING_BYTES)) {
    const reason = `send a recording with Content-Length, of at most ${MAX_RECORDING_BYTES} bytes`
    return refuse(c, rejected('bad_request', { reason }).rejection)
  }
  const recording = parseJson(await c.req.text())
  const confirm = {
    loss: c.req.query('confirm_loss') === 'true',
    back: c.req.query('confirm_back') === 'true',
  }
  const pushed = await c.env.gateway.pushMetagraph(recording, c.env.receivedAt, confirm)
  if (pushed.outcome === 'kept') {
    return refuse(
      c,
      rejected('bad_request', {
        reason: `the recording was refused: ${pushed.reason}${CONFIRMATIONS[pushed.reason] ?? ''}`,
      }).rejection,
    )
  }
  return c.json({ outcome: pushed.outcome, reason: pushed.reason, block: pushed.block ?? null })
}
