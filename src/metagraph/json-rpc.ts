/**
 * One JSON-RPC call over HTTP POST to an endpoint that may refuse, stall, flood or lie.
 *
 * Public nodes refuse in many dialects: 429, 200 with an error text instead of JSON, JSON-RPC
 * -32005 / -32029 / -32004, an HTML page of the proxy in front. All of them become `rate_limited`
 * or `html_page` with a cool-down. Redirects are not followed: they would carry an Access token to
 * another host.
 */

import { isRecord, parseJson } from '../protocol/json.ts'
import { USER_AGENT } from '../protocol/user-agent.ts'
import { type Checked, type Fault, fault } from './fault.ts'

/** Refusals without a `Retry-After`: the proxy of the main public endpoint counts per 60 s. */
const COOL_DOWN_SECONDS = 60
/** "Too many requests", an archive's work limit (-32004), OnFinality's key wanted (-32029). */
const RATE_LIMIT_CODES: readonly unknown[] = [-32005, -32029, -32004]
const RATE_LIMIT_TEXT = /too many requests|rate.?limit/i
/** `UnknownBlock`: the block is older than the node keeps, or has not reached it yet. */
const UNKNOWN_BLOCK = 4003
/** How much of a refusal is searched for words. */
const REFUSAL_CHARACTERS = 2048

export interface Endpoint {
  /** `https://`, or `http://` on loopback. */
  readonly url: URL
  /** Sent along, such as an Access service token for a node behind a tunnel. */
  readonly headers?: Readonly<Record<string, string>>
}

export type Fetch = (request: Request) => Promise<Response>

export interface Call {
  readonly id: number
  readonly method: string
  readonly params: readonly unknown[]
  /** Longest answer, in bytes after decompression. */
  readonly maxBytes: number
  /** Ends the call, also in the middle of the answer. */
  readonly signal: AbortSignal
}

/** The call's `result`, or what was wrong. Never throws, and never outlives its signal. */
export async function callRpc(fetch: Fetch, endpoint: Endpoint, call: Call): Promise<Checked<unknown>> {
  const request = toRequest(endpoint, call)
  try {
    return await Promise.race([exchange(fetch, request, call), whenAborted(call.signal)])
  } catch {
    return fault(call.signal.aborted ? 'time_limit' : 'network_error')
  }
}

/** `Host` of an endpoint: what logs and snapshots know it by. Paths and headers may hold keys. */
export function endpointName(endpoint: Endpoint): string {
  return endpoint.url.host
}

function toRequest(endpoint: Endpoint, { id, method, params, signal }: Call): Request {
  return new Request(endpoint.url, {
    method: 'POST',
    headers: {
      ...endpoint.headers,
      'content-type': 'application/json',
      accept: 'application/json',
      'user-agent': USER_AGENT,
    },
    body: JSON.stringify({ jsonrpc: '2.0', id, method, params }),
    redirect: 'manual',
    cache: 'no-store',
    signal,
  })
}

async function exchange(fetch: Fetch, request: Request, call: Call): Promise<Checked<unknown>> {
  const response = await fetch(request)
  const text = await readText(response, call)
  return text === undefined ? fault('answer_too_long') : readAnswer(response, text, call.id)
}

/** The body as text, or undefined when it is longer than `maxBytes`; the rest is then not read. */
async function readText(response: Response, { maxBytes, signal }: Call): Promise<string | undefined> {
  if (response.body === null) return ''
  const decoder = new TextDecoder()
  let text = ''
  let bytes = 0
  for await (const chunk of response.body) {
    bytes += chunk.byteLength
    if (bytes > maxBytes || signal.aborted) return undefined
    text += decoder.decode(chunk, { stream: true })
  }
  return text + decoder.decode()
}

/**
 * Rejects when the signal does. The request has it too, but a dripping answer was seen to outlive
 * that by 26 s (Node 24).
 */
function whenAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason)
    signal.addEventListener('abort', () => reject(signal.reason), { once: true })
  })
}

function readAnswer(response: Response, text: string, id: number): Checked<unknown> {
  const body = parseJson(text)
  if (response.ok && isRecord(body) && 'result' in body && !('error' in body && body['error'])) {
    return body['id'] === id ? { ok: true, value: body['result'] } : fault('wrong_id')
  }
  return readRefusal(response, text.slice(0, REFUSAL_CHARACTERS), body)
}

function readRefusal(response: Response, text: string, body: unknown): Fault {
  const asked = askedToWait(response, body)
  const error = isRecord(body) ? body['error'] : undefined
  const code = isRecord(error) ? error['code'] : undefined
  if (response.status === 429 || RATE_LIMIT_CODES.includes(code) || RATE_LIMIT_TEXT.test(text)) {
    return fault('rate_limited', asked ?? COOL_DOWN_SECONDS)
  }
  if (text.trimStart().startsWith('<')) return fault('html_page', asked ?? COOL_DOWN_SECONDS)
  if (!response.ok) return fault('http_error', asked)
  if (body === undefined) return fault('not_json')
  if (code === UNKNOWN_BLOCK) return fault('unknown_block')
  return fault(error === undefined ? 'malformed_answer' : 'rpc_error')
}

/**
 * Seconds from `Retry-After` (a number, or a date against the answer's own `Date`) or from the
 * body.
 */
function askedToWait(response: Response, body: unknown): number | undefined {
  const header = response.headers.get('retry-after') ?? ''
  const date = Date.parse(response.headers.get('date') ?? '')
  const fromBody = isRecord(body) ? body['retry_after_seconds'] : undefined
  const asked = [
    /^\d+$/.test(header) ? Number(header) : Number.NaN,
    (Date.parse(header) - date) / 1000,
    typeof fromBody === 'number' ? fromBody : Number.NaN,
  ].find((seconds) => seconds > 0)
  return asked === undefined ? undefined : Math.ceil(asked)
}
