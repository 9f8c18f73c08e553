/**
 * One fetch through the tunnel.
 *
 * Either the challenge itself answered, with any status, or the request failed on the way. A
 * client sees no part of a failure.
 */

import { USER_AGENT } from '../protocol/user-agent.ts'
import { type AccessToken, accessHeaders } from './access.ts'
import { failed, isBare, transportFailure } from './failure.ts'
import { createWait, type OriginBody, sentBody, type Wait } from './send.ts'

export interface OriginCall {
  /** As `originUrl` makes it. */
  readonly url: string
  /** The same URL at the challenge's other origins, for `createFailover`. */
  readonly otherUrls?: readonly string[]
  /** The challenge's slug; undefined for the master. */
  readonly slug?: string
  readonly method: string
  readonly headers: Headers
  readonly body?: OriginBody
  /** Response header that every answer of this challenge carries, when configured. */
  readonly marker: string | undefined
  /** A signed upload. An answer that cloudflared may have made itself counts as a failure. */
  readonly isUpload?: true
}

/**
 * `not_delivered`: the request certainly never reached the challenge. `unknown`: it may have.
 * `cause` is for the operator's log.
 */
export type OriginAnswer =
  | { readonly delivered: true; readonly response: Response }
  | { readonly delivered: false; readonly outcome: 'not_delivered' | 'unknown'; readonly cause: string }

export type CallOrigin = (call: OriginCall) => Promise<OriginAnswer>

export interface OriginOptions {
  /**
   * Most time from the end of the request to the response's headers; a body of one piece counts as
   * sent when it is begun. Also the most time in which an origin may take no byte of a request that
   * is being sent.
   */
  readonly timeoutMs: number
  /** The token that opens the tunnel of the challenge, or of the master. */
  readonly access: (slug: string | undefined) => AccessToken | undefined
  readonly fetch: Service['fetch']
  /** Workers VPC services by the name of their binding. */
  readonly services?: ReadonlyMap<string, Service>
}

/** What is used of a `Fetcher`. */
export interface Service {
  fetch(url: string, init: RequestInit): Promise<Response>
}

/**
 * A request through a VPC binding needs a URL; its host becomes the `Host` header and decides
 * nothing else.
 */
export const VPC_URL = new URL('http://challenge/')
/**
 * Errors of the VPC binding that mean that no connection was made. Its other errors may come
 * later.
 */
const VPC_NEVER_CONNECTED = /\b(connection_refused|dns_error)\b/

export function createOrigin(options: OriginOptions): CallOrigin {
  return async (call) => {
    const wait = createWait(options.timeoutMs)
    const { service, url } = wayTo(call.url, options)
    try {
      const response = await service.fetch(url, toInit(call, options.access(call.slug), wait))
      wait.end()
      return await judged(response, call, options.timeoutMs)
    } catch (error) {
      if (wait.signal.aborted) return failed('unknown', String(wait.signal.reason))
      const [refused] = (service !== options && VPC_NEVER_CONNECTED.exec(String(error))) || []
      if (refused !== undefined) return failed('not_delivered', `vpc ${refused}`)
      return failed('unknown', thrownCause(error))
    } finally {
      wait.end()
    }
  }
}

/** `parseConfig` has checked that every binding of an origin is there. */
function wayTo(url: string, options: OriginOptions): { readonly service: Service; readonly url: string } {
  if (!url.startsWith('vpc:')) return { service: options, url }
  const [, binding = '', path = ''] = /^vpc:(\w+)(.*)$/.exec(url) ?? []
  const service = options.services?.get(binding)
  return service === undefined ? { service: options, url } : { service, url: VPC_URL.origin + path }
}

/**
 * `no-store`: a fetch to another zone goes through that zone's cache, which would keep some
 * answers by the path's extension alone
 * (https://developers.cloudflare.com/cache/concepts/default-cache-behavior/). The only cache here
 * is `cache/`.
 */
function toInit(call: OriginCall, access: AccessToken | undefined, wait: Wait): RequestInit {
  const isTunnel = access !== undefined && call.url.startsWith('https://')
  // A copy: the same call may go to another origin, which must not see this token.
  const headers = isTunnel ? new Headers(call.headers) : call.headers
  if (!headers.get('user-agent')) headers.set('user-agent', USER_AGENT)
  if (isTunnel) for (const [name, value] of Object.entries(accessHeaders(access))) headers.set(name, value)
  const init: RequestInit = {
    method: call.method,
    headers,
    redirect: 'manual',
    cache: 'no-store',
    signal: wait.signal,
  }
  const body = sentBody(call.body, wait)
  return body === undefined ? init : { ...init, body }
}

async function judged(response: Response, call: OriginCall, timeoutMs: number): Promise<OriginAnswer> {
  const failure = transportFailure(response, call.marker)
  if (failure !== undefined) return failure
  if (call.isUpload !== true || call.marker !== undefined) return { delivered: true, response }
  const bare = await isBare(response, timeoutMs)
  return bare.yes
    ? failed('unknown', `bare ${response.status}`)
    : { delivered: true, response: bare.response }
}

/** Only the kind of the error: its message may name the origin's host. */
function thrownCause(error: unknown): string {
  return error instanceof Error ? `thrown ${error.name}` : 'thrown'
}
