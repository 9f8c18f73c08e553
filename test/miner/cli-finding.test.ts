/**
 * What the commands say of challenges, of a hotkey that is not in the snapshot, of file names and
 * of versions.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { listen } from '../support/listen.ts'
import { cli } from '../support/miner.ts'

vi.setConfig({ testTimeout: 30_000 })

let directory: string
let gateway: string
let listed: object | undefined
let dryRun: object = {}
const filenames: (string | undefined)[] = []
const asked: string[] = []

const NOT_FOUND = {
  type: 'urn:platform-edge:problem:not_found',
  code: 'not_found',
  detail: 'Not Found',
  hint: 'Check the path.',
  status: 404,
}

const server = createServer((request, response) => {
  request.resume()
  asked.push(`${request.method} ${request.url?.split('?')[0]}`)
  request.on('end', () => {
    const json = (value: object, status = 200) =>
      response
        .writeHead(status, { 'x-request-id': 'r', 'content-type': 'application/json' })
        .end(JSON.stringify(value))
    if (request.url === '/version') return json({ netuid: 100, protocol_family: 'platform' })
    if (request.url === '/v1/time') return json({ server_time: Math.floor(Date.now() / 1000) })
    if (request.url === '/v1/limits') return json({ signature_ttl_seconds: 300 })
    if (request.url === '/v1/challenges') return listed === undefined ? json(NOT_FOUND, 404) : json(listed)
    if (request.url?.startsWith('/v1/metagraph')) return json({ netuid: 100, block: 8791247, uid: null })
    if (request.url?.endsWith('/verify')) return json(dryRun)
    filenames.push(request.headers['x-submission-filename']?.toString())
    return json({ id: 's-1' }, 201)
  })
})

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'finding-'))
  gateway = await listen(server)
})
afterAll(async () => {
  server.close()
  await rm(directory, { recursive: true })
})

const edge = (...args: string[]) =>
  cli(args, { PLATFORM_EDGE_URL: gateway, PLATFORM_EDGE_SEED: '07'.repeat(32) })

describe('challenges', () => {
  const TWO = [
    {
      slug: 'agent-challenge',
      name: 'Agent Challenge',
      upload_url: 'https://g/v1/challenges/agent-challenge/submissions',
    },
    { slug: 'prism', name: 'Prism\u001b[2J', upload_url: 'https://g/v1/challenges/prism/submissions' },
  ]
  test('slugs and names', async () => {
    listed = { challenges: TWO }
    const { code, stdout } = await edge('challenges')
    expect([code, stdout]).toEqual([
      0,
      'agent-challenge  Agent Challenge\nprism            Prism\\u{1b}[2J\n',
    ])
    expect(JSON.parse((await edge('challenges', '--json')).stdout)).toEqual({ ok: true, challenges: TWO })
  })

  test('none', async () => {
    listed = { challenges: [] }
    expect(await edge('challenges')).toMatchObject({ code: 0, stdout: 'no challenge takes uploads now\n' })
  })

  test('an older gateway says so', async () => {
    listed = undefined
    const { code, stderr } = await edge('challenges')
    expect([code, stderr]).toEqual([
      1,
      'error: this gateway does not list its challenges\nhint:  It is an older one: its page (/status) or its operator knows the slugs.\n',
    ])
  })

  test('another answer', async () => {
    listed = { slugs: [] }
    expect(await edge('challenges')).toMatchObject({
      code: 5,
      stderr: expect.stringContaining('lists no challenges'),
    })
  })
})

describe('a hotkey that is not in the snapshot', () => {
  const WAIT =
    'not in the snapshot of block 8791247 yet; if you registered in the last minutes wait, do not register twice'

  test('whoami asks the snapshot alone, and says to wait', async () => {
    asked.length = 0
    const { code, stdout } = await edge('whoami')
    expect([code, asked]).toEqual([0, ['GET /v1/metagraph']])
    expect(stdout).toContain(`uid    ${WAIT}\n`)
  })

  const checks = (result: string) => ({
    would_be_accepted: result === 'pass',
    checks: [
      {
        check: 'registration',
        result,
        problem: { code: 'unknown_hotkey', detail: 'unknown hotkey', hint: 'Wait.' },
      },
    ],
  })

  test('doctor: the dry run admits it', async () => {
    dryRun = checks('pass')
    const { code, stdout } = await edge('doctor', '--challenge', 'demo')
    expect(code).toBe(0)
    expect(stdout).toMatch(new RegExp(`^warning +registration +${WAIT}; the dry run decides$`, 'm'))
    expect(stdout).not.toContain('btcli')
  })

  test('doctor: the dry run refuses it, with its hint', async () => {
    dryRun = checks('fail')
    const { code, stdout } = await edge('doctor', '--challenge', 'demo')
    expect(code).toBe(1)
    expect(stdout).toMatch(/^failed +dry run +registration: unknown hotkey\. Wait\.$/m)
  })

  test('doctor without a challenge cannot decide', async () => {
    const { code, stdout } = await edge('doctor')
    expect([code, stdout]).toEqual([
      0,
      expect.stringContaining(`${WAIT}; with --challenge SLUG a dry run decides`),
    ])
  })
})

describe('the file name', () => {
  const NAMES: [name: string, options: string[], told: string | undefined, warned: boolean][] = [
    ['agent 1.zip', [], 'agent 1.zip', false],
    ['café.zip', [], undefined, true],
    ['café.zip', ['--filename', 'cafe.zip'], 'cafe.zip', false],
    ['back\\slash', [], undefined, true],
  ]
  test.each(NAMES)('%s %j', async (name, options, told, warned) => {
    const file = path.join(directory, name)
    await writeFile(file, 'zip-bytes')
    filenames.length = 0
    const { code, stderr } = await edge('upload', file, '--challenge', 'demo', '--quiet', ...options)
    expect([code, filenames]).toEqual([0, [told]])
    const warning = `warning: no file name is sent, because ${JSON.stringify(name)}`
    expect(stderr.startsWith(warning)).toBe(warned)
    expect(stderr.includes('--filename')).toBe(warned)
  })

  test.each(['a/b.zip', '..', 'é', 'x'.repeat(256)])('--filename %s is refused', async (name) => {
    const { code, stderr } = await edge('upload', 'any', '--challenge', 'demo', '--filename', name)
    expect([code, stderr.split('\n')[0]]).toEqual([2, expect.stringContaining('--filename has 1 to 255')])
  })
})

test('--version', async () => {
  expect(await edge('--version')).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/^platform-edge \d+\.\d+\.\d+\n$/),
  })
})
