/**
 * One question over HTTP, sent exactly as written.
 *
 * `fetch` would resolve `..` in a path, follow redirects and insist on sending the body it
 * announced; the doctor asks about precisely these, so it speaks through Node's own client.
 */

import { type ClientRequest, type IncomingMessage, request as plainRequest } from 'node:http'
import { request as tlsRequest } from 'node:https'
import { parseJson } from '../../../src/protocol/json.ts'

const TIMEOUT_MS = 10_000
/** A zone may refuse a client that does not name itself. */
const USER_AGENT = 'platform-edge-doctor'
/** Cloudflare's page for a request that it refused before any Worker was asked. */
const EDGE_CODE = /^error code: (1\d{3})\s*$/
/** No answer that is looked at is longer; an open tunnel might serve anything. */
const MAX_ANSWER_BYTES = 1_000_000

interface Question {
  readonly method?: string
  /** An empty `user-agent` leaves that header out. */
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: Uint8Array
  /** Announce a body of this length and send none. */
  readonly announcedBytes?: number
  readonly timeoutMs?: number
}

interface Answered {
  readonly reached: true
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** Members of a JSON object, else empty. */
  readonly fields: Readonly<Record<string, unknown>>
  /** Of Cloudflare's refusal page, such as `1010`. */
  readonly edgeCode?: string | undefined
}

/**
 * `reason` is a code such as `ECONNREFUSED` or `timeout`, never a text that quotes what was sent.
 */
export type Answer = Answered | { readonly reached: false; readonly reason: string }

/** `path` is sent as it stands, behind the path of `base`. */
export type Ask = (path: string, question?: Question) => Promise<Answer>

export function createAsk(base: URL): Ask {
  const prefix = base.pathname.replace(/\/+$/, '')
  return (path, question = {}) =>
    new Promise((resolve) => {
      const send = base.protocol === 'https:' ? tlsRequest : plainRequest
      const request = send(base, {
        path: prefix + path || '/',
        method: question.method ?? 'GET',
        headers: headersOf(question),
        agent: false,
      })
      const end = (answer: Answer) => {
        clearTimeout(timer)
        resolve(answer)
        request.destroy()
      }
      const timer = setTimeout(
        () => end({ reached: false, reason: 'timeout' }),
        question.timeoutMs ?? TIMEOUT_MS,
      )
      request.on('error', (error) => end({ reached: false, reason: reasonOf(error) }))
      request.on('response', (response) => void read(response).then(end))
      sendBody(request, question)
    })
}

function headersOf({ headers = {}, body, announcedBytes }: Question): Record<string, string> {
  const bytes = announcedBytes ?? body?.length
  const all: Record<string, string> = { 'user-agent': USER_AGENT, ...headers }
  if (all['user-agent'] === '') delete all['user-agent']
  return bytes === undefined ? all : { ...all, 'content-length': String(bytes) }
}

function sendBody(request: ClientRequest, { body, announcedBytes }: Question): void {
  if (announcedBytes !== undefined) request.flushHeaders()
  else request.end(body)
}

/**
 * `fetch` as the gateway's runtime does it: these headers and no others, where Node's own adds
 * some. Only for requests without a body.
 */
export function plainFetch(url: string, init: RequestInit): Promise<Response> {
  return new Promise((resolve, reject) => {
    const target = new URL(url)
    const send = target.protocol === 'https:' ? tlsRequest : plainRequest
    const headers = Object.fromEntries(new Headers(init.headers))
    const { signal } = init
    const request = send(target, {
      method: init.method ?? 'GET',
      headers,
      agent: false,
      ...(signal == null ? {} : { signal }),
    })
    request.once('error', (cause) => reject(new TypeError('fetch failed', { cause })))
    request.once('response', (response) => {
      const status = response.statusCode ?? 0
      const received = new Headers()
      for (const [name, values] of Object.entries(response.headersDistinct))
        for (const value of values ?? []) received.append(name, value)
      // What the doctor judges is in status and headers.
      response.destroy()
      resolve(
        status < 200 || status > 599 ? Response.error() : new Response(null, { status, headers: received }),
      )
    })
    request.end()
  })
}

/** A body that breaks off, or has no end, is an answer too. */
async function read(response: IncomingMessage): Promise<Answered> {
  const text = await readText(response)
  return {
    reached: true,
    status: response.statusCode ?? 0,
    headers: Object.fromEntries(
      Object.entries(response.headers).map(([name, value]) => [name, String(value ?? '')]),
    ),
    fields: fieldsOf(text),
    edgeCode: EDGE_CODE.exec(text)?.[1],
  }
}

/** The beginning of a body, as far as it came: one that breaks off counts for that. */
export async function readText(response: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  try {
    for await (const chunk of response) {
      chunks.push(chunk)
      bytes += chunk.length
      if (bytes > MAX_ANSWER_BYTES) break
    }
  } catch {
    // What came so far is enough.
  }
  return Buffer.concat(chunks).toString()
}

function fieldsOf(text: string): Record<string, unknown> {
  const value = parseJson(text)
  return typeof value === 'object' && value !== null ? { ...value } : {}
}

function reasonOf(error: Error): string {
  return 'code' in error ? String(error.code) : error.name
}
