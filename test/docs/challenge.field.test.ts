/**
 * docs/challenge.py as its reader runs it, behind the gateway: real Python, FastAPI and uvicorn.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { UV_CACHE } from '../../tools/dev/field.ts'
import { runCommand } from '../support/command.ts'
import { fieldTool } from '../support/field.ts'
import { sign, startWorld, type TestWorld, TOKEN } from '../support/world.ts'

const SCRIPT = 'docs/challenge.py'
const uv = fieldTool('uv')
const fastapi = fieldTool('fastapi')
const missing = [uv, fastapi].find((tool) => tool.missing)

test('it has at most 100 lines', () => {
  expect(readFileSync(SCRIPT, 'utf8').trimEnd().split('\n').length).toBeLessThanOrEqual(100)
})

describe.skipIf(missing)(`${SCRIPT}${missing?.note ?? ''}`, () => {
  let directory: string
  let challenge: ChildProcess
  let origin: string
  let world: TestWorld

  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'challenge-'))
    const port = await freePort()
    origin = `http://127.0.0.1:${port}`
    challenge = spawn(uv.program('uv'), ['run', '--offline', '--quiet', SCRIPT], {
      env: {
        ...process.env,
        UV_CACHE_DIR: UV_CACHE,
        CHALLENGE_TOKEN: TOKEN,
        DATABASE: path.join(directory, 'challenge.db'),
        PORT: String(port),
      },
      stdio: 'ignore',
    })
    world = await startWorld({ vars: { CHALLENGES: { demo: { name: 'Demo', origin } } } })
    await untilAnswered(`${origin}/health`)
  }, 120_000)

  afterAll(async () => {
    await world?.close()
    challenge?.kill('SIGINT')
    await rm(directory, { recursive: true, force: true })
  })

  const upload = (headers: Readonly<Record<string, string>>, body: Uint8Array<ArrayBuffer>) =>
    fetch(`${world.gateway.url}/v1/challenges/demo/submissions`, {
      method: 'POST',
      headers: { ...headers, 'x-submission-filename': 'agent.py' },
      body,
    })

  test('an upload is stored once and its status can be read', async () => {
    const body = new TextEncoder().encode('def agent(task):\n    return task\n')
    const { headers } = sign(body)
    const first = await upload(headers, body)
    expect(first.status).toBe(201)
    const stored = await first.json()
    expect(stored).toMatchObject({ filename: 'agent.py', uid: 1, status: 'received' })
    expect((await upload(headers, body)).status).toBe(409)
    const status = await fetch(`${world.gateway.url}/v1/challenges/demo/submissions/${stored.id}`)
    expect(await status.json()).toEqual(stored)
  })

  test('its leaderboard is kept at the edge, and nothing private is public', async () => {
    const at = `${world.gateway.url}/challenges/demo`
    const board = await fetch(`${at}/leaderboard`)
    expect([board.status, board.headers.get('cache-control')]).toEqual([
      200,
      'public, max-age=30, stale-while-revalidate=300',
    ])
    expect((await fetch(`${at}/leaderboard`)).headers.get('age')).not.toBeNull()
    expect((await fetch(`${at}/internal/v1/get_weights`)).status).toBe(403)
    for (const page of ['docs', 'redoc', 'openapi.json'])
      expect((await fetch(`${at}/${page}`)).status).toBe(404)
  })

  test('it passes the conformance run', { timeout: 60_000 }, async () => {
    const args = ['--origin', origin, '--slug', 'demo']
    const env = { ...process.env, CHALLENGE_TOKEN: TOKEN }
    const { code, stdout } = await runCommand('tools/conformance/conformance.ts', args, { env })
    expect(stdout).toMatch(/\n21 passed, 0 to look at, 0 failed\n$/)
    expect(code).toBe(0)
  })
})

async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function untilAnswered(url: string): Promise<void> {
  const until = Date.now() + 60_000
  while (Date.now() < until) {
    if (
      await fetch(url).then(
        () => true,
        () => false,
      )
    )
      return
    await sleep(100)
  }
  throw new Error(`${url} does not answer`)
}
