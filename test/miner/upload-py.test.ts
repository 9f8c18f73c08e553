/**
 * miner/upload.py against a gateway that answers from a script; the wallet package and the waiting
 * are stand-ins.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Writable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import project from '../../package.json' with { type: 'json' }
import { problemResponse, type Rejection, rejected } from '../../src/protocol/problem.ts'
import { listen } from '../support/listen.ts'
import { run } from '../support/miner.ts'

vi.setConfig({ testTimeout: 30_000 })

const HOTKEY = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY'
const STAND_INS = `
import random, time
time.sleep = lambda seconds: print("slept", seconds)
random.random = lambda: 1.0
class Keypair:
    ss58_address = "${HOTKEY}"
    def sign(self, message):
        return bytes(64)
class Keyfile:
    def __init__(self, path, name):
        print("opened", path)
    def get_keypair(self):
        return Keypair()
`
const PYTHON = (await run('python3', ['--version'])).code === 0
const WITHOUT = PYTHON ? '' : ' (skipped: no python3 here)'

/**
 * A challenge's answer, a refusal of the gateway's, what something before the gateway says, or the
 * connection closed.
 */
type Reply =
  | [status: number, text: string, headers?: Readonly<Record<string, string>>]
  | { readonly rejection: Rejection }
  | { readonly foreign: [status: number, text: string, headers: Readonly<Record<string, string>>] }
  | 'close'
  | 'never'
let answers: Reply[] = []
let uploads: Readonly<Record<string, unknown>>[] = []
let agents: unknown[] = []
let directory: string
let gateway: string
let onUpload = () => {}

const server = createServer((request, response) => {
  request.resume()
  agents.push(request.headers['user-agent'])
  request.on('end', () => {
    if (request.method === 'POST') {
      uploads.push(request.headers)
      onUpload()
      // The last one for ever.
      return answer((answers.length > 1 ? answers.shift() : answers[0]) ?? 'close', response)
    }
    const limits = request.url === '/v1/limits'
    const document = limits ? '{"max_upload_bytes":8000000}' : '{"netuid":100,"protocol_family":"platform"}'
    return answer([200, document], response)
  })
})

function answer(reply: Reply, response: ServerResponse): void {
  const id = `r-${uploads.length}`
  if (reply === 'never') return
  if (reply === 'close') return void response.socket?.destroy()
  if ('rejection' in reply) {
    const { status, headers, body } = problemResponse(reply.rejection, id)
    headers.set('x-request-id', id)
    return void body?.pipeTo(Writable.toWeb(response.writeHead(status, Object.fromEntries(headers))))
  }
  const [status, body, more = {}] = 'foreign' in reply ? reply.foreign : reply
  const own = 'foreign' in reply ? {} : { 'content-type': 'application/json', 'x-request-id': id }
  response.writeHead(status, { ...own, ...more }).end(body)
}

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'upload-py-'))
  await writeFile(path.join(directory, 'agent.py'), 'zip-bytes')
  await writeFile(path.join(directory, 'bittensor_wallet.py'), STAND_INS)
  gateway = await listen(server)
})
afterAll(async () => {
  server.close()
  await rm(directory, { recursive: true })
})
beforeEach(() => {
  answers = []
  uploads = []
  agents = []
})

/** HOME is the directory of the test. */
async function upload(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
  const usual = ['--challenge', 'demo', '--gateway', `${gateway}/`]
  const [file = path.join(directory, 'agent.py'), ...more] = args
  return run('python3', ['miner/upload.py', file, ...usual, ...more], {
    HOME: directory,
    PYTHONPATH: directory,
    PYTHONDONTWRITEBYTECODE: '1',
    ...env,
  })
}

const UNAVAILABLE = rejected('challenge_unavailable', {})
const QUOTA = (seconds: number) =>
  rejected('rate_limited', {
    limit: 'uploads',
    limit_requests: 60,
    limit_seconds: 3600,
    retry_after_seconds: seconds,
  })
const original = { request_id: 'first', reserved_at: 1, body_matches: true }
const replay = (outcome: 'unknown' | 'not_delivered' | 'in_flight', body_matches = true) =>
  rejected('nonce_already_used', { original: { ...original, body_matches, outcome } })
const arrived = (status: number) =>
  rejected('nonce_already_used', { original: { ...original, outcome: 'delivered', status } })
