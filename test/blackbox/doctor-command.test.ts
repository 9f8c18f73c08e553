/**
 * `npm run doctor` as a process: its lines, its exit codes, and that no secret is ever in either.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { exitCode, type Finding } from '../../tools/ops/doctor/finding.ts'
import { type CommandOptions, runCommand } from '../support/command.ts'
import { createFakeWrangler } from '../support/fake-wrangler.ts'
import { startMeddler } from '../support/meddler.ts'
import { ADMIN_TOKEN, startWorld, type TestWorld, TOKEN } from '../support/world.ts'

const SECRETS = {
  CHALLENGE_TOKEN_DEMO: TOKEN,
  CHALLENGE_TOKEN_TUNNEL: 'canary-other-token',
  ADMIN_TOKEN,
  ACCESS_CLIENT_ID: 'canary-access-id',
  ACCESS_CLIENT_SECRET: 'canary-access-secret',
}

/** Each run is a process of its own, and waits six seconds for a challenge's idle connection. */
vi.setConfig({ testTimeout: 180_000 })

let world: TestWorld
let directory: string
let config: string

beforeAll(async () => {
  world = await startWorld()
  directory = await mkdtemp(path.join(tmpdir(), 'doctor-'))
  config = path.join(directory, 'wrangler.toml')
  const challenges = { ...(world.gateway.vars['CHALLENGES'] as Record<string, { origin: string }>) }
  const tables = ['demo', 'tunnel'].flatMap((slug) => [
    `[env.production.vars.CHALLENGES.${slug}]`,
    `origin = "${challenges[slug]?.origin}"`,
  ])
  const toml = [
    'name = "gateway"',
    'workers_dev = false',
    '[env.production]',
    'routes = ["127.0.0.1"]',
    ...tables,
  ]
  await writeFile(config, toml.join('\n'))
  const secrets = Object.entries(SECRETS).map(([name, value]) => `${name}=${value}`)
  const vars = Object.entries(world.gateway.vars).map(([name, value]) =>
    typeof value === 'string' ? `${name}=${value}` : `${name}='${JSON.stringify(value)}'`,
  )
  await writeFile(path.join(directory, '.dev.vars'), [...vars, ...secrets].join('\n'))
  await writeFile(path.join(directory, '.dev.vars.production'), secrets.join('\n'))
})
afterAll(async () => {
  await world.close()
  await rm(directory, { recursive: true })
})

function run(args: readonly string[], options: CommandOptions = {}) {
  return runCommand('tools/ops/doctor.ts', args, options)
}

test('one line each, a count, exit code 0', async () => {
  const challenges = [{ slug: 'demo', name: 'Demo', upload_url: '' }]
  const listed = await startMeddler(world.gateway.url, (target) =>
    target === '/v1/challenges' ? { status: 200, body: { challenges } } : undefined,
  )
  const { code, stdout } = await run(['--gateway', listed.url, '--challenge', 'demo'])
  await listed.close()
  const lines = stdout.trimEnd().split('\n')
  expect(code).toBe(0)
  expect(lines.at(-1)).toBe('13 passed, 0 to look at, 0 failed')
  expect(lines.slice(0, -2).every((line) => /^(pass|warn|fail) {2}\S/.test(line))).toBe(true)
})

test('a failure is exit code 1, also in JSON', async () => {
  const { code, stdout } = await run(['--gateway', 'http://127.0.0.1:9', '--json-output'])
  const parsed: unknown = JSON.parse(stdout)
  expect(code).toBe(1)
  expect(parsed).toMatchObject({
    exit_code: 1,
    environment: null,
    findings: [{ check: 'health', verdict: 'fail' }],
  })
})

const MISUSE: [name: string, args: string[]][] = [
  ['no gateway', []],
  ['not a URL', ['--gateway', 'gateway']],
  ['an unknown option', ['--gateway', 'http://x', '--nope']],
  ['both places', ['--gateway', 'http://x', '--local', '--env', 'production']],
  ['an environment that does not exist', ['--gateway', 'http://x', '--env', 'nope']],
  ['a configuration that does not exist', ['--gateway', 'http://x', '--local', '--config', '/nope.toml']],
]
test.each(MISUSE)('%s: exit code 2', async (_, args) => {
  const { code, stdout, stderr } = await run(args)
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toMatch(/^error: {3}\S/)
})

test('never a secret, whatever is wrong', async () => {
  const wrangler = await createFakeWrangler({ held: ['CHALLENGE_TOKEN_DEMO', 'ACCESS_CLIENT_ID'] })
  const place = ['--gateway', world.gateway.url, '--config', config]
  const runs = await Promise.all([
    run([...place, '--local']),
    run([...place, '--local', '--json-output']),
    run([...place, '--env', 'production'], { env: wrangler.env }),
  ])
  const [local, , production] = runs
  expect(runs.map(({ code }) => code)).toEqual([1, 1, 1])
  expect(local?.stdout).toMatch(/^pass {2}token:demo/m)
  expect(production?.stdout).toMatch(/^fail {2}secrets +ACCESS_CLIENT_SECRET is missing/m)
  expect(production?.stdout).toMatch(/^pass {2}token:demo/m)
  const everything = runs.map(({ stdout, stderr }) => stdout + stderr).join('\n')
  for (const secret of Object.values(SECRETS)) expect(everything).not.toContain(secret)
  expect((await wrangler.calls()).map(({ args }) => args.slice(0, 4))).toEqual([
    ['secret', 'list', '--env', 'production'],
  ])
  await wrangler.remove()
})

test('secrets that cannot be listed are a failure in production', async () => {
  const wrangler = await createFakeWrangler({ fault: 'You are not authenticated' })
  const args = ['--gateway', world.gateway.url, '--config', config, '--env', 'production']
  const { stdout } = await run(args, { env: wrangler.env })
  expect(stdout).toMatch(/^fail {2}secrets +wrangler could not list the secrets/m)
  await wrangler.remove()
})

test('exit codes count failures only', () => {
  const finding = (verdict: Finding['verdict']): Finding => ({ check: 'x', verdict, says: 'x' })
  expect(exitCode([finding('pass'), finding('warn')])).toBe(0)
  expect(exitCode([finding('warn'), finding('fail')])).toBe(1)
})
