/** Ctrl-C and SIGTERM: before, in the middle of and behind an upload's body. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { listen } from '../support/listen.ts'
import { CLI } from '../support/miner.ts'

vi.setConfig({ testTimeout: 60_000 })

let directory: string
let gateway: string
/** Told of the point that a request has reached; what it answers is sent. */
let reach: (point: 'asked' | 'in the body' | 'sent', nonce: string) => void = () => {}
let answerUpload: ((response: ServerResponse) => void) | undefined
let holdReads = false

const server = createServer((request, response) => {
  const nonce = String(request.headers['x-nonce'])
  response.setHeader('x-request-id', 'r-1')
  if (request.method === 'GET') {
    reach('asked', '')
    if (!holdReads) response.end('{"netuid":100,"protocol_family":"platform"}')
    return
  }
  if (answerUpload === undefined) {
    // One piece of the body and no more: the client's buffers are full.
    request.once('data', () => {
      request.pause()
      reach('in the body', nonce)
    })
    return
  }
  request.resume()
  request.on('end', () => {
    answerUpload?.(response)
    reach('sent', nonce)
  })
})

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'interrupt-'))
  await writeFile(path.join(directory, 'large.zip'), new Uint8Array(7_000_000))
  gateway = await listen(server)
})
afterAll(async () => {
  server.closeAllConnections()
  server.close()
  await rm(directory, { recursive: true })
})

/** Starts an upload, sends the signal at the point, and waits for the end. */
async function interrupted(
  point: Parameters<typeof reach>[0],
  signal: NodeJS.Signals,
  more: readonly string[] = [],
) {
  let nonce = ''
  const child = spawn(
    process.execPath,
    [CLI, 'upload', path.join(directory, 'large.zip'), '--challenge', 'demo', ...more],
    { env: { HOME: '/nonexistent', PLATFORM_EDGE_URL: gateway, PLATFORM_EDGE_SEED: '07'.repeat(32) } },
  )
  let stdout = ''
  let stderr = ''
  const waits = Promise.withResolvers<void>()
  child.stdout.on('data', (chunk) => {
    stdout += chunk
  })
  child.stderr.on('data', (chunk) => {
    stderr += chunk
    if (stderr.includes('; retry 1')) waits.resolve()
  })
  const reached = Promise.withResolvers<void>()
  reach = (at, its) => {
    if (at !== point) return
    nonce = its
    reached.resolve()
  }
  await reached.promise
  if (point === 'sent') await waits.promise
  child.kill(signal)
  const [code, killedBy] = await once(child, 'close')
  return { code, killedBy, stdout, stderr, nonce }
}

test.each(['SIGINT', 'SIGTERM'] as const)('%s in the middle of the body names the nonce', async (signal) => {
  answerUpload = undefined
  const { code, killedBy, stderr, nonce } = await interrupted('in the body', signal)
  expect([code, killedBy, nonce.length]).toEqual([130, null, 36])
  const lines = stderr.trimEnd().split('\n')
  // Shown before the body left.
  expect(lines[0]).toMatch(
    new RegExp(`^uploading large\\.zip: 7000000 bytes to demo as 5\\w+ \\(nonce ${nonce}\\)$`),
  )
  expect(lines.slice(1)).toEqual([
    `error: it is unknown whether the upload arrived (nonce ${nonce}, request without id): interrupted`,
    `hint:  Upload the same file with --nonce ${nonce} to find out: that cannot count twice.`,
  ])
})

test('as one object', async () => {
  answerUpload = undefined
  const { code, stdout, nonce } = await interrupted('in the body', 'SIGINT', ['--json', '--quiet'])
  expect(code).toBe(130)
  expect(JSON.parse(stdout)).toMatchObject({ ok: false, exit_code: 130, may_have_arrived: true, nonce })
})

test('while it waits to ask what became of the upload', async () => {
  answerUpload = (response) => response.writeHead(502, { 'retry-after': '200' }).end()
  const { code, stderr, nonce } = await interrupted('sent', 'SIGINT')
  expect(code).toBe(130)
  expect(stderr).toContain(`it is unknown whether the upload arrived (nonce ${nonce}`)
})

test('while it waits behind a refusal', async () => {
  const problem = {
    type: 'urn:platform-edge:problem:over_capacity',
    code: 'over_capacity',
    detail: 'd',
    hint: 'h',
    status: 503,
  }
  answerUpload = (response) => response.writeHead(503, { 'retry-after': '200' }).end(JSON.stringify(problem))
  const { code, stderr } = await interrupted('sent', 'SIGINT')
  expect(code).toBe(130)
  expect(stderr).toMatch(/error: interrupted; no upload is on its way\nhint: {2}Run it again\.\n$/)
})

test('before anything is sent', async () => {
  holdReads = true
  const { code, stderr } = await interrupted('asked', 'SIGINT')
  holdReads = false
  expect([code, stderr]).toEqual([130, 'error: interrupted; no upload is on its way\nhint:  Run it again.\n'])
})
