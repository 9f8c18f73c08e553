/**
 * `npm run secrets`: what it asks for, and that a secret goes nowhere but into wrangler's standard
 * input.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { runCommand } from '../../support/command.ts'
import { createFakeWrangler, type FakeAnswers } from '../../support/fake-wrangler.ts'

/** Each test is a process of its own, and some of them load wrangler. */
vi.setConfig({ testTimeout: 30_000 })

const SCRIPT = 'tools/ops/secrets.ts'
const TOML = `name = "gateway"
[env.production]
routes = [{ pattern = "gateway.example.com", custom_domain = true }]
[env.production.vars.CHALLENGES.demo]
origin = "https://demo.origin.example.com"
[env.production.vars.CHALLENGES.agent-challenge]
origin = "https://agent.origin.example.com"
[env.production.vars.CHALLENGES.sleepy]
origin = "https://sleepy.origin.example.com"
status = "draft"
[env.broken.vars]
NETUID = "x"
`
const ALL = [
  'CHALLENGE_TOKEN_DEMO',
  'CHALLENGE_TOKEN_AGENT_CHALLENGE',
  'ACCESS_CLIENT_ID',
  'ACCESS_CLIENT_SECRET',
  'ADMIN_TOKEN',
]

let directory: string
let config: string

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'secrets-'))
  config = path.join(directory, 'wrangler.toml')
  await writeFile(config, TOML)
})
afterAll(() => rm(directory, { recursive: true }))

async function run(answers: FakeAnswers, args: readonly string[], input = '') {
  const wrangler = await createFakeWrangler(answers)
  try {
    const outcome = await runCommand(SCRIPT, [...args, '--config', config], { env: wrangler.env, input })
    const calls = await wrangler.calls()
    return { ...outcome, calls, puts: calls.filter(({ args: [, verb] }) => verb !== 'list') }
  } finally {
    await wrangler.remove()
  }
}

describe('what is missing', () => {
  const LISTS: [name: string, held: string[], missing: string[]][] = [
    ['everything', [], ALL],
    ['one token', ALL.filter((name) => name !== 'CHALLENGE_TOKEN_DEMO'), ['CHALLENGE_TOKEN_DEMO']],
    ['nothing', ALL, []],
  ]
  test.each(LISTS)('%s', async (_, held, missing) => {
    const { stdout, code, calls } = await run({ held }, ['--env', 'production', '--list'])
    expect([...stdout.matchAll(/^missing: (\w+)/gm)].map(([, name]) => name)).toEqual(missing)
    expect(code).toBe(missing.length === 0 ? 0 : 1)
    expect(calls.map(({ args }) => args.slice(0, 6))).toEqual([
      ['secret', 'list', '--env', 'production', '--format', 'json'],
    ])
  })
})

