/**
 * One question over HTTP, sent exactly as written.
 *
 * `fetch` would resolve `..` in a path, follow redirects and insist on sending the body it announced; the doctor asks about
 * precisely these, so it speaks through Node's own client.
 */

import { type ClientRequest, type IncomingMessage, request as plainRequest } from 'node:http'
import { request as tlsRequest } from 'node:https'

const TIMEOUT_MS = 10_000
/** Nothing the doctor reads is longer; an open tunnel might serve anything. */
const MAX_ANSWER_BYTES = 1_000_000

interface Question {
  readonly method?: string
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
}

/** `reason` is a code such as `ECONNREFUSED` or `timeout`, never a text that quotes what was sent. */
export type Answer = Answered | { readonly reached: false; readonly reason: string }

/** `path` is sent as it stands, behind the path of `base`. */
export type Ask = (path: string, question?: Question) => Promise<Answer>

export function createAsk(base: URL): Ask {
  const prefix = base.pathname.replace(/\/+$/, '')
  return (path, question = {}) =>
    new Promise((resolve) => {
      const send = base.protocol === 'https:' ? tlsRequest : plainRequest
      const request = send(base, {
        path: prefix + path,
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
  return bytes === undefined ? { ...headers } : { ...headers, 'content-length': String(bytes) }
}

function sendBody(request: ClientRequest, { body, announcedBytes }: Question): void {
  if (announcedBytes !== undefined) request.flushHeaders()
  else request.end(body)
}

/** A body that breaks off, or goes on for ever, is an answer all the same. */
async function read(response: IncomingMessage): Promise<Answered> {
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
  return {
    reached: true,
    status: response.statusCode ?? 0,
    headers: Object.fromEntries(
      Object.entries(response.headers).map(([name, value]) => [name, String(value ?? '')]),
    ),
    fields: fieldsOf(Buffer.concat(chunks).toString()),
  }
}

function fieldsOf(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : {}
  } catch {
    return {}
  }
}

function reasonOf(error: Error): string {
  return 'code' in error ? String(error.code) : error.name
}
