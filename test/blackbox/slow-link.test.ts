/** A large upload to a challenge at the end of a slow link, on the real runtime. */

import { randomBytes } from 'node:crypto'
import { createServer, type Socket } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { listen } from '../support/listen.ts'
import { sign, startWorld, type TestWorld, TOKEN } from '../support/world.ts'

const LIMIT_SECONDS = 3
/** Several times what the kernel buffers; to the gateway, what the kernel has is sent. */
const BODY_BYTES = 20_000_000
/**
 * What the link takes in one go, and how long it then rests, until it has taken a part that lasts
 * longer than the limit.
 */
const TAKEN_BYTES = 400_000
const REST_MS = 250
const SLOW_BYTES = 8_000_000

let world: TestWorld
let takenBytes = 0
const sockets = new Set<Socket>()
const link = createServer((socket) => {
  sockets.add(socket.on('error', () => {}))
  let sinceRest = 0
  socket.on('data', (bytes) => {
    takenBytes += bytes.byteLength
    sinceRest += bytes.byteLength
    if (takenBytes > BODY_BYTES) return void socket.end('HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n')
    if (sinceRest < TAKEN_BYTES || takenBytes > SLOW_BYTES) return
    sinceRest = 0
    socket.pause()
    setTimeout(() => socket.resume(), REST_MS)
  })
})

beforeAll(async () => {
  const url = await listen(link)
  world = await startWorld({
    vars: {
      CHALLENGES: { slow: { origin: url } },
      ORIGIN_TIMEOUT_SECONDS: LIMIT_SECONDS,
      MAX_UPLOAD_BYTES: BODY_BYTES,
    },
    secrets: { CHALLENGE_TOKEN_SLOW: TOKEN },
  })
})

afterAll(async () => {
  await world.close()
  for (const socket of sockets) socket.destroy()
  await new Promise((resolve) => link.close(resolve))
})

test('is not cut off while it is being sent', async () => {
  const body = randomBytes(BODY_BYTES)
  const { headers } = sign(body, { slug: 'slow' })
  const started = performance.now()
  const answer = await fetch(`${world.gateway.url}/v1/challenges/slow/submissions`, {
    method: 'POST',
    headers,
    body,
  })
  const seconds = (performance.now() - started) / 1000
  console.log(`sent in ${seconds.toFixed(1)} s, limit ${LIMIT_SECONDS} s`)
  expect([answer.status, takenBytes > BODY_BYTES]).toEqual([201, true])
})
