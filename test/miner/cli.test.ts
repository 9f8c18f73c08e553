/** The command line as a process: bad input, aliases, retries, and what is printed where. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Writable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { judgeNode } from '../../miner/cli/doctor.ts'
import { progressLine } from '../../miner/cli/output.ts'
import { createTransport } from '../../miner/cli/transport.ts'
import { problemResponse, type Rejection, rejected } from '../../src/protocol/problem.ts'
import { listen } from '../support/listen.ts'
import { cli } from '../support/miner.ts'

/** A process starts slowly on a busy machine. */
vi.setConfig({ testTimeout: 30_000 })

const SEED = '398f0c28f98885e046333d4a41c19cee4c37368a9832c6502f6cfd182e2aef89'
const BOB = '5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty'

let directory: string
let gateway: string
/**
 * A status of the challenge's, a refusal of the gateway's, or the connection closed on a complete
 * upload.
 */
type Reply = number | 'close' | { readonly rejection: Rejection }
let answers: Reply[] = []
let nonces: string[] = []

/** `/version`, then the scripted answers for uploads. */
const server = createServer((request, response) => {
  request.resume()
  request.on('end', () => {
    response.setHeader('x-request-id', 'r-0')
    if (request.url === '/version') return response.end('{"netuid":100,"protocol_family":"platform"}')
    if (request.url === '/v1/limits') return response.end('{"max_upload_bytes":7500000}')
    nonces.push(String(request.headers['x-nonce']))
    const answer = answers.shift() ?? 201
    if (answer === 'close') return request.socket.destroy()
    response.setHeader('x-request-id', `r-${nonces.length}`)
    if (typeof answer === 'object') {
      const { status, headers, body } = problemResponse(answer.rejection, `r-${nonces.length}`)
      return void body?.pipeTo(Writable.toWeb(response.writeHead(status, Object.fromEntries(headers))))
    }
    response.writeHead(answer, { 'retry-after': '0', 'content-type': 'application/json' })
    return response.end('{"id":"s-1"}')
  })
})

const at = (name: string) => path.join(directory, name)

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'cli-'))
  await writeFile(at('agent.py'), 'zip-bytes')
  await writeFile(at('empty'), '')
  await writeFile(at('large'), new Uint8Array(7_500_001))
  await writeFile(at('seed'), SEED, { mode: 0o600 })
  await writeFile(at('vault'), '$ANSIBLE_VAULT;1.1', { mode: 0o600 })
  await writeFile(at('coldkey'), SEED, { mode: 0o600 })
  gateway = await listen(server)
})
afterAll(async () => {
  server.close()
  await rm(directory, { recursive: true })
})

/** `@name` stands for a file of the test's directory. */
function edge(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const local = args.map((arg) => (arg.startsWith('@') ? at(arg.slice(1)) : arg))
  return cli(local, { PLATFORM_EDGE_URL: gateway, PLATFORM_EDGE_SEED: SEED, ...env })
}

