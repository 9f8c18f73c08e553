/**
 * The public pass-through as a pipe: what arrives when, how much is held, and what is left when
 * one end goes away.
 */

import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type Gateway, startGateway } from '../../tools/dev/gateway.ts'
import {
  ANSWER,
  hasHead,
  headerValues,
  isWhole,
  latin1,
  type RecordingOrigin,
  sendRaw,
  startRecordingOrigin,
  status,
  type Wire,
} from '../support/wire.ts'

const MEGABYTE = 1_000_000
const BIG_BYTES = 100 * MEGABYTE
/** What the runtime, the kernel and both ends may hold of a stream that is not read. */
const IN_TRANSIT_BYTES = 40 * MEGABYTE
const BLOCK = randomBytes(MEGABYTE)
const BIG_HASH = hashOfBlocks(BIG_BYTES / MEGABYTE)

let origin: RecordingOrigin
let gateway: Gateway
let directory: string
const logs: string[] = []

beforeAll(async () => {
  origin = await startRecordingOrigin()
  directory = await mkdtemp(path.join(tmpdir(), 'gateway-'))
  gateway = await startGateway({
    persistTo: directory,
    onLog: ({ message }) => logs.push(message),
    vars: {
      CHALLENGES: { demo: { origin: origin.url }, 'agent-challenge': { origin: origin.url } },
      CHAIN_ENDPOINTS: ['http://127.0.0.1:1'],
      ORIGIN_TIMEOUT_SECONDS: 1,
    },
  })
})

beforeEach(() => {
  origin.requests.length = 0
  origin.respond = (request) => request.socket.end(ANSWER)
})

afterAll(async () => {
  await gateway.close()
  origin.close()
  await rm(directory, { recursive: true })
})

function send(method: string, target: string, lines: readonly string[] = [], body: string | Buffer = '') {
  return sendRaw(gateway.url, [`${method} ${target} HTTP/1.1`, 'Host: gateway', ...lines], body)
}

/** Longer than the origin may take to its headers, told by the gateway's own clock. */
async function letTheLimitPass(): Promise<void> {
  const respond = origin.respond
  origin.respond = () => {}
  const late = await send('GET', '/challenges/demo/never-answered')
  expect(status(await late.until(isWhole))).toBe(502)
  origin.respond = respond
}

const SSE = 'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n'

function event(number: number): string {
  const text = `id: ${number}\ndata: {}\n\n`
  return `${text.length.toString(16)}\r\n${text}\r\n`
}

/** An open event stream: the client's end and the origin's. */
async function openEvents(): Promise<{ client: Wire; source: Wire }> {
  const opened = Promise.withResolvers<Wire>()
  origin.respond = (request) => {
    request.socket.write(SSE)
    opened.resolve(request)
  }
  const client = await send('GET', '/challenges/demo/events', [
    'Accept: text/event-stream',
    'Last-Event-ID: 0',
  ])
  const source = await opened.promise
  await client.until(hasHead)
  return { client, source }
}

describe('events', () => {
  test('arrive one by one, each before the next is sent, also after a silence', async () => {
    const { client, source } = await openEvents()
    expect(headerValues(client.head, 'content-type')).toEqual(['text/event-stream'])
    for (let number = 1; number <= 5; number += 1) {
      source.socket.write(event(number))
      await client.until(({ rest }) => rest.includes(`id: ${number}\n`))
    }
    await letTheLimitPass()
    source.socket.write(event(6))
    await client.until(({ rest }) => rest.includes('id: 6\n'))
    source.socket.end('0\r\n\r\n')
    await client.until(({ rest }) => rest.endsWith('0\r\n\r\n'))
    expect(client.rest.match(/id: \d/g)).toEqual(['id: 1', 'id: 2', 'id: 3', 'id: 4', 'id: 5', 'id: 6'])
  })

  // workerd ends a broken chunked body with its final chunk (kj cannot tell the two apart), so
  // only a declared length shows it.
  test('that stop in the middle stop for the client too', async () => {
    const { client, source } = await openEvents()
    source.socket.write(event(1))
    await client.until(({ rest }) => rest.includes('id: 1\n'))
    source.socket.destroy()
    await client.until(({ closed }) => closed)
  })
})

test('a declared answer that breaks off is seen to be short', async () => {
  origin.respond = (request) => request.socket.end('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nshort')
  const client = await send('GET', '/challenges/demo/x')
  await client.until(({ closed }) => closed)
  expect([headerValues(client.head, 'content-length'), client.rest]).toEqual([['10'], 'short'])
})

