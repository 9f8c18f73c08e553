/**
 * The bridge: an admitted upload becomes one request to the challenge's private route.
 *
 * The headers are built from nothing, so no header of the client's travels beside the gateway's.
 * The upload is sent once: whatever happens on the way, it is never sent again.
 */

import type { Admitted } from '../admission/admit.ts'
import type { Challenge } from '../challenge/challenge.ts'
import type { ProtocolFamily } from '../protocol/canonical.ts'
import { headerPrefix } from '../protocol/headers.ts'
import type { CallOrigin, OriginAnswer } from './origin.ts'

/** The challenge's private route for uploads. */
export const BRIDGE_PATH = '/internal/v1/bridge/submissions'

export interface BridgeContext {
  readonly family: ProtocolFamily
  /** The challenge's bearer token. */
  readonly token: string
  readonly requestId: string
  /** The client's query with its `?`, unsigned, forwarded as sent. */
  readonly query: string
}

/** What the challenge learns about an upload. */
type Identity = Omit<Admitted, 'ledgerKey' | 'content' | 'held'>

export function forwardUpload(
  call: CallOrigin,
  admitted: Admitted,
  context: BridgeContext,
): Promise<OriginAnswer> {
  return call({
    ...targetAt(admitted.challenge, BRIDGE_PATH, context.query),
    method: 'POST',
    headers: bridgeHeaders(admitted, context),
    body: { content: admitted.content, held: admitted.held },
    isUpload: true,
  })
}

/**
 * Joins without resolving: `path` is canonical and starts with `/`, and the origin's path prefix
 * stays in front of it. An origin `vpc:BINDING` gives `vpc:BINDING/path`.
 */
export function originUrl(origin: URL, path: string, query: string): string {
  return origin.href.replace(/\/+$/, '') + path + query
}

/** The same target at every origin of a challenge. */
export function targetAt({ slug, origins, marker }: Challenge, path: string, query: string) {
  const [first, ...others] = origins
  return {
    slug,
    marker,
    url: originUrl(first, path, query),
    otherUrls: others.map((origin) => originUrl(origin, path, query)),
  }
}

/**
 * The challenge trusts these headers because of the bearer token. Only the gateway can set them.
 */
export function bridgeHeaders(admitted: Identity, context: BridgeContext): Headers {
  const prefix = headerPrefix(context.family)
  const headers = new Headers({
    Authorization: `Bearer ${context.token}`,
    [`${prefix}-Challenge-Slug`]: admitted.challenge.slug,
    [`${prefix}-Verified-Hotkey`]: admitted.hotkey,
    [`${prefix}-Verified-Nonce`]: admitted.nonce,
    [`${prefix}-Request-Hash`]: admitted.bodyHash,
    'Content-Type': admitted.contentType ?? 'application/octet-stream',
    Accept: 'application/json',
    'X-Request-Id': context.requestId,
  })
  if (admitted.uid !== undefined) headers.set(`${prefix}-Verified-Uid`, String(admitted.uid))
  if (admitted.filename !== undefined) headers.set('X-Submission-Filename', admitted.filename)
  return headers
}