describe('bad input: one line, a hint, an exit code, no stack trace', () => {
  const UP = ['upload', '@agent.py', '--challenge', 'demo']
  const BAD: [name: string, args: string[], code: number, line: string, env?: Record<string, string>][] = [
    ['no such command', ['uplaod'], 2, 'no such command'],
    ['no file', ['upload'], 2, 'upload takes a file'],
    ['two files', ['upload', '@agent.py', '@seed'], 2, 'got more'],
    ['unknown option', [...UP, '--frob'], 2, "Unknown option '--frob'"],
    [
      'option without value',
      ['upload', '@agent.py', '--challenge'],
      2,
      "Option '--challenge <value>' argument missing",
    ],
    ['seed on the command line', [...UP, '--seed', 'canary'], 2, 'secrets do not belong on a command line'],
    [
      'mnemonic on the command line',
      [...UP, '--mnemonic=canary'],
      2,
      'secrets do not belong on a command line',
    ],
    ['no challenge', ['upload', '@agent.py'], 2, 'no challenge given'],
    ['netuid in words', [...UP, '--netuid', 'x'], 2, '--netuid is a number'],
    ['nonce no header can carry', [...UP, '--nonce', 'é'], 2, 'printable ASCII'],
    ['no gateway', UP, 2, 'no gateway given', { PLATFORM_EDGE_URL: '' }],
    ['gateway that is no URL', [...UP, '--gateway', 'localhost'], 2, 'is not a URL'],
    ['missing file', ['upload', '@missing', '--challenge', 'demo'], 4, 'cannot read'],
    ['empty file', ['upload', '@empty', '--challenge', 'demo'], 4, 'is empty'],
    ['directory', ['upload', '@.', '--challenge', 'demo'], 4, 'is not a file'],
    [
      'over the limit',
      ['upload', '@large', '--challenge', 'demo'],
      4,
      '7500001 bytes; the gateway takes at most 7500000',
    ],
    [
      'no wallet',
      [...UP, '--wallet-path', '/nonexistent'],
      3,
      'there is no hotkey at /nonexistent/default/hotkeys/default',
    ],
    ['wallet name with a way out', [...UP, '--wallet-hotkey', '../coldkey'], 2, 'is not a hotkey name'],
    ['coldkey', [...UP, '--secret-file', '@coldkey'], 3, 'coldkeys are never opened'],
    ['foreign format', [...UP, '--secret-file', '@vault'], 3, 'Ansible Vault'],
    ['file that is no key', [...UP, '--secret-file', '@agent.py'], 3, 'holds no key'],
    ['missing key file', [...UP, '--secret-file', '@missing'], 3, 'cannot read'],
    ['no key in the environment', UP, 3, 'PLATFORM_EDGE_SEED holds no key', { PLATFORM_EDGE_SEED: 'canary' }],
  ]
  test.concurrent.each(BAD)('%s', async (_, args, code, line, env = {}) => {
    const { code: got, stdout, stderr } = await edge(args, env)
    expect([got, stdout]).toEqual([code, ''])
    const [error = '', hint = '', ...rest] = stderr.trimEnd().split('\n')
    expect(error).toContain(`error: `)
    expect(error).toContain(line)
    expect(hint).toMatch(/^hint: {2}\S/)
    expect(rest).toEqual([])
    expect(stderr).not.toContain('canary')
    expect(stderr).not.toContain('\x1b')
  })

  test('with --json-output it is one object on stdout', async () => {
    const { code, stdout, stderr } = await edge([
      'upload',
      '@missing',
      '--challenge',
      'demo',
      '--json-output',
    ])
    expect([code, stderr]).toEqual([4, ''])
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, exit_code: 4, hint: 'Check the path.' })
  })
})

