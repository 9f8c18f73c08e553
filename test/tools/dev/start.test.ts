/**
 * `npm start` as its user sees it: a challenge that is killed ends nothing, and what is registered
 * stays registered.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest'
import { startChallenge } from '../../../tools/dev/challenge.ts'
import { runCommand } from '../../support/command.ts'

/**
 * Each world is a gateway on workerd and two or three processes, on a machine that may be busy.
 */
vi.setConfig({ testTimeout: 240_000 })

const WAIT_MS = 120_000
const NEWCOMER = '5CAwiUYLF9tVacxrqH5yUseRjsrJhLoHMYGhNXyNtdhAXWJZ'

let directory: string
let state: string

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'start-'))
  state = path.join(directory, 'state')
})
afterAll(() => rm(directory, { recursive: true }))

let world: World | undefined
afterEach(() => world?.stop())

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  return port
}

type World = Awaited<ReturnType<typeof start>>

async function start(args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) {
  const [gateway, challenge, chain, master] = await Promise.all(Array.from({ length: 4 }, freePort))
  const ports = [`--gateway-port=${gateway}`, `--challenge-port=${challenge}`, `--chain-port=${chain}`]
  const all = [...ports, `--master-port=${master}`, '--state', state, ...args]
  const child: ChildProcess = spawn(process.execPath, ['tools/dev/start.ts', ...all], {
    env: { ...process.env, ...env },
    stdio: 'pipe',
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text) => (output += text))
  const closed = once(child, 'close')
  return {
    gateway: `http://127.0.0.1:${gateway}`,
    chain: `http://127.0.0.1:${chain}`,
    output: () => output,
    says: (pattern: RegExp) =>
      vi.waitFor(() => expect(output).toMatch(pattern), { timeout: WAIT_MS, interval: 100 }),
    press: (key: string) => child.stdin?.write(key),
    closed,
    async stop() {
      child.kill('SIGTERM')
      await closed
    },
  }
}

const statusOf = async (url: string) => (await fetch(url)).status

describe('npm start', () => {
  test('a challenge that is killed leaves the gateway up; r starts it again; a registered hotkey stays one', async () => {
    world = await start(['--master'])
    await world.says(/Everything is up/)
    const { gateway, chain } = world
    for (const step of [
      '/status',
      'npx platform-edge verify ',
      'npx platform-edge upload ',
      '/dev/register',
      '/v1/weights/latest',
    ])
      expect(world.output()).toContain(step)
    expect(await statusOf(`${gateway}/v1/registry`)).toBe(200)
    expect(await statusOf(`${gateway}/v1/weights/latest`)).toBe(200)

    const [, pid = ''] = /^ {2}kill (\d+)$/m.exec(world.output()) ?? []
    process.kill(Number(pid), 'SIGKILL')
    await world.says(/the challenge stopped \(SIGKILL\)\. The gateway stays up/)
    await vi.waitFor(
      async () => {
        const { challenges } = await (await fetch(`${gateway}/v1/status`)).json()
        expect(challenges[0]).toMatchObject({ slug: 'demo', reachable: false })
      },
      { timeout: WAIT_MS, interval: 200 },
    )
    const refused = await submit(gateway)
    expect(refused.code).toBe(5)

    world.press('r\n')
    await world.says(/challenge is started again \(pid \d+\)/)
    await vi.waitFor(async () => expect((await submit(gateway)).code).toBe(0), {
      timeout: WAIT_MS,
      interval: 500,
    })

    const body = JSON.stringify({ hotkey: NEWCOMER })
    const place = await (await fetch(`${chain}/dev/register`, { method: 'POST', body })).json()
    expect(place).toMatchObject({ uid: 9 })
    await world.stop()

    world = await start()
    await world.says(/Everything is up/)
    const again = await (await fetch(`${world.chain}/dev/register`, { method: 'POST', body })).json()
    expect(again).toEqual({ uid: 9, block: 0 })
  })

  test("the author's own service takes the place of the development challenge", async () => {
    const own = await startChallenge({ slug: 'mine', token: 'canary-own-token' })
    try {
      world = await start(['--challenge', own.url, '--slug', 'mine', '--once'], {
        CHALLENGE_TOKEN: 'canary-own-token',
      })
      const [code] = await world.closed
      expect(world.output()).toMatch(/answered 201 Created/)
      expect(world.output()).not.toContain('canary-own-token')
      expect(code).toBe(0)
    } finally {
      await own.close()
    }
  })

  const MISUSED: [name: string, args: string[], says: RegExp][] = [
    [
      'a URL without a slug',
      ['--challenge', 'http://127.0.0.1:1'],
      /^error: {3}--challenge and --slug belong together/,
    ],
    [
      'a slug that is none',
      ['--challenge', 'http://127.0.0.1:1', '--slug', 'A B'],
      /^error: {3}--slug A B is not a slug/,
    ],
    [
      'a challenge that is no URL',
      ['--challenge', 'mine', '--slug', 'mine'],
      /^error: {3}--challenge mine is not/,
    ],
    ['a port that is none', ['--gateway-port', '0'], /^error: {3}--gateway-port 0 is not a port/],
    ['an unknown option', ['--nope'], /^error: {3}Unknown option '--nope'/],
  ]
  test.each(MISUSED)('%s is said in one line', async (_, args, says) => {
    const { code, stderr } = await runCommand('tools/dev/start.ts', args)
    expect(code).toBe(1)
    expect(stderr).toMatch(says)
    expect(stderr).not.toMatch(/^ {4}at /m)
  })

  test('--help', async () => {
    const { code, stdout } = await runCommand('tools/dev/start.ts', ['--help'])
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^usage: npm start -- /)])
  })
})

function submit(gateway: string) {
  const env = { ...process.env, PLATFORM_EDGE_URL: gateway }
  return runCommand('tools/dev/submit.ts', ['README.md'], { env })
}
