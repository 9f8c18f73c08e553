/**
 * The commands where something else than the gateway answers: exit code 5, and never a word of the
 * challenge.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createTcpServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { createClient, seedSigner } from '../../miner/client.ts'
import { listen } from '../support/listen.ts'
import { cli } from '../support/miner.ts'

vi.setConfig({ testTimeout: 60_000 })

type Answer = (response: ServerResponse, request: IncomingMessage) => void

const page: Answer = (response) =>
  response.writeHead(200, { 'content-type': 'text/html' }).end('<html><title>Sign in</title></html>')
const namedPage: Answer = (response, request) => page(response.setHeader('x-request-id', 'proxy-1'), request)
const redirect: Answer = (response, request) =>
  response.writeHead(301, { location: `${elsewhere}${request.url}` }).end()
const blocked: Answer = (response) =>
  response.writeHead(403, { server: 'cloudflare', 'cf-ray': '8f1e-FRA' }).end('error code: 1010')
const json: Answer = (response) =>
  response.writeHead(200, { 'content-type': 'application/json' }).end('{"id":"s-1"}')

let directory: string
let file: string
let gateway: string
/** Where the redirect leads: a server that takes everything. */
let elsewhere: string
let taken = 0
let answerReads: Answer | undefined
let answerUploads: Answer = page
let nonces: string[] = []
const agents = new Set<string>()

const server = createServer((request, response) => {
  request.resume()
  agents.add(String(request.headers['user-agent']))
  request.on('end', () => {
    if (request.method === 'POST') {
      nonces.push(String(request.headers['x-nonce']))
      return answerUploads(response, request)
    }
    if (answerReads !== undefined) return answerReads(response, request)
    response.setHeader('x-request-id', 'r')
    response.setHeader('content-type', 'application/json')
    if (request.url === '/version') return response.end('{"netuid":100,"protocol_family":"platform"}')
    if (request.url === '/v1/time') return response.end(`{"server_time":${Math.floor(Date.now() / 1000)}}`)
    if (request.url?.startsWith('/v1/metagraph')) return response.end('{"netuid":100,"block":7,"uid":null}')
    return response.end('{}')
  })
})
const target = createServer((request, response) => {
  taken += 1
  request.resume()
  json(response.setHeader('x-request-id', 'r'), request)
})

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'foreign-'))
  file = path.join(directory, 'agent.py')
  await writeFile(file, 'zip-bytes')
  gateway = await listen(server)
  elsewhere = await listen(target)
})
afterAll(async () => {
  server.close()
  target.close()
  await rm(directory, { recursive: true })
})

function edge(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  nonces = []
  return cli(args, { PLATFORM_EDGE_URL: gateway, PLATFORM_EDGE_SEED: '07'.repeat(32), ...env })
}

const READS: [command: string, ...args: string[]][] = [
  ['status', 's-1', '--challenge', 'demo'],
  ['limits'],
  ['challenges'],
  ['whoami'],
  ['doctor', '--challenge', 'demo'],
  ['sign', 'FILE', '--challenge', 'demo'],
  ['upload', 'FILE', '--challenge', 'demo'],
  ['verify', 'FILE', '--challenge', 'demo'],
]
const SAYS: [name: string, answer: Answer, what: RegExp][] = [
  ['a page', page, /a page \("Sign in"\) answered 200/],
  ['a page with an id', namedPage, /a page \("Sign in"\) answered 200/],
  ['a redirect', redirect, /a redirect to \S+ answered 301/],
  [
    'Cloudflare',
    blocked,
    /Cloudflare refused it before the gateway saw it \(403, error 1010, ray 8f1e-FRA\)/,
  ],
  ['JSON without an id', json, /a server that is not the gateway answered 200/],
]
/** Each with one that has an id of its own and one that has none. */
describe.each(SAYS.slice(1, 4))('%s answers to reads', (_, answer, what) => {
  test.concurrent.each(READS)('%s', async (...command) => {
    answerReads = answer
    answerUploads = answer
    const { code, stdout, stderr } = await edge(command.map((arg) => (arg === 'FILE' ? file : arg)))
    expect([code, (stdout + stderr).match(what)?.length]).toEqual([5, 1])
    expect(stdout + stderr).not.toContain('challenge answered')
    expect(taken).toBe(0)
  })
})

