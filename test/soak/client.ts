/** One request of a miner, who may leave before the answer. */

import { Agent, request } from 'node:http'

/** What came back, or how it ended without an answer. */
export type Reply =
  | { readonly kind: 'answered'; readonly status: number; readonly type: string; readonly text: string }
  | { readonly kind: 'left' | 'lost' }

export interface Sending {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  /** The client leaves after so long. */
  readonly leaveAfterMs?: number
}

/** Longer than any answer may take; then the connection is lost. */
const PATIENCE_MS = 30_000

const agent = new Agent({ keepAlive: true, maxSockets: 256 })

/** Never rejects, and never sends twice. */
export function send({ url, headers, body, leaveAfterMs }: Sending): Promise<Reply> {
  return new Promise((resolve) => {
    const outgoing = request(url, {
      method: 'POST',
      agent,
      headers: { ...headers, 'content-length': body.length },
    })
    const leave = setTimeout(() => {
      outgoing.destroy()
      resolve({ kind: leaveAfterMs === undefined ? 'lost' : 'left' })
    }, leaveAfterMs ?? PATIENCE_MS)
    const finish = (reply: Reply) => {
      clearTimeout(leave)
      resolve(reply)
    }
    outgoing.on('error', () => finish({ kind: 'lost' }))
    outgoing.on('response', (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => {
        text += part
      })
      response.on('error', () => finish({ kind: 'lost' }))
      response.on('end', () => {
        const type = response.headers['content-type'] ?? ''
        finish({ kind: 'answered', status: response.statusCode ?? 0, type, text })
      })
    })
    outgoing.end(body)
  })
}

export function closeConnections(): void {
  agent.destroy()
}
