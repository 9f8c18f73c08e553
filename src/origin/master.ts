/**
 * Requests to the master: for what it publishes, and from operators who manage it.
 *
 * A published document is read whole, and the caller checks its content. No other answer of the
 * master is passed on, because its errors name internal URLs. Management requests pass unchanged,
 * under the admin token.
 */

import { encodedPath, rawQuery } from '../protocol/path.ts'
import { accepted, type Result } from '../protocol/result.ts'
import { originUrl } from './bridge.ts'
import { forwardedHeaders } from './headers.ts'
import type { CallOrigin, OriginAnswer } from './origin.ts'
import type { OriginBody } from './send.ts'
import { readWhole } from './whole-body.ts'

/** The registry of 256 challenges with all their metadata is well under this. */
const MAX_DOCUMENT_BYTES = 2_000_000

/** `cause` is for the operator's log. */
export type MasterAnswer = Result<MasterDocument, { readonly cause: string }>

export interface MasterDocument {
  readonly text: string
  readonly contentType: string
}

export interface Master {
  readonly origin: URL
  /** Applies to the headers and again to the body. */
  readonly timeoutMs: number
}

/** A 200 of at most 2 MB, as UTF-8 text. Never throws. */
export async function askMaster(
  call: CallOrigin,
  { origin, timeoutMs }: Master,
  path: string,
  requestId?: string,
): Promise<MasterAnswer> {
  const headers = new Headers({ accept: '*/*' })
  if (requestId !== undefined) headers.set('x-request-id', requestId)
  const answer = await call({ url: originUrl(origin, path, ''), method: 'GET', headers, marker: undefined })
  if (!answer.delivered) return { ok: false, cause: answer.cause }
  const { status, headers: returned, body: stream } = answer.response
  if (status !== 200) {
    await stream?.cancel().catch(() => {})
    return { ok: false, cause: `status ${status}` }
  }
  const body = await readWhole(answer.response, MAX_DOCUMENT_BYTES, timeoutMs)
  if (body.kind === 'broken') return { ok: false, cause: body.cause }
  if (body.kind === 'long') {
    await body.drop()
    return { ok: false, cause: body.cause }
  }
  return accepted({
    text: new TextDecoder().decode(body.bytes),
    contentType: returned.get('content-type') ?? '',
  })
}

export interface MasterRequest {
  readonly client: Request
  /** Canonical and decoded. */
  readonly path: string
  readonly requestId: string
  readonly body: OriginBody | undefined
  /**
   * The gateway's own token, equal to the one that the client sent. Undefined on a public route,
   * where the client's signature is passed on instead.
   */
  readonly adminToken: string | undefined
}

/** A client's request as it came. */
export function forwardToMaster(
  call: CallOrigin,
  origin: URL,
  { client, path, requestId, adminToken, body }: MasterRequest,
): Promise<OriginAnswer> {
  const isPublic = adminToken === undefined
  const headers = forwardedHeaders(client.headers, { keepsSignature: isPublic, keepsAuthorization: false })
  if (!isPublic) headers.set('x-admin-token', adminToken)
  headers.set('x-request-id', requestId)
  return call({
    url: originUrl(origin, encodedPath(path), rawQuery(client.url)),
    // HEAD works wherever GET does. The master does not know HEAD.
    method: client.method === 'HEAD' ? 'GET' : client.method,
    headers,
    marker: undefined,
    ...(body && { body }),
  })
}