describe('uploading', () => {
  const CANARIES = ['canary-demo', 'canary-agent', 'canary-id', 'canary-secret', 'canary-admin']

  test('each goes in by standard input; the Access token as a whole', async () => {
    const { code, stdout, stderr, puts } = await run(
      { held: [] },
      ['--env', 'production'],
      `${CANARIES.join('\n')}\n`,
    )
    expect(puts.map(({ args, input }) => [args.slice(0, -2).join(' '), input])).toEqual([
      ['secret put CHALLENGE_TOKEN_DEMO --env production', 'canary-demo'],
      ['secret put CHALLENGE_TOKEN_AGENT_CHALLENGE --env production', 'canary-agent'],
      [
        'secret bulk --env production',
        '{"ACCESS_CLIENT_ID":"canary-id","ACCESS_CLIENT_SECRET":"canary-secret"}',
      ],
      ['secret put ADMIN_TOKEN --env production', 'canary-admin'],
    ])
    expect(code).toBe(0)
    for (const canary of CANARIES) {
      expect(stdout + stderr).not.toContain(canary)
      expect(puts.flatMap(({ args }) => args).join(' ')).not.toContain(canary)
    }
  })

  test('an empty answer skips, half an Access token is not uploaded', async () => {
    const { code, puts, stdout } = await run(
      { held: [] },
      ['--env', 'production'],
      'canary-demo\n\ncanary-id\n\n\n',
    )
    expect(puts.map(({ args }) => args[2])).toEqual(['CHALLENGE_TOKEN_DEMO'])
    expect(stdout).toContain('needs both halves')
    expect(code).toBe(1)
  })

  test('what the gateway would refuse is asked for again', async () => {
    const { puts, stdout } = await run(
      { held: [] },
      ['--env', 'production', 'CHALLENGE_TOKEN_DEMO'],
      'with a blank\ncanary-demo\n',
    )
    expect(puts.map(({ input }) => input)).toEqual(['canary-demo'])
    expect(stdout).toContain('CHALLENGE_TOKEN_DEMO must be printable ASCII')
    expect(stdout).not.toContain('with a blank')
  })

  test('one that is there can be replaced, without asking wrangler what is there', async () => {
    const { calls, code } = await run({ held: ALL }, ['--env', 'production', 'ADMIN_TOKEN'], 'canary-admin\n')
    expect(calls.map(({ args }) => args.slice(0, 3))).toEqual([['secret', 'put', 'ADMIN_TOKEN']])
    expect(code).toBe(0)
  })

  test('one half of the Access token asks for both', async () => {
    const { calls } = await run(
      { held: ALL },
      ['--env', 'production', 'ACCESS_CLIENT_SECRET'],
      'canary-id\ncanary-secret\n',
    )
    expect(calls.map(({ args }) => args[1])).toEqual(['bulk'])
  })

  test("an Access credential of one challenge's own goes up as a whole, too", async () => {
    const { puts, stdout, code } = await run(
      { held: ALL },
      ['--env', 'production', 'ACCESS_CLIENT_SECRET_DEMO'],
      'canary-id\ncanary-secret\n',
    )
    expect(puts.map(({ args, input }) => [args[1], input])).toEqual([
      ['bulk', '{"ACCESS_CLIENT_ID_DEMO":"canary-id","ACCESS_CLIENT_SECRET_DEMO":"canary-secret"}'],
    ])
    expect(stdout).toContain("first half, of one challenge's own")
    expect(code).toBe(0)
  })

  test('a wrangler that fails: exit code 1, and nothing of what it was told', async () => {
    const { code, stdout, stderr } = await run(
      { held: [], code: 1 },
      ['--env', 'production', 'ADMIN_TOKEN'],
      'canary-admin\n',
    )
    expect(code).toBe(1)
    expect(stderr).toContain('ADMIN_TOKEN')
    expect(stdout + stderr).not.toContain('canary-admin')
  })
})

describe('refusing to start', () => {
  const MISUSE: [name: string, answers: FakeAnswers, args: string[], says: RegExp][] = [
    ['no environment', {}, [], /give --env/],
    ['an environment that does not exist', {}, ['--env', 'nope'], /no environment "nope"/],
    ['a configuration at fault', {}, ['--env', 'broken'], /NETUID must be/],
    [
      'nothing deployed yet',
      { fault: 'Worker "gateway-production" not found. [code: 10007]' },
      ['--env', 'production'],
      /npm run deploy/,
    ],
    [
      'wrangler is not logged in',
      { fault: 'You are not authenticated' },
      ['--env', 'production'],
      /wrangler login/,
    ],
    ['an unknown option', {}, ['--env', 'production', '--token', 'canary-typed'], /unknown option/],
    ['a secret as an argument', {}, ['--env', 'production', 'canary-typed'], /never an argument/],
  ]
  test.each(MISUSE)('%s', async (_, answers, args, says) => {
    const { code, stderr, puts } = await run(answers, args)
    expect(code).toBe(2)
    expect(stderr).toMatch(says)
    expect(stderr).not.toContain('canary')
    expect(puts).toEqual([])
  })
})
