/**
 * The miners of `npm run bench:uploads`, a thread of its own: raw keep-alive sockets, because an
 * HTTP client would cost more than the gateway. One order at a time; every answer is read and
 * classified.
 */

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { parentPort } from 'node:worker_threads'
import { bodyOf } from './bodies.ts'

export interface LoadOrder {
  readonly port: number
  readonly path: string
  /** Header lines of each upload. */
  readonly uploads: readonly string[]
  readonly bytes: number
  readonly connections: number
  /** What a right answer's body holds. */
  readonly expected: string
  /**
   * `gated`: the last byte of each waits until all are there, so that all are in flight at once
   * (needs a connection for each).
   * `aborted`: half of each is sent, then the connection is cut.
   * `abandoned`: so many bytes of each are sent (`sentBytes`), then nothing; without an answer
   * each is cut after `PATIENCE_MS`.
   */
  readonly manner: 'whole' | 'gated' | 'aborted' | 'abandoned'
  readonly sentBytes?: number
}

export interface LoadReport {
  readonly seconds: number
  /**
   * How often each: a status with a problem's code, `201` only with the expected body, `broken`
   * for no answer.
   */
  readonly answers: Readonly<Record<string, number>>
  /** Median time to an answer. */
  readonly medianMs: number
}

/** The gateway gives up a body that stands still for 20 s. */
const PATIENCE_MS = 45_000
/** After the last connection has sent all it may, for the gateway to take it in. */
const SETTLE_MS = 500

parentPort?.on('message', async (order: LoadOrder) => {
  parentPort?.postMessage(await execute(order))
})

async function execute(order: LoadOrder): Promise<LoadReport> {
  const body = bodyOf(order.bytes)
  const sockets = await Promise.all(Array.from({ length: order.connections }, () => open(order.port)))
  const queue = order.uploads.values()
  const answers: Record<string, number> = {}
  const times: number[] = []
  const gate = order.manner === 'gated' ? createGate(order.connections) : undefined
  const started = performance.now()
  await Promise.all(
    sockets.map(async (first) => {
      let socket = first
      // Every connection draws from the one queue.
      for (const upload of queue) {
        const sentAt = performance.now()
        const answer = await exchange(socket, order, upload, body, gate)
        times.push(performance.now() - sentAt)
        answers[answer] = (answers[answer] ?? 0) + 1
        if (socket.destroyed) socket = await open(order.port)
      }
      socket.destroy()
    }),
  )
  const seconds = (performance.now() - started) / 1000
  return { seconds, answers, medianMs: times.toSorted((a, b) => a - b)[times.length >> 1] ?? 0 }
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  socket.on('error', () => {})
  return socket
}

/** Sends one upload and says what came back. */
function exchange(
  socket: Socket,
  order: LoadOrder,
  upload: string,
  body: Buffer,
  gate: Gate | undefined,
): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const end = (answer: string) => {
      socket.removeAllListeners('data').removeAllListeners('close')
      gate?.arrive(socket)
      resolve(answer)
    }
    socket.on('data', (chunk) => {
      text += chunk.toString('latin1')
      const complete = completeAnswer(text)
      if (complete === undefined) return
      if (/^connection: close/im.test(complete.head)) socket.destroy()
      end(classify(complete, order.expected))
    })
    socket.once('close', () => end(order.manner === 'aborted' ? 'aborted' : 'broken'))
    const head = `POST ${order.path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: ${body.length}\r\n${upload}\r\n`
    socket.cork()
    socket.write(head)
    if (order.manner === 'aborted') {
      socket.write(body.subarray(0, body.length >> 1), () => sleep(SETTLE_MS).then(() => socket.destroy()))
    } else if (order.manner === 'abandoned') {
      socket.write(body.subarray(0, order.sentBytes ?? 0))
      setTimeout(() => socket.destroy(), PATIENCE_MS).unref()
    } else if (gate === undefined) {
      socket.write(body)
    } else {
      socket.write(body.subarray(0, -1), () => gate.arrive(socket))
      gate.opened.then(() => socket.write(body.subarray(-1)))
    }
    socket.uncork()
  })
}

type Gate = ReturnType<typeof createGate>

/** Opens a moment after every connection has sent all but its last byte, or has been answered. */
function createGate(connections: number) {
  const { promise, resolve } = Promise.withResolvers<void>()
  const arrived = new Set<Socket>()
  return {
    opened: promise,
    arrive(socket: Socket) {
      arrived.add(socket)
      if (arrived.size === connections) void sleep(SETTLE_MS).then(() => resolve())
    },
  }
}

interface Answer {
  readonly head: string
  readonly body: string
}

/**
 * The answer once it is all there, by `Content-Length` or chunked (then with the chunks' sizes in
 * it).
 */
function completeAnswer(text: string): Answer | undefined {
  const end = text.indexOf('\r\n\r\n')
  if (end < 0) return undefined
  const head = text.slice(0, end)
  const body = text.slice(end + 4)
  const length = /^content-length: (\d+)/im.exec(head)?.[1]
  const complete = length === undefined ? body.endsWith('0\r\n\r\n') : body.length >= Number(length)
  return complete ? { head, body } : undefined
}

function classify({ head, body }: Answer, expected: string): string {
  const status = head.slice(9, 12)
  if (body.includes(expected)) return status
  const code = /"code":"(\w+)"/.exec(body)?.[1]
  return `${status} ${code ?? 'with another body'}`
}
