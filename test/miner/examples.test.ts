/** miner/upload.py and docs/upload.sh against a gateway that answers from a script. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Writable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { problemResponse, type Rejection, rejected } from '../../src/protocol/problem.ts'
import { listen } from '../support/listen.ts'
import { run } from '../support/miner.ts'

vi.setConfig({ testTimeout: 30_000 })

const HOTKEY = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY'
/** In place of the wallet package, and of waiting. */
const WALLET = `
import time
time.sleep = lambda seconds: print("slept", seconds)
class Key:
    ss58_address = "${HOTKEY}"
    def sign(self, message):
        return bytes(64)
class Wallet:
    def __init__(self, **_):
        self.hotkey = Key()
`
const PYTHON = (await run('python3', ['--version'])).code === 0
const WITHOUT = PYTHON ? '' : ' (skipped: no python3 here)'

/** Content type, status and text of the challenge's; a refusal of the gateway's; or the connection closed on a whole upload. */
type Reply = [type: string, status: number, text: string] | 'close' | { readonly rejection: Rejection }
let answers: Reply[] = []
let nonces: string[] = []
let directory: string
let gateway: string

const server = createServer((request, response) => {
  request.resume()
  request.on('end', () => {
    response.setHeader('content-type', 'application/json')
    if (request.url === '/version') return response.end('{"netuid":100,"protocol_family":"platform"}')
    if (request.url === '/v1/time') return response.end('{"server_time":1700000000}')
    if (request.method === 'GET') return response.writeHead(404).end('{"detail":"Not Found"}')
    nonces.push(String(request.headers['x-nonce']))
    // The last one for ever.
    const answer = (answers.length > 1 ? answers.shift() : answers[0]) ?? 'close'
    if (answer === 'close') return request.socket.destroy()
    response.setHeader('x-request-id', `r-${nonces.length}`)
    if ('rejection' in answer) {
      const { status, headers, body } = problemResponse(answer.rejection, `r-${nonces.length}`)
      return void body?.pipeTo(Writable.toWeb(response.writeHead(status, Object.fromEntries(headers))))
    }
    const [type, status, text] = answer
    return response.writeHead(status, { 'content-type': type }).end(text)
  })
})

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'examples-'))
  await writeFile(path.join(directory, 'agent.py'), 'zip-bytes')
  await writeFile(path.join(directory, 'bittensor_wallet.py'), WALLET)
  gateway = await listen(server)
})
afterAll(async () => {
  server.close()
  await rm(directory, { recursive: true })
})

const UNAVAILABLE = rejected('challenge_unavailable', {})
const QUOTA = (seconds: number) =>
  rejected('rate_limited', {
    limit: 'uploads',
    limit_requests: 60,
    limit_seconds: 3600,
    retry_after_seconds: seconds,
  })
const original = { request_id: 'first', reserved_at: 1, body_matches: true }
const replay = (outcome: 'unknown' | 'not_delivered' | 'in_flight') =>
  rejected('nonce_already_used', { original: { ...original, outcome } })
const arrived = (status: number) =>
  rejected('nonce_already_used', { original: { ...original, outcome: 'delivered', status } })
const OK: Reply = ['application/json', 201, '{"id":"s-1"}']

