/**
 * `npm run submit`: the miner's command line with a development key, unless the user brings a key.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { runCommand } from '../../support/command.ts'
import { listen } from '../../support/listen.ts'

vi.setConfig({ testTimeout: 60_000 })

const ALICE = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY'
const ALICE_ED25519 = '5FA9nQDVg267DEd8m1ZypXLBnvN7SFxYwV7ndqSYGiN9TTpu'
const BOB = '5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty'
const BOB_SEED = '398f0c28f98885e046333d4a41c19cee4c37368a9832c6502f6cfd182e2aef89'

let directory: string
let gateway: string
let file: string
let seen: { url: string | undefined; headers: IncomingHttpHeaders } | undefined

/** A gateway that takes everything. */
const server = createServer(async (request, response) => {
  request.resume()
  const isVersion = request.url === '/version'
  if (!isVersion) seen = { url: request.url, headers: request.headers }
  const version = { netuid: 100, protocol_family: 'platform' }
  response.writeHead(isVersion ? 200 : 201, {
    'x-request-id': 'request-1',
    'content-type': 'application/json',
  })
  response.end(JSON.stringify(isVersion ? version : { id: 'submission-1' }))
})

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'submit-'))
  file = path.join(directory, 'agent.py')
  await writeFile(file, 'zip-bytes')
  await writeFile(path.join(directory, 'seed'), `0x${BOB_SEED}\n`)
  gateway = await listen(server)
})
afterAll(async () => {
  server.close()
  await rm(directory, { recursive: true })
})

function submit(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
  const { PLATFORM_EDGE_SEED: _, PLATFORM_EDGE_MNEMONIC: __, ...inherited } = process.env
  return runCommand('tools/dev/submit.ts', args, {
    env: { ...inherited, PLATFORM_EDGE_URL: gateway, ...env },
  })
}

describe('npm run submit', () => {
  const SIGNED: [name: string, args: () => string[], env: Record<string, string>, hotkey: string][] = [
    ["Alice's key", () => [], {}, ALICE],
    ["Bob's key", () => ['--key', 'bob'], {}, BOB],
    ["Bob's key, written with =", () => ['--key=bob'], {}, BOB],
    ["Alice's ed25519 key", () => ['--ed25519'], {}, ALICE_ED25519],
    ['a secret file', () => ['--secret-file', path.join(directory, 'seed')], {}, BOB],
    ['a seed in the environment', () => [], { PLATFORM_EDGE_SEED: BOB_SEED }, BOB],
  ]
  it.each(SIGNED)('signs with %s', async (_, args, env, hotkey) => {
    const { code, stdout } = await submit([file, ...args()], env)
    expect(code).toBe(0)
    expect(stdout).toContain('accepted by demo (201, request request-1)')
    expect(seen?.url).toBe('/v1/challenges/demo/submissions')
    expect(seen?.headers['x-hotkey']).toBe(hotkey)
  })

  it('hands every other option to the command line', async () => {
    await submit([file, '--challenge', 'prism', '--nonce', 'mine', '--quiet'])
    expect(seen?.url).toBe('/v1/challenges/prism/submissions')
    expect(seen?.headers['x-nonce']).toBe('mine')
  })

  it.each([
    ['an unknown key', ['agent.py', '--key', 'mallory'], 'no sr25519 development key "mallory"'],
    ['a key without its name', ['agent.py', '--key'], '--key needs a value'],
  ])('says in one line what is wrong with %s, exit code 2', async (_, args, message) => {
    const { code, stderr } = await submit(args)
    expect(code).toBe(2)
    expect(stderr.split('\n')[0]).toContain(message)
  })

  it('leaves a wrong file to the command line, and its exit code', async () => {
    const { code, stderr } = await submit([path.join(directory, 'missing')])
    expect([code, stderr]).toEqual([4, expect.stringMatching(/^error: /m)])
  })
})