describe.each(SAYS)('%s answers to uploads', (_, answer, what) => {
  test.each(['upload', 'verify', 'doctor'])('the POST of %s', async (command) => {
    answerReads = undefined
    answerUploads = answer
    const { code, stdout, stderr } = await edge([
      command,
      ...(command === 'doctor' ? [] : [file]),
      '--challenge',
      'demo',
    ])
    expect([code, nonces.length, (stdout + stderr).match(what)?.length]).toEqual([5, 1, 1])
    expect(stdout + stderr).not.toContain('challenge answered')
    if (command === 'upload') {
      expect(stderr).toContain(`it is unknown whether the upload arrived (nonce ${nonces[0]}, `)
      expect(stderr).toContain(`Upload the same file with --nonce ${nonces[0]} to find out`)
    }
    expect(taken).toBe(0)
  })

  test('the SDK: a kind of its own, and no redirect is followed', async () => {
    answerUploads = answer
    const signer = seedSigner(new Uint8Array(32).fill(7))
    const client = createClient({ gateway, signer, protocol: { netuid: 100, family: 'platform' } })
    const got = await client.submitUpload({ challenge: 'demo', body: new Uint8Array(9) })
    expect(got).toMatchObject({
      ok: false,
      kind: 'foreign',
      mayHaveArrived: true,
      what: expect.stringMatching(what),
    })
    expect(taken).toBe(0)
  })
})

test('every request has our name', () => {
  expect([...agents]).toEqual([expect.stringMatching(/^platform-edge\/\d+\.\d+\.\d+$/)])
})

describe('the wrong scheme is named at once', () => {
  test('https:// on a plain port', async () => {
    const { code, stderr } = await edge(['limits', '--gateway', gateway.replace('http:', 'https:')])
    expect(code).toBe(5)
    expect(stderr).toMatch(
      /^error: https:\/\/127\.0\.0\.1:\d+ does not speak TLS \(\w+\)\nhint: {2}Use --gateway http:\/\/127\.0\.0\.1:\d+, if plain HTTP is meant\.\n$/,
    )
  })

  test('http:// on a port that is not HTTP', async () => {
    // What a TLS server answers to a plain request: an alert.
    const tls = createTcpServer((socket) => socket.end(Uint8Array.of(0x15, 3, 1, 0, 2, 2, 0x46)))
    await new Promise<void>((resolve) => tls.listen(0, '127.0.0.1', resolve))
    const address = tls.address()
    const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}`
    const { code, stderr } = await edge(['limits', '--gateway', url])
    expect([code, stderr.split('\n').length]).toEqual([5, 3])
    expect(stderr).toMatch(/does not speak HTTP \(HPE_\w+\)\nhint: {2}Use --gateway https:/)
    tls.close()
  })
})

const ADDRESSES: [given: string, hint: RegExp][] = [
  ['https://g.example/v1', /Use --gateway https:\/\/g\.example \(/],
  ['https://g.example/v1/', /Use --gateway https:\/\/g\.example \(/],
  ['https://g.example/edge/v1/challenges/demo/submissions', /Use --gateway https:\/\/g\.example\/edge \(/],
  ['https://g.example/status', /Use --gateway https:\/\/g\.example \(/],
  ['https://g.example/upload.py', /Use --gateway https:\/\/g\.example \(/],
  ['https://g.example/?x=1', /Use --gateway https:\/\/g\.example \(/],
  ['g.example', /Give it as https:\/\/g\.example\./],
  ['ftp://g.example', /Give it as https:\/\/gateway\.example\.com\./],
]
test.concurrent.each(ADDRESSES)('--gateway %s', async (given, hint) => {
  const { code, stderr } = await edge(['limits', '--gateway', given])
  expect([code, stderr]).toEqual([2, expect.stringMatching(hint)])
})

test('a path that only looks like a route of the gateway is a prefix', async () => {
  const { stderr } = await edge(['limits', '--gateway', `${gateway}/v1x`])
  expect(stderr).not.toContain('ends before its routes')
})