describe.skipIf(!PYTHON)(`miner/upload.py${WITHOUT}`, () => {
  /** Exit code, uploads sent, nonces used, and the waits. */
  type Effect = [code: number, sent: number, nonces: number, waits: number[]]
  const CASES: [name: string, script: Reply[], effect: Effect, says: string][] = [
    ['accepted in JSON', [OK], [0, 1, 1, []], '{"id":"s-1"}'],
    ['accepted in plain text', [['text/plain', 201, 'thank you']], [0, 1, 1, []], 'thank you'],
    ['accepted without a word', [['application/json', 201, '']], [0, 1, 1, []], ''],
    [
      'refused without detail',
      [['application/json', 422, '{"error":"bad zip"}']],
      [1, 1, 1, []],
      '{"error":"bad zip"} (422)',
    ],
    ['refused with a list', [['application/json', 422, '[1]']], [1, 1, 1, []], 'error: [1] (422)'],
    ['refused by a page', [['text/html', 403, '<html>']], [1, 1, 1, []], 'error: <html> (403)'],
    [
      'a short wait',
      [QUOTA(7), OK],
      [0, 2, 2, [7]],
      '429 rate limited (nonce NONCE, request r-1); again in 7 s',
    ],
    ['the longest wait', [QUOTA(300), OK], [0, 2, 2, [300]], 'again in 300 s'],
    ['a longer one', [QUOTA(301)], [1, 1, 1, []], 'error: rate limited (429)'],
    ['always busy', [QUOTA(1)], [1, 6, 6, [1, 2, 4, 8, 16]], 'error: rate limited (429)'],
    [
      'no metagraph',
      [rejected('metagraph_unavailable', { retry_after_seconds: 9 }), OK],
      [0, 2, 2, [9]],
      's-1',
    ],
    ['closed, and not arrived', ['close', OK], [0, 2, 1, [1]], 's-1'],
    [
      'closed, and arrived',
      ['close', arrived(201)],
      [0, 2, 1, [1]],
      'an earlier attempt arrived, and was answered 201 (nonce NONCE, request first)',
    ],
    ['arrived, and refused', [UNAVAILABLE, arrived(422)], [1, 2, 1, [1]], 'was answered 422'],
    [
      'on its way, then arrived',
      [UNAVAILABLE, replay('in_flight'), arrived(201)],
      [0, 3, 1, [1, 2]],
      'was answered 201',
    ],
    ['never arrived', [UNAVAILABLE, replay('not_delivered'), OK], [0, 3, 2, [1, 2]], 's-1'],
    [
      'nobody knows',
      [UNAVAILABLE, replay('unknown')],
      [1, 2, 1, [1]],
      'ask the challenge before you upload again (nonce NONCE, request first)',
    ],
    [
      'unavailable for ever',
      [UNAVAILABLE],
      [1, 6, 1, [1, 2, 4, 8, 16]],
      'nobody knows whether the upload arrived',
    ],
  ]
  test.each(CASES)('%s', async (_, script, effect, says) => {
    answers = [...script]
    nonces = []
    const args = [
      'miner/upload.py',
      path.join(directory, 'agent.py'),
      '--challenge',
      'demo',
      '--gateway',
      `${gateway}/`,
    ]
    const { code, stdout, stderr } = await run('python3', args, { PYTHONPATH: directory })
    const waits = [...stdout.matchAll(/^slept (\d+)$/gm)].map(([, seconds]) => Number(seconds))
    expect([code, nonces.length, new Set(nonces).size, waits]).toEqual(effect)
    expect((stdout + stderr).replaceAll(nonces[0] ?? '', 'NONCE')).toContain(says)
    expect(stderr).not.toContain('Traceback')
  })
})

describe('docs/upload.sh', () => {
  const shell = (url: string) =>
    run('sh', ['docs/upload.sh', path.join(directory, 'agent.py')], {
      GATEWAY: url,
      CHALLENGE: 'demo',
      HOTKEY,
      SIGN: 'cat >&2; echo 00',
    })

  test.each(['', '/'])('the URL of the gateway may end in "%s"', async (end) => {
    answers = [OK]
    const { code, stdout, stderr } = await shell(gateway + end)
    expect([code, stdout]).toEqual([0, '{"id":"s-1"}'])
    expect(stderr).toContain(`platform-upload-v1:100:demo:POST:/v1/challenges/demo/submissions:${HOTKEY}:`)
  })

  test('nothing is signed when the gateway is not there', async () => {
    nonces = []
    const { code, stderr } = await shell(`${gateway}/elsewhere`)
    expect([code, nonces]).toEqual([22, []])
    expect(stderr).not.toContain('signed')
  })
})
