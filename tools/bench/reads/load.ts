/**
 * The readers of `npm run bench:reads`, a thread of its own: raw keep-alive sockets, for an HTTP
 * client would cost more than the gateway. One order at a time; every answer must be a 200 of the
 * full length.
 */

import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { parentPort } from 'node:worker_threads'

export interface LoadOrder {
  readonly port: number
  readonly path: string
  readonly requests: number
  readonly connections: number
}

export interface LoadReport {
  readonly seconds: number
  readonly medianMs: number
  /** Answers that were not what they should be. */
  readonly wrong: number
}

const LEAST_BYTES = 4000

parentPort?.on('message', async (order: LoadOrder) => {
  parentPort?.postMessage(await execute(order))
})

async function execute({ port, path, requests, connections }: LoadOrder): Promise<LoadReport> {
  const sockets = await Promise.all(Array.from({ length: connections }, () => open(port)))
  const request = `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: */*\r\n\r\n`
  const times: number[] = []
  let left = requests
  let wrong = 0
  const started = performance.now()
  await Promise.all(
    sockets.map(async (socket) => {
      while (left > 0) {
        left -= 1
        const sentAt = performance.now()
        if (!(await exchange(socket, request))) wrong += 1
        times.push(performance.now() - sentAt)
      }
      socket.destroy()
    }),
  )
  const seconds = (performance.now() - started) / 1000
  return { seconds, medianMs: times.toSorted((a, b) => a - b)[times.length >> 1] ?? 0, wrong }
}

async function open(port: number): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  await once(socket, 'connect')
  return socket.setEncoding('latin1')
}

/**
 * Whether the answer was right; a connection that ends is a wrong answer, and so are all that
 * follow on it.
 */
function exchange(socket: Socket, request: string): Promise<boolean> {
  return new Promise((resolve) => {
    let text = ''
    const end = (right: boolean) => {
      socket.removeAllListeners()
      resolve(right)
    }
    socket.on('data', (chunk: string) => {
      text += chunk
      const head = text.indexOf('\r\n\r\n')
      const length = Number(/^content-length: (\d+)/im.exec(text.slice(0, head))?.[1] ?? Number.NaN)
      const whole = Number.isNaN(length) ? text.endsWith('\r\n0\r\n\r\n') : text.length >= head + 4 + length
      if (head >= 0 && whole) end(text.startsWith('HTTP/1.1 200') && text.length > LEAST_BYTES)
    })
    socket.on('error', () => end(false)).on('close', () => end(false))
    if (socket.destroyed) end(false)
    else socket.write(request)
  })
}