const OK: Reply = [201, '{"id":"s-1"}']
const foreign = (status: number, body: string, headers: Readonly<Record<string, string>> = {}): Reply => ({
  foreign: [status, body, headers],
})
const STALE = (skew: number) => {
  const server_time = Math.floor(Date.now() / 1000) + skew
  const facts = { request_time: 1, skew_seconds: -skew, max_skew_seconds: 300 }
  return rejected('stale_signature', { server_time, ...facts })
}

describe.skipIf(!PYTHON)(`miner/upload.py${WITHOUT}`, () => {
  /** Exit code, uploads sent, nonces used, and the waits. */
  type Effect = [code: number, sent: number, nonces: number, waits: number[]]
  const CASES: [name: string, script: Reply[], effect: Effect, says: string][] = [
    ['accepted in JSON', [OK], [0, 1, 1, []], '{"id":"s-1"}'],
    ['accepted in plain text', [[201, 'thanks', { 'content-type': 'text/plain' }]], [0, 1, 1, []], 'thanks'],
    ['accepted without a word', [[201, '']], [0, 1, 1, []], ''],
    [
      'refused by the challenge',
      [[422, '{"error":"bad zip"}']],
      [1, 1, 1, []],
      'answered 422: {"error":"bad zip"}',
    ],
    ['refused with a list', [[422, '[1]']], [1, 1, 1, []], 'answered 422: [1]'],
    ['text that would steer the terminal', [[422, '\u001b[2J']], [1, 1, 1, []], '\\x1b[2J'],
    [
      'a short wait',
      [QUOTA(7), OK],
      [0, 2, 2, [7]],
      '(429 rate_limited, request r-1); retry 1 with a fresh nonce in 7.0 s',
    ],
    ['the longest wait', [QUOTA(300), OK], [0, 2, 2, [300]], 'in 300.0 s'],
    ['a longer one', [QUOTA(301)], [5, 1, 1, []], 'error: rate limited'],
    ['always busy', [QUOTA(1)], [5, 6, 6, [1, 2, 4, 8, 16]], 'error: rate limited'],
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
      'the first attempt arrived: the challenge answered 201 (request first)',
    ],
    ['arrived, and refused', [UNAVAILABLE, arrived(422)], [1, 2, 1, [1]], 'answered 422'],
    ['on its way, then arrived', [UNAVAILABLE, replay('in_flight'), arrived(201)], [0, 3, 1, [1, 10]], '201'],
    ['never arrived', [UNAVAILABLE, replay('not_delivered'), OK], [0, 3, 2, [1, 2]], 's-1'],
    [
      'unknown',
      [UNAVAILABLE, replay('unknown')],
      [5, 2, 1, [1]],
      'hint:  Ask the challenge before you upload again.',
    ],
    [
      'unavailable for ever',
      [UNAVAILABLE],
      [5, 6, 1, [1, 2, 4, 8, 16]],
      'it is unknown whether the upload arrived (nonce NONCE, request r-6)',
    ],
    ['another file had the nonce', [replay('unknown', false)], [1, 1, 1, []], 'error: nonce already used'],
    ['its own 429 without Retry-After', [[429, 'slow down']], [1, 1, 1, []], 'answered 429: slow down'],
    ['its own 429 with it', [[429, '', { 'retry-after': '3' }], OK], [0, 2, 2, [3]], 's-1'],
    ['its own 502', [[502, ''], OK], [0, 2, 1, [1]], 's-1'],
    ['a clock behind', [STALE(4000), OK], [0, 2, 2, []], 's-1'],
    ['a clock that stays refused', [STALE(4000)], [1, 2, 2, []], 'error: stale signature'],
    ['a clock off by more than a day', [STALE(90_000)], [1, 1, 1, []], 'error: stale signature'],
    [
      'a page',
      [foreign(200, '<!doctype html><title>Sign in')],
      [5, 1, 1, []],
      'a page answered 200 in place of the gateway',
    ],
    [
      'a page with a request id',
      [[200, '<html>', { 'content-type': 'text/html' }]],
      [5, 1, 1, []],
      'a page answered 200',
    ],
    [
      'a redirect',
      [foreign(302, '', { location: 'https://elsewhere.example/v1/challenges/demo/submissions' })],
      [5, 1, 1, []],
      'a redirect answered 302 in place of the gateway https://elsewhere.example/',
    ],
    [
      'Cloudflare',
      [foreign(403, 'error code: 1010', { server: 'cloudflare', 'cf-ray': 'ray1' })],
      [5, 1, 1, []],
      '1010 ray1',
    ],
    ['a bad gateway on the way', [foreign(502, ''), OK], [0, 2, 1, [1]], 's-1'],
  ]
  test.each(CASES)('%s', async (_, script, effect, says) => {
    answers = [...script]
    const { code, stdout, stderr } = await upload()
    const waits = [...stdout.matchAll(/^slept (\d+)/gm)].map(([, seconds]) => Number(seconds))
    const nonces = uploads.map((headers) => String(headers['x-nonce']))
    expect([code, nonces.length, new Set(nonces).size, waits]).toEqual(effect)
    expect((stdout + stderr).replaceAll(nonces[0] ?? '', 'NONCE')).toContain(says)
    expect(stderr).not.toContain('Traceback')
  })

  test('an unknown hotkey is tried again only while the chain could not be asked', async () => {
    const facts = { hotkey: HOTKEY, netuid: 100, metagraph_block: 1, metagraph_age_seconds: 1 }
    answers = [rejected('unknown_hotkey', { ...facts, looked_up: false, retry_after_seconds: 5 }), OK]
    expect(await upload()).toMatchObject({ code: 0, stdout: expect.stringContaining('slept 5\n') })
    answers = [rejected('unknown_hotkey', { ...facts, looked_up: true })]
    expect(await upload()).toMatchObject({ code: 1 })
  })

  test('every request has a name, and the upload its file name', async () => {
    answers = [OK]
    await upload()
    expect(new Set(agents)).toEqual(new Set([`platform-edge/${project.version}`]))
    await upload([path.join(directory, 'agent.py'), '--filename', 'other.py'])
    const named = await upload([path.join(directory, 'agent.py'), '--filename', 'größe.py'])
    expect(uploads.map((headers) => headers['x-submission-filename'])).toEqual(['agent.py', 'other.py', ''])
    expect(named.stderr).toMatch(/^warning: the name größe.py cannot be sent/m)
  })

  test('a nonce that is given is kept', async () => {
    answers = [UNAVAILABLE, replay('in_flight'), replay('not_delivered')]
    const { code, stderr } = await upload([path.join(directory, 'agent.py'), '--nonce', 'again'])
    expect([code, new Set(uploads.map((headers) => headers['x-nonce']))]).toEqual([1, new Set(['again'])])
    expect(stderr).toContain('error: nonce already used')
  })

  test('nothing is sent to what is not a gateway', async () => {
    const { code, stderr } = await upload(['miner/upload.py', '--gateway', 'http://127.0.0.1:9'])
    expect([code, uploads.length]).toEqual([5, 0])
    expect(stderr).toMatch(/^error: no answer from http:\/\/127\.0\.0\.1:9 /m)
  })

  test('one line for a file that cannot be sent', async () => {
    const [empty, large, folder] = ['empty', 'large', 'folder'].map((name) => path.join(directory, name))
    await writeFile(empty ?? '', '')
    await writeFile(large ?? '', new Uint8Array(8_000_001))
    await mkdir(folder ?? '')
    const refusals: [file: string | undefined, says: RegExp][] = [
      [
        path.join(directory, 'absent'),
        /^error: cannot read \S+absent \(No such file or directory\)\nhint: {2}.+\n$/,
      ],
      [empty, /^error: \S+empty has 0 bytes\nhint: {2}An upload has 1 to 7500000\.\n$/],
      [large, /^error: \S+large has 8000001 bytes\nhint: {2}An upload has 1 to 8000000\.\n$/],
      [folder, /^error: cannot read \S+folder \(Is a directory\)\nhint: {2}.+\n$/],
    ]
    for (const [file = '', says] of refusals) {
      const { code, stderr } = await upload([file])
      expect([file, code, uploads.length]).toEqual([file, 4, 0])
      expect(stderr).toMatch(says)
    }
  })

  const MISUSED: [name: string, args: string[]][] = [
    ['a display name', ['--challenge', 'Demo Challenge']],
    ['an address without a scheme', ['--gateway', 'gateway.example.com']],
    ['an empty nonce', ['--nonce', ' ü']],
    ['an unknown option', ['--nope']],
  ]
  test.each(MISUSED)('%s is wrong usage', async (_, args) => {
    const { code, stderr } = await upload([path.join(directory, 'agent.py'), ...args])
    expect([code, uploads.length]).toEqual([2, 0])
    expect(stderr).toMatch(/^upload\.py: error: .+\n$/m)
  })

  const INTERRUPTED: [signal: NodeJS.Signals, script: Reply[], says: string][] = [
    ['SIGINT', ['never'], 'interrupted: it is unknown whether the upload arrived (nonce NONCE)\n'],
    [
      'SIGTERM',
      ['never'],
      'hint:  Upload the same file with --nonce NONCE to find out: that cannot count twice.\n',
    ],
    ['SIGINT', ['close', 'never'], 'interrupted: it is unknown whether the upload arrived (nonce NONCE)\n'],
  ]
  test.each(INTERRUPTED)('%s, answered %j', async (signal, script, says) => {
    answers = [...script]
    const file = path.join(directory, 'agent.py')
    const args = ['miner/upload.py', file, '--challenge', 'demo', '--gateway', gateway]
    const env = { PATH: process.env['PATH'], HOME: directory, PYTHONPATH: directory }
    const child = spawn('python3', args, { env, stdio: ['ignore', 'ignore', 'pipe'] })
    onUpload = () => uploads.length === script.length && child.kill(signal)
    const [stderr, [code]] = await Promise.all([text(child.stderr), once(child, 'close')])
    onUpload = () => {}
    expect(code).toBe(130)
    expect(stderr.replaceAll(String(uploads[0]?.['x-nonce']), 'NONCE')).toContain(says)
    expect(stderr).not.toContain('Traceback')
  })

  describe('the wallet', () => {
    const opened = ({ stdout }: { stdout: string }) =>
      /^opened (.*)$/m.exec(stdout)?.[1]?.slice(directory.length)
    const ENV = { BT_WALLET: 'eleven', BT_WALLET_HOTKEY: 'hot', BT_WALLET_PATH: '~/elsewhere' }
    const CHOICES: [name: string, args: string[], env: Readonly<Record<string, string>>, file: string][] = [
      ['nothing said', [], {}, '/.bittensor/wallets/default/hotkeys/default'],
      ['by environment', [], ENV, '/elsewhere/eleven/hotkeys/hot'],
      ['by the old name', [], { BT_WALLET_NAME: 'nine' }, '/.bittensor/wallets/nine/hotkeys/default'],
      ['by option', ['-w', 'a', '-H', 'b', '-p', '~/c'], ENV, '/c/a/hotkeys/b'],
    ]
    test.each(CHOICES)('%s', async (_, args, env, file) => {
      answers = [OK]
      expect(opened(await upload([path.join(directory, 'agent.py'), ...args], env))).toBe(file)
    })

    const CONFIGURED: [name: string, variable: string, text: string, chooses: boolean][] = [
      ['btcli 11', 'BTCLI_CONFIG', '{\n  "wallet": "a"\n}\n', true],
      ['btcli 11, in one line', 'BTCLI_CONFIG', '{"network": "finney", "wallet_hotkey": "a"}', true],
      ['btcli 11, something else', 'BTCLI_CONFIG', '{\n  "network": "finney"\n}\n', false],
      ['btcli 9', 'BTCLI_CONFIG_PATH', 'network: finney\nwallet_path: ~/.bittensor/wallets\n', true],
      [
        'btcli 9 as installed',
        'BTCLI_CONFIG_PATH',
        'wallet_hotkey: null\nwallet_name: null\nwallet_path:\n',
        false,
      ],
    ]
    test.each(CONFIGURED)('configured for %s', async (_, variable, content, chooses) => {
      answers = [OK]
      const file = path.join(directory, 'btcli-configuration')
      await writeFile(file, content)
      const { code, stderr } = await upload([], { [variable]: file })
      expect([code, stderr.includes(`${file} chooses btcli's wallet`)]).toEqual([chooses ? 3 : 0, chooses])
      const told = await upload([], { [variable]: file, ...ENV })
      expect([told.code, opened(told)]).toEqual([0, '/elsewhere/eleven/hotkeys/hot'])
    })
  })
})
