/**
 * A client's body on its way through the gateway: streamed where its length is declared, else read
 * into memory first.
 *
 * A body without a length can arrive empty through a tunnel (seen with cloudflared over QUIC), so
 * every body is sent with one. A body that is gathered counts against the room of the isolate,
 * like an upload, and must make progress.
 */

import { declaredBytes, readBody } from '../admission/body.ts'
import type { OriginBody } from '../origin/send.ts'
import { rejected } from '../protocol/problem.ts'
import { accepted, type Result } from '../protocol/result.ts'
import type { RouteContext } from './context.ts'

/** Longest body that is gathered. A longer one needs a declared length. */
const MAX_GATHERED_BYTES = 8_000_000

/**
 * Undefined: the client sent none. `receiver` names who gets the body. One receiver takes half of
 * the isolate's room at most; `awaitOrigin` gives it back.
 */
export async function clientBody(c: RouteContext, receiver: string): Promise<Result<OriginBody | undefined>> {
  const { method, headers, body: stream } = c.req.raw
  // The body of a GET or HEAD has no meaning (RFC 9110 9.3.1), and the platform's `fetch` refuses
  // one.
  if (stream === null || method === 'GET' || method === 'HEAD') return accepted(undefined)
  const bytes = declaredLength(headers)
  if (bytes !== undefined) return accepted({ stream, bytes })
  const { budgets, ports } = c.env.gateway
  const held = budgets.uploads.open({ name: receiver, largestBytes: MAX_GATHERED_BYTES + 1 })
  const gathered = await readBody({
    stream,
    mode: 'hold',
    limits: { declaredBytes: undefined, maxBytes: MAX_GATHERED_BYTES },
    held,
    passing: budgets.passing.open(),
    ports,
  })
  if (gathered.ok) {
    const { content } = gathered.value
    return accepted(content && { content, held })
  }
  held.release()
  return gathered.rejection.code === 'submission_too_large'
    ? rejected('length_required', { max_bytes: MAX_GATHERED_BYTES })
    : gathered
}

/** The platform would throw on a length beyond 2^53. */
function declaredLength(headers: Headers): number | undefined {
  const bytes = declaredBytes(headers)
  return bytes !== undefined && Number.isSafeInteger(bytes) && bytes >= 0 ? bytes : undefined
}