describe('upload', () => {
  test('retries what may pass, then prints the answer', async () => {
    answers = [503, rejected('metagraph_unavailable', { retry_after_seconds: 0 })]
    nonces = []
    const { code, stdout, stderr } = await edge(['upload', '@agent.py', '--challenge', 'demo'])
    expect(code).toBe(0)
    expect(stdout).toContain('accepted by demo (201, request r-3)')
    expect(stdout).toContain('next: platform-edge status s-1 --challenge demo')
    expect(stderr).toContain(`uploading agent.py: 9 bytes to demo as ${BOB} (nonce ${nonces[0]})`)
    expect(stderr).toMatch(
      new RegExp(`^503 \\(nonce ${nonces[0]}, request r-1\\); retry 1 with a fresh nonce in \\d`, 'm'),
    )
    expect(stderr).toMatch(
      /^metagraph unavailable \(nonce \S+, request r-2\); retry 2 with a fresh nonce in \d/m,
    )
    expect(new Set(nonces).size).toBe(3)
  })

  test('--quiet prints the result only', async () => {
    const { stdout, stderr } = await edge(['upload', '@agent.py', '--challenge', 'demo', '-q', '--json-out'])
    expect([stderr, JSON.parse(stdout).answer]).toEqual(['', { id: 's-1' }])
  })

  const UNAVAILABLE = rejected('challenge_unavailable', {})
  const original = { request_id: 'first', reserved_at: 1, body_matches: true }
  const replay = (outcome: 'unknown' | 'not_delivered' | 'in_flight') =>
    rejected('nonce_already_used', { original: { ...original, outcome } })
  const arrived = (status: number) =>
    rejected('nonce_already_used', { original: { ...original, outcome: 'delivered', status } })
  const ALREADY: [name: string, script: Reply[], code: number, says: RegExp, sent: number, nonces: number][] =
    [
      ['arrived', ['close', arrived(201)], 0, /^the first attempt arrived: .* 201 \(request first\)$/m, 2, 1],
      [
        'arrived and refused',
        [UNAVAILABLE, arrived(422)],
        1,
        /^error: the challenge answered 422, request first$/m,
        2,
        1,
      ],
      [
        'unknown',
        [UNAVAILABLE, replay('unknown')],
        5,
        /^error: it is unknown whether .*\(nonce NONCE, request first\)/m,
        2,
        1,
      ],
      [
        'did not arrive',
        [UNAVAILABLE, replay('not_delivered')],
        0,
        /^the upload did not arrive .*; retry 2 with a fresh nonce/m,
        3,
        2,
      ],
      ['did not get there', ['close'], 0, /^ECONNRESET \(nonce NONCE\); retry 1 with the same nonce/m, 2, 1],
    ]
  test.each(ALREADY)('an upload that may have arrived: %s', async (_, script, code, says, sent, distinct) => {
    answers = [...script]
    nonces = []
    const ran = await edge(['upload', '@agent.py', '--challenge', 'demo'])
    expect([ran.code, nonces.length, new Set(nonces).size]).toEqual([code, sent, distinct])
    expect((ran.stdout + ran.stderr).replaceAll(nonces[0] ?? '', 'NONCE')).toMatch(says)
  })

  test('unknown, as one object', async () => {
    answers = [UNAVAILABLE, replay('unknown')]
    nonces = []
    const { code, stdout } = await edge(['upload', '@agent.py', '--challenge', 'demo', '-q', '--json-output'])
    expect(code).toBe(5)
    expect(JSON.parse(stdout)).toMatchObject({
      may_have_arrived: true,
      nonce: nonces[0],
      request_id: 'first',
    })
    expect(JSON.parse(stdout)).toMatchObject({ exit_code: 5, problem: { original: { outcome: 'unknown' } } })
  })

  test('--nonce asks what became of an upload: it is unknown', async () => {
    answers = [replay('in_flight')]
    const { code, stderr } = await edge(['upload', '@agent.py', '--challenge', 'demo', '--nonce', 'mine'])
    expect(code).toBe(5)
    expect(stderr).toContain('it is unknown whether the first attempt arrived (request first)')
  })

  test('metagraph_unavailable for longer than it is worth waiting', async () => {
    answers = [rejected('metagraph_unavailable', { retry_after_seconds: 301 })]
    nonces = []
    const { code, stderr } = await edge(['upload', '@agent.py', '--challenge', 'demo', '-q'])
    expect([code, nonces.length]).toEqual([5, 1])
    expect(stderr).toContain('error: metagraph unavailable (401 metagraph_unavailable, request r-1)')
  })

  test('invalid_signature shows both texts, and with --json-output the whole document', async () => {
    const expected = 'platform-upload-v1:100:demo:\u001b[2J'
    const refusal = rejected('invalid_signature', {
      likely_cause: 'netuid',
      canonical_message: expected,
      body_bytes: 9,
    })
    answers = [refusal, refusal]
    const shown = await edge(['upload', '@agent.py', '--challenge', 'demo', '-q', '--netuid', '5'])
    expect(shown.code).toBe(1)
    expect(shown.stderr).toContain('\n  canonical_message platform-upload-v1:100:demo:\\u{1b}[2J\n')
    expect(shown.stderr).toMatch(/^ {2}signed {12}platform-upload-v1:5:demo:POST:\S+$/m)
    const { stdout } = await edge([
      'upload',
      '@agent.py',
      '--challenge',
      'demo',
      '-q',
      '--netuid',
      '5',
      '--json-output',
    ])
    expect(JSON.parse(stdout)).toMatchObject({
      problem: { code: 'invalid_signature', canonical_message: expected, body_bytes: 9 },
      signed_message: expect.stringMatching(/^platform-upload-v1:5:demo:/),
    })
  })

  test('a refusal of the challenge is its own', async () => {
    answers = [422]
    nonces = []
    const { code, stderr } = await edge(['upload', '@agent.py', '--challenge', 'demo', '-q'])
    expect([code, stderr.split('\n')[0]]).toEqual([
      1,
      'error: the challenge answered 422: {"id":"s-1"}, request r-1',
    ])
  })
})

