/**
 * One fetch through the tunnel.
 *
 * Either the challenge itself answered, whatever its status, or the request failed on the way. The platform has many ways of
 * failing that look like an answer; they are told apart in layers (platform-notes 3.4). Nothing of a failure reaches the client.
 */

import { type AccessToken, accessHeaders } from './access.ts'

export interface OriginCall {
  /** As `originUrl` makes it. */
  readonly url: string
  /** The same of the challenge's other origins, for `createFailover`. */
  readonly otherUrls?: readonly string[]
  readonly method: string
  readonly headers: Headers
  readonly body?: Uint8Array<ArrayBuffer> | StreamedBody
  /** Response header every answer of this challenge carries, when configured. */
  readonly marker: string | undefined
}

/** A client's body, handed on as it arrives. */
export interface StreamedBody {
  readonly stream: ReadableStream<Uint8Array>
  /** As declared; undefined for a chunked body, which is then chunked for the origin too. */
  readonly bytes: number | undefined
}

/** `not_delivered`: certainly never reached the challenge. `unknown`: it may have. `cause` is for the operator's log. */
export type OriginAnswer =
  | { readonly delivered: true; readonly response: Response }
  | { readonly delivered: false; readonly outcome: 'not_delivered' | 'unknown'; readonly cause: string }

export type CallOrigin = (call: OriginCall) => Promise<OriginAnswer>

export interface OriginOptions {
  /** From the end of the request to the response's headers; bodies may take longer. */
  readonly timeoutMs: number
  readonly access: AccessToken | undefined
  readonly fetch: Service['fetch']
  /** Workers VPC services by the name of their binding. */
  readonly services?: ReadonlyMap<string, Service>
}

/** What is used of a `Fetcher`. */
export interface Service {
  fetch(url: string, init: RequestInit): Promise<Response>
}

/** What goes through a VPC binding needs a URL, and its host is only the `Host` header (platform-notes 3.1). */
export const VPC_URL = new URL('http://challenge/')
/** What the VPC binding throws when there was nothing to send to; its other faults may have come later. */
const VPC_NEVER_CONNECTED = /\b(connection_refused|dns_error)\b/
export const BODY_BROKE_OFF = 'body broke off'

/** Cloudflare answered for an origin that no connection was made to: down, unreachable, TLS refused, tunnel not connected. */
const NEVER_CONNECTED = new Set([521, 523, 525, 526, 530])

export function createOrigin(options: OriginOptions): CallOrigin {
  return async (call) => {
    const wait = createWait(options.timeoutMs)
    const { service, url } = wayTo(call.url, options)
    try {
      const response = await service.fetch(url, toInit(call, options.access, wait))
      const failure = transportFailure(response, call.marker)
      return failure ?? { delivered: true, response }
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

/** `parseConfig` has seen to it that every binding an origin names is there. */
function wayTo(url: string, options: OriginOptions): { readonly service: Service; readonly url: string } {
  if (!url.startsWith('vpc:')) return { service: options, url }
  const [, binding = '', path = ''] = /^vpc:(\w+)(.*)$/.exec(url) ?? []
  const service = options.services?.get(binding)
  return service === undefined ? { service: options, url } : { service, url: VPC_URL.origin + path }
}

/** The wait for the response's headers. It begins when the request has been sent: a slow upload is no fault of the origin. */
interface Wait {
  readonly signal: AbortSignal
  begin(): void
  giveUp(cause: string): void
  /** The headers are there, or never will be: nothing may abort the response's body any more. */
  end(): void
}

function createWait(timeoutMs: number): Wait {
  const controller = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  let ended = false
  return {
    signal: controller.signal,
    begin() {
      if (!ended) timer = setTimeout(() => controller.abort('timeout'), timeoutMs)
    },
    giveUp(cause) {
      if (!ended) controller.abort(cause)
    },
    end() {
      ended = true
      clearTimeout(timer)
    },
  }
}

function toInit(call: OriginCall, access: AccessToken | undefined, wait: Wait): RequestInit {
  const isTunnel = access !== undefined && call.url.startsWith('https://')
  const headers = isTunnel ? new Headers(call.headers) : call.headers
  if (isTunnel) for (const [name, value] of Object.entries(accessHeaders(access))) headers.set(name, value)
  const init: RequestInit = { method: call.method, headers, redirect: 'manual', signal: wait.signal }
  if (call.body !== undefined && 'stream' in call.body) init.body = pump(call.body, wait)
  else {
    if (call.body !== undefined) init.body = call.body
    wait.begin()
  }
  return init
}

/**
 * The body through a pipe of the platform's own, which copies nothing into JavaScript and says when it is empty.
 *
 * `preventAbort` is a matter of truth: aborting the pipe would end a chunked body with its final chunk, and an upload whose client
 * broke off would look complete to the origin (tried on workerd 1.20260918). The request is given up instead, which closes the
 * connection in mid-body.
 */
function pump({ stream, bytes }: StreamedBody, wait: Wait): ReadableStream<Uint8Array> {
  const pipe = bytes === undefined ? new IdentityTransformStream() : new FixedLengthStream(bytes)
  stream.pipeTo(pipe.writable, { preventAbort: true, preventCancel: true }).then(
    () => wait.begin(),
    () => wait.giveUp(BODY_BROKE_OFF),
  )
  return pipe.readable
}

/** First hit wins; undefined means the challenge's own answer. The body is never looked at. */
function transportFailure(response: Response, marker: string | undefined): OriginAnswer | undefined {
  const { status, headers } = response
  // The runtime shows an interim answer, or one out of range, but no response with it can be made.
  if (status < 200 || status > 599) return failed('unknown', `status ${status}`)
  if (NEVER_CONNECTED.has(status)) return failed('not_delivered', `edge ${status}`)
  if (status >= 520 && status <= 527) return failed('unknown', `edge ${status}`)
  if (headers.has('cf-mitigated')) return failed('not_delivered', 'edge mitigation')
  if (headers.has('cf-error-type') || headers.has('cf-error-origin'))
    return failed('unknown', `edge error ${status}`)
  if (isAccessLogin(status, headers.get('location'))) return failed('not_delivered', 'access login')
  if (marker !== undefined && !headers.has(marker)) return failed('unknown', `no marker, ${status}`)
  return undefined
}

function isAccessLogin(status: number, location: string | null): boolean {
  return status >= 300 && status < 400 && /^https:\/\/[^/]+\.cloudflareaccess\.com\//i.test(location ?? '')
}

function failed(outcome: 'not_delivered' | 'unknown', cause: string): OriginAnswer {
  return { delivered: false, outcome, cause }
}

/** The error's kind only: its message may name the origin's host. */
function thrownCause(error: unknown): string {
  return error instanceof Error ? `thrown ${error.name}` : 'thrown'
}
