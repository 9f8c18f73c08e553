/** docs/upload.sh against a gateway that answers from a script. */

import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import project from '../../package.json' with { type: 'json' }
import { listen } from '../support/listen.ts'
import { run } from '../support/miner.ts'

const HOTKEY = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY'
const ID = { 'x-request-id': 'r-1' }

type Reply = [status: number, body: string, headers: OutgoingHttpHeaders]
let answer: Reply | 'close'
let version: Reply
let uploads: IncomingHttpHeaders[]
let agents: unknown[]
let directory: string
let gateway: string

const server = createServer((request, response) => {
  request.resume()
  agents.push(request.headers['user-agent'])
  request.on('end', () => {
    if (request.method === 'POST') uploads.push(request.headers)
    const read: Reply = request.url === '/version' ? version : [200, '{"server_time":1700000000}', ID]
    const reply = request.method === 'POST' ? answer : read
    if (reply === 'close') return request.socket.destroy()
    const [status, body, headers] = reply
    return response.writeHead(status, headers).end(body)
  })
})

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'upload-sh-'))
  await writeFile(path.join(directory, 'agent.py'), 'zip-bytes')
  gateway = await listen(server)
})
afterAll(async () => {
  server.close()
  await rm(directory, { recursive: true })
})
beforeEach(() => {
  version = [200, '{"netuid":100,"protocol_family":"platform"}', ID]
  answer = [201, '{"id":"s-1"}', ID]
  uploads = []
  agents = []
})

const upload = (env: Readonly<Record<string, string>> = {}) =>
  run('sh', ['docs/upload.sh', path.join(directory, 'agent.py')], {
    ...{ GATEWAY: gateway, CHALLENGE: 'demo', HOTKEY, SIGN: 'cat >&2; echo 00', TMPDIR: directory },
    ...env,
  })

test.each(['', '/'])('the URL of the gateway may end in "%s"', async (end) => {
  const { code, stdout, stderr } = await upload({ GATEWAY: gateway + end })
  expect([code, stdout]).toEqual([0, '{"id":"s-1"}'])
  expect(stderr).toContain(`platform-upload-v1:100:demo:POST:/v1/challenges/demo/submissions:${HOTKEY}:`)
  expect(await readdir(directory)).toEqual(['agent.py'])
})

test('every request has a name, the upload its file name and the nonce that is given', async () => {
  await upload({ NONCE: 'again' })
  expect(agents).toEqual(Array(3).fill(`platform-edge/${project.version}`))
  expect(uploads[0]).toMatchObject({ 'x-submission-filename': 'agent.py', 'x-nonce': 'again' })
})

const HTML = { 'content-type': 'text/html' }
const REDIRECT = { location: 'https://elsewhere.example/' }
const CLOUDFLARE = { server: 'cloudflare', 'cf-ray': 'ray1' }
const REPEAT = 'NONCE=given finds out, and cannot count twice'
const ANSWERS: [name: string, reply: Reply | 'close', code: number, stdout: string, says: string][] = [
  ['a refusal', [409, '{"code":"nonce_already_used"}', ID], 1, '{"code":"nonce_already_used"}', ''],
  ['a page', [200, '<html>', HTML], 5, '<html>', REPEAT],
  ['a page with a request id', [200, '<html>', { ...HTML, ...ID }], 5, '<html>', REPEAT],
  ['a redirect', [302, '', REDIRECT], 5, '', 'location: https://elsewhere.example/'],
  ['Cloudflare', [403, 'error code: 1010', CLOUDFLARE], 5, 'error code: 1010', 'cf-ray: ray1'],
  ['no answer', 'close', 5, '', REPEAT],
]
test.each(ANSWERS)('%s', async (_, reply, code, stdout, says) => {
  answer = reply
  const ended = await upload({ NONCE: 'given' })
  expect([ended.code, ended.stdout]).toEqual([code, stdout])
  expect(ended.stderr).toContain(says)
  expect(ended.stderr.includes(REPEAT)).toBe(code === 5)
})

const NO_GATEWAYS: [name: string, reply: Reply, code: number][] = [
  ['a page', [200, '<html>', HTML], 5],
  ['another path of it', [404, '{"detail":"Not Found"}', ID], 1],
]
test.each(NO_GATEWAYS)('nothing is signed for %s', async (_, reply, code) => {
  version = reply
  const ended = await upload()
  expect([ended.code, uploads]).toEqual([code, []])
  expect(ended.stderr).not.toMatch(/signed|NONCE/)
})
