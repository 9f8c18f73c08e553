import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { listen } from '../../support/listen.ts'

const SCRIPT = path.resolve('tools/dev/submit.ts')
const BOB = '5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty'
const BOB_SEED = '398f0c28f98885e046333d4a41c19cee4c37368a9832c6502f6cfd182e2aef89'
const REFUSAL = { detail: 'nonce already used', hint: 'Sign again with a fresh nonce.' }

let directory: string
let gateway: string
let file: string
let seen: { url: string | undefined; headers: IncomingHttpHeaders; body: string } | undefined

/** A gateway that takes everything but the nonce `used`. */
const server = createServer(async (request, response) => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  seen = { url: request.url, headers: request.headers, body: Buffer.concat(chunks).toString() }
  const used = request.headers['x-nonce'] === 'used'
  response.writeHead(used ? 409 : 201, { 'x-request-id': 'request-1' })
  response.end(JSON.stringify(used ? REFUSAL : { id: 'submission-1' }))
})

function submit(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  return new Promise<{ code: number; stdout: string; stderr: string }>((resolve) => {
    const { SEED: _, GATEWAY_URL: __, ...inherited } = process.env
    const options = { env: { ...inherited, GATEWAY_URL: gateway, ...env } }
    execFile(process.execPath, [SCRIPT, ...args], options, (error, stdout, stderr) =>
      resolve({ code: Number(error?.code ?? 0), stdout, stderr }),
    )
  })
}

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'submit-'))
  file = path.join(directory, 'agent.py')
  await writeFile(file, 'zip-bytes')
  await writeFile(path.join(directory, 'empty'), '')
  await writeFile(path.join(directory, 'seed'), `0x${BOB_SEED}\n`)
  await writeFile(path.join(directory, 'hotkey'), JSON.stringify({ secretSeed: `0x${BOB_SEED}` }))
  gateway = await listen(server)
})
afterAll(async () => {
  server.close()
  await rm(directory, { recursive: true })
})

describe('npm run submit', () => {
  it('signs, posts and prints', async () => {
    const { code, stdout } = await submit([file])
    expect(code).toBe(0)
    expect(stdout).toMatch(
      /^signed {3}platform-upload-v1:100:demo:POST:\/v1\/challenges\/demo\/submissions:5Grw/,
    )
    expect(stdout).toContain('answered 201 Created  (request request-1)')
    expect(seen?.url).toBe('/v1/challenges/demo/submissions')
    expect(seen?.body).toBe('zip-bytes')
    expect(seen?.headers['x-submission-filename']).toBe('agent.py')
  })

  it('prints detail and hint of a refusal, exit code 1', async () => {
    const { code, stdout } = await submit([file, '--nonce', 'used'])
    expect(code).toBe(1)
    expect(stdout).toContain('error:   nonce already used\nhint:    Sign again with a fresh nonce.\n')
  })

  it.each([
    ['a development key', ['--key', 'bob'], {}],
    ['a seed file', ['--seed-file', 'seed'], {}],
    ['a hotkey file', ['--seed-file', 'hotkey'], {}],
    ['SEED', [], { SEED: BOB_SEED }],
  ])('signs with %s', async (_, args, env) => {
    const { code } = await submit(
      [file, ...args.map((arg) => (['seed', 'hotkey'].includes(arg) ? path.join(directory, arg) : arg))],
      env,
    )
    expect(code).toBe(0)
    expect(seen?.headers['x-hotkey']).toBe(BOB)
  })

  it.each([
    ['no file', [], 'give one file'],
    ['a missing file', ['missing'], 'cannot read'],
    ['an empty file', ['empty'], 'is empty'],
    ['a directory', ['.'], 'cannot read'],
    ['an unknown key', ['agent.py', '--key', 'mallory'], 'no sr25519 development key "mallory"'],
    ['an unknown option', ['agent.py', '--seed', 'x'], "Unknown option '--seed'"],
    ['a nonce no header can carry', ['agent.py', '--nonce', 'é'], 'printable ASCII'],
    [
      'nobody listening',
      ['agent.py', '--gateway', 'http://127.0.0.1:1'],
      'no answer from http://127.0.0.1:1',
    ],
  ])('says in one line what is wrong with %s, exit code 2', async (_, args, message) => {
    const local = args.map((arg, at) => (at === 0 ? path.join(directory, arg) : arg))
    const { code, stderr } = await submit(local)
    expect(code).toBe(2)
    expect(stderr.split('\n')[0]).toMatch(/^error: {3}/)
    expect(stderr).toContain(message)
    expect(stderr).not.toMatch(/^ {4}at /m)
  })
})