describe('an upload', () => {
  test('of a declared length arrives piece by piece, however slow its client is', async () => {
    const arrived = Promise.withResolvers<Wire>()
    origin.respond = arrived.resolve
    const client = await send('POST', '/challenges/demo/x', ['Content-Length: 6'], 'one')
    const request = await arrived.promise
    await request.until(({ rest }) => rest.includes('one'))
    await letTheLimitPass()
    client.socket.write('two')
    await request.until(({ rest }) => rest.includes('two'))
    request.socket.end(ANSWER)
    expect(status(await client.until(isWhole))).toBe(200)
  })

  const CHUNKED = ['Transfer-Encoding: chunked']
  const inChunks = (...texts: readonly string[]) =>
    texts.map((text) => `${text.length.toString(16)}\r\n${text}\r\n`).join('')

  test('without a length is gathered, however slow its client is, and sent with one', async () => {
    const client = await send('POST', '/challenges/demo/x', CHUNKED, inChunks('one'))
    await letTheLimitPass()
    expect(origin.requests).toHaveLength(1)
    client.socket.write(`${inChunks('two')}0\r\n\r\n`)
    expect(status(await client.until(isWhole))).toBe(200)
    const [, request] = origin.requests
    expect([headerValues(request?.head ?? '', 'content-length'), request?.rest]).toEqual([['6'], 'onetwo'])
    expect(headerValues(request?.head ?? '', 'transfer-encoding')).toEqual([])
  })

  test('without a length has at most 8,000,000 bytes', async () => {
    for (const [bytes, expected] of [
      [8_000_000, 200],
      [8_000_001, 411],
    ] as const) {
      origin.requests.length = 0
      origin.respond = (request) => {
        request.until(({ restBytes }) => restBytes === bytes).then(() => request.socket.end(ANSWER))
      }
      const client = await send(
        'POST',
        '/challenges/demo/x',
        CHUNKED,
        `${inChunks('x'.repeat(bytes))}0\r\n\r\n`,
      )
      await client.until(isWhole)
      expect([status(client), origin.requests.length]).toEqual([expected, expected === 200 ? 1 : 0])
      if (expected === 411)
        expect(JSON.parse(client.rest)).toMatchObject({ code: 'length_required', max_bytes: 8_000_000 })
    }
  })

  test('may be answered before it is whole', async () => {
    origin.respond = (request) => request.socket.write('HTTP/1.1 413 No\r\nContent-Length: 3\r\n\r\nown')
    const client = await send('POST', '/challenges/demo/x', ['Content-Length: 100'], 'start')
    await client.until(isWhole)
    expect([status(client), client.rest]).toEqual([413, 'own'])
    client.socket.destroy()
  })
})

describe('a client that leaves', () => {
  test('before the answer: the origin is let go', async () => {
    const arrived = Promise.withResolvers<Wire>()
    origin.respond = arrived.resolve
    const client = await send('POST', '/challenges/demo/x', ['Content-Length: 2'], '{}')
    const request = await arrived.promise
    client.socket.resetAndDestroy()
    await request.until(({ closed }) => closed)
  })

  test('a silent event stream: the origin is let go at once', async () => {
    const { client, source } = await openEvents()
    client.socket.resetAndDestroy()
    await source.until(({ closed }) => closed)
  })

  test('with a polite close: the next event lets the origin go', async () => {
    const { client, source } = await openEvents()
    client.socket.destroy()
    for (let number = 1; !source.closed; number += 1) {
      source.socket.write(event(number))
      await new Promise(setImmediate)
    }
  })

  test('in an upload without a length: the origin is not asked', async () => {
    const client = await send('POST', '/challenges/demo/x', ['Transfer-Encoding: chunked'], '5\r\nstart\r\n')
    client.socket.resetAndDestroy()
    await letTheLimitPass()
    expect(origin.requests.map(({ head }) => head.split(' ')[1])).toEqual(['/never-answered'])
  })

  test('in an upload: the origin sees it break off, never end', async () => {
    const body = 'start'
    for (const leave of ['destroy', 'resetAndDestroy'] as const) {
      const arrived = Promise.withResolvers<Wire>()
      origin.respond = arrived.resolve
      const client = await send('POST', '/challenges/demo/x', ['Content-Length: 100'], body)
      const request = await arrived.promise
      await request.until(({ rest }) => rest.includes('start'))
      client.socket[leave]()
      await request.until(({ closed }) => closed)
      expect(request.rest).toBe(body)
    }
  })
})