test.each([
  [
    ['--secret-file', '@agent.py'],
    {},
    /^hint: {2}Put a mnemonic .* into \S+agent\.py, or name another --secret-file\.$/m,
  ],
  [[], { PLATFORM_EDGE_SEED: 'zz' }, /^hint: {2}Set PLATFORM_EDGE_SEED to a mnemonic .*, or unset it/m],
  [
    [],
    { PLATFORM_EDGE_MNEMONIC: 'zz' },
    /^hint: {2}Set PLATFORM_EDGE_MNEMONIC to a mnemonic .*, or unset it/m,
  ],
])('what holds no key is named: %j %j', async (args, env, hint) => {
  const { code, stderr } = await edge(['whoami', ...args], env)
  expect([code, stderr]).toEqual([3, expect.stringMatching(hint)])
})

test.each([
  ['20.19.1', 'warning', 'version 20.19.1; 22.12 or newer is needed'],
  ['22.11.9', 'warning', 'version 22.11.9; 22.12 or newer is needed'],
  ['22.12.0', 'ok', 'version 22.12.0'],
  ['24.0.0', 'ok', 'version 24.0.0'],
])('doctor on Node %s', (version, result, text) => {
  expect(judgeNode(version)).toEqual({ result, text })
})

test('a dry run that is answered by something else than a gateway', async () => {
  answers = [200]
  const { code, stderr } = await edge(['verify', '@agent.py', '--challenge', 'demo'])
  expect([code, stderr.split('\n')[0]]).toEqual([5, 'error: the answer is not a report'])
})

test('an unreachable gateway', async () => {
  const { code, stdout } = await edge(['doctor', '--gateway', 'http://127.0.0.1:1'])
  expect(code).toBe(5)
  expect(stdout).toMatch(/^failed +gateway +no answer from http:\/\/127\.0\.0\.1:1 \(ECONNREFUSED\)\. /m)
})

test('help says everything, exit code 0', async () => {
  const { code, stdout } = await edge(['upload', '--help'])
  expect(code).toBe(0)
  for (const word of ['doctor', '--wallet-hotkey', 'PLATFORM_EDGE_URL', 'exit codes', 'GET /version'])
    expect(stdout).toContain(word)
})

test('the progress line', () => {
  expect(progressLine('agent.zip', 2_500_000, 7_500_000, 2)).toBe(
    'agent.zip [########----------------] 2.5 of 7.5 MB, 1.3 MB/s, 4 s left',
  )
})

test('an answer that comes before the body was read is heard, also when the connection then breaks', async () => {
  const early = createServer((request, response) => {
    response.writeHead(413, { 'content-type': 'text/plain' })
    response.end('too large', () => setTimeout(() => request.socket.destroy(), 50))
  })
  await new Promise<void>((resolve) => early.listen(0, '127.0.0.1', resolve))
  const address = early.address()
  const url = `http://127.0.0.1:${typeof address === 'object' ? address?.port : ''}/`
  const answer = await createTransport()(url, { method: 'POST', body: new Uint8Array(7_000_000) })
  expect([answer.status, await answer.text()]).toEqual([413, 'too large'])
  early.close()
})