describe('a hundred megabytes', () => {
  test('up and down, unchanged, in bounded memory', async () => {
    const before = await peakMemory()
    origin.respond = (request) => {
      request.until(({ restBytes }) => restBytes === BIG_BYTES).then(() => request.socket.end(ANSWER))
    }
    const uploader = await send('POST', '/challenges/demo/up', [`Content-Length: ${BIG_BYTES}`])
    await writeBlocks(uploader)
    expect(status(await uploader.until(isWhole))).toBe(200)
    expect(origin.requests[0]?.restHash()).toBe(BIG_HASH)

    origin.respond = (request) => {
      request.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${BIG_BYTES}\r\nConnection: close\r\n\r\n`)
      writeBlocks(request)
    }
    const reader = await send('GET', '/challenges/demo/down')
    await reader.until(isWhole)
    expect([reader.restBytes, reader.restHash()]).toEqual([BIG_BYTES, BIG_HASH])
    const grown = (await peakMemory()) - before
    console.log(`workerd's peak memory grew by ${Math.round(grown / MEGABYTE)} MB`)
    expect(grown).toBeLessThan(64 * MEGABYTE)
  })

  test('to a client that does not read: the origin is held back, and nothing is lost', async () => {
    const sent = { bytes: 0 }
    origin.respond = (request) => {
      request.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${BIG_BYTES}\r\nConnection: close\r\n\r\n`)
      writeBlocks(request, sent)
    }
    const reader = await send('GET', '/challenges/demo/down')
    await reader.until(hasHead)
    reader.socket.pause()
    await standstill(() => sent.bytes)
    expect(sent.bytes).toBeLessThan(IN_TRANSIT_BYTES)
    reader.socket.resume()
    await reader.until(isWhole)
    expect([reader.restBytes, reader.restHash()]).toEqual([BIG_BYTES, BIG_HASH])
  })
})

test("a miner's environment is in no log, no answer of the gateway and no storage", async () => {
  const canary = `canary-${randomUUID()}`
  const body = JSON.stringify({ env: { OPENAI_API_KEY: canary } })
  const headers = [`X-Signature: ${canary}`, 'X-Hotkey: 5Grw', `Content-Length: ${body.length}`]
  const route = '/challenges/agent-challenge/submissions/1/env'
  const put = async (target = route) => (await send('PUT', target, headers, body)).until(isWhole)

  origin.respond = (request) => {
    request.until(({ rest }) => rest === body).then(() => request.socket.end(ANSWER))
  }
  const answers = [await put(), await put(`${route}?nonce=${canary}`)]
  expect(origin.requests.map(({ rest }) => rest)).toEqual([body, body])
  origin.respond = (request) => request.socket.destroy()
  answers.push(
    await put(),
    await put('/challenges/agent-challenge/internal'),
    await put('/challenges/nope/x'),
  )
  expect(answers.map(status)).toEqual([200, 200, 503, 403, 404])
  await gateway.runCron()

  for (const answer of answers) expect(answer.head + answer.rest).not.toContain(canary)
  const lines = logs.filter((line) => line.includes('/challenges/:challenge/*'))
  expect(lines.length).toBeGreaterThanOrEqual(5)
  expect(logs.join('\n')).not.toContain(canary)
  const entries = await readdir(directory, { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile())
  expect(files).not.toEqual([])
  for (const file of files) {
    const stored = await readFile(path.join(file.parentPath, file.name))
    expect(latin1(stored)).not.toContain(canary)
  }
})

/**
 * Writes a hundred megabytes as fast as they are taken; `sent` counts those the socket accepted.
 */
async function writeBlocks(wire: Wire, sent: { bytes: number } = { bytes: 0 }): Promise<void> {
  for (let left = BIG_BYTES; left > 0 && !wire.closed; left -= BLOCK.byteLength) {
    const ready = wire.socket.write(BLOCK)
    sent.bytes += BLOCK.byteLength
    if (!ready) await Promise.race([once(wire.socket, 'drain'), wire.until(({ closed }) => closed)])
  }
}

function hashOfBlocks(count: number): string {
  const hash = createHash('sha256')
  for (let written = 0; written < count; written += 1) hash.update(BLOCK)
  return hash.digest('hex')
}

/** Waits until `value` stays the same while the gateway answers a hundred other requests. */
async function standstill(value: () => number): Promise<void> {
  for (let before = -1; before !== value(); ) {
    before = value()
    for (let asked = 0; asked < 100; asked += 1) {
      const other = await send('GET', '/health', ['Connection: close'])
      await other.until(isWhole)
      other.socket.destroy()
    }
  }
}

/** Largest resident set (bytes) that the runtime has had. */
async function peakMemory(): Promise<number> {
  for (const pid of await readdir('/proc')) {
    const state = /^\d+$/.test(pid) ? await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '') : ''
    const field = (name: string) => new RegExp(`^${name}:\\s+(\\S+)`, 'm').exec(state)?.[1]
    if (field('Name') === 'workerd' && field('PPid') === String(process.pid))
      return Number(field('VmHWM')) * 1024
  }
  throw new Error('no workerd below this process')
}
