/**
 * The conformance run passes a sound challenge, and of a broken one it fails exactly the line that
 * says so.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { expect, test } from 'vitest'
import { examineChallenge } from '../../../tools/conformance/conformance.ts'
import { createSend } from '../../../tools/conformance/send.ts'
import { BRIDGE } from '../../../tools/conformance/terms.ts'
import { startChallenge } from '../../../tools/dev/challenge.ts'
import { FAULTS, startBroken, TOKEN } from '../../support/broken-challenge.ts'
import { runCommand } from '../../support/command.ts'

const SCRIPT = 'tools/conformance/conformance.ts'
const TIMEOUT_MS = 60_000

async function verdicts(url: string, family: 'platform' | 'base' = 'platform') {
  const origin = new URL(url)
  const findings = await examineChallenge({
    origin,
    slug: 'demo',
    token: TOKEN,
    family,
    maxBytes: 7_500_000,
    idleMs: 2500,
    pauseMs: 300,
    send: createSend(origin),
  })
  const named = (verdict: string) =>
    findings.filter((each) => each.verdict === verdict).map(({ check }) => check)
  return { failed: named('fail'), warned: named('warn'), findings }
}

test.each(['platform', 'base'] as const)(
  'the development challenge of the family %s passes',
  { timeout: TIMEOUT_MS },
  async (family) => {
    const challenge = await startChallenge({ slug: 'demo', token: TOKEN, family })
    try {
      expect(await verdicts(challenge.url, family)).toMatchObject({ failed: [], warned: [] })
    } finally {
      await challenge.close()
    }
  },
)

test('a proxy that breaks nothing passes', { timeout: TIMEOUT_MS }, async () => {
  const challenge = await startBroken({})
  try {
    expect(await verdicts(challenge.url)).toMatchObject({ failed: [], warned: [] })
  } finally {
    await challenge.close()
  }
})

test.each(FAULTS)('%s: a challenge that %s', { timeout: TIMEOUT_MS }, async (check, _, fault) => {
  const challenge = await startBroken(fault)
  try {
    expect((await verdicts(challenge.url)).failed).toEqual([check])
  } finally {
    await challenge.close()
  }
})

/**
 * How a service that its author believes to be done answers a sound upload, and what it is told.
 */
const REFUSING: readonly (readonly [status: number, says: string])[] = [
  [400, 'the slug, here demo'],
  [401, 'the token of this run'],
  [403, 'the token of this run'],
  [404, 'serve POST /internal/v1/bridge/submissions'],
  [405, 'serve POST /internal/v1/bridge/submissions'],
  [415, 'raw bytes'],
  [422, 'raw bytes'],
  [500, 'its log says where'],
  [503, 'with its token'],
]
test.each(REFUSING)(
  'every upload answered %s: "%s", and no other blame',
  {
    timeout: TIMEOUT_MS,
  },
  async (status, says) => {
    const challenge = await startBroken({ meddle: ({ path }) => (path === BRIDGE ? { status } : undefined) })
    try {
      const { failed, warned, findings } = await verdicts(challenge.url)
      expect([failed, warned]).toEqual([['accepts'], ['uploads']])
      expect(findings[0]?.todo).toContain(says)
      expect(findings.map(({ check }) => check)).not.toContain('wrong-token')
    } finally {
      await challenge.close()
    }
  },
)

test('the wrong family is named', { timeout: TIMEOUT_MS }, async () => {
  const challenge = await startChallenge({ slug: 'demo', token: TOKEN, family: 'base' })
  try {
    const { findings } = await verdicts(challenge.url)
    expect(findings[0]?.todo).toContain('--family base')
  } finally {
    await challenge.close()
  }
})

test('the command: a line each, the token from a file or the environment, and never shown', {
  timeout: TIMEOUT_MS,
}, async () => {
  const challenge = await startChallenge({ slug: 'demo', token: TOKEN })
  const directory = await mkdtemp(path.join(tmpdir(), 'conformance-'))
  const file = path.join(directory, 'token')
  await writeFile(file, `${TOKEN}\n`)
  try {
    const args = ['--origin', challenge.url, '--slug', 'demo']
    const text = await runCommand(SCRIPT, args, { env: { ...process.env, CHALLENGE_TOKEN: TOKEN } })
    expect(text).toMatchObject({ code: 0, stderr: '' })
    expect(text.stdout).toMatch(/^pass {2}accepts .*\n(?:pass .*\n)+21 passed, 0 to look at, 0 failed\n$/)
    const json = await runCommand(SCRIPT, [...args, '--token-file', file, '--json-output'])
    expect(JSON.parse(json.stdout)).toMatchObject({ slug: 'demo', checks: expect.any(Array) })
    expect(text.stdout + json.stdout).not.toContain(TOKEN)
  } finally {
    await challenge.close()
    await rm(directory, { recursive: true })
  }
})

const WRONG: readonly (readonly [what: string, args: readonly string[], says: string])[] = [
  ['no origin', ['--slug', 'demo'], 'give --origin'],
  ['an origin that is no URL', ['--slug', 'demo', '--origin', 'demo'], 'give --origin'],
  ['no slug', ['--origin', 'http://127.0.0.1:1'], 'give --slug'],
  ['a foreign family', ['--origin', 'http://127.0.0.1:1', '--slug', 'demo', '--family', 'x'], '--family'],
  ['a size that is none', ['--origin', 'http://127.0.0.1:1', '--slug', 'demo', '--max-bytes', '0'], 'bytes'],
  ['nothing that answers', ['--origin', 'http://127.0.0.1:1', '--slug', 'demo'], 'nothing answers'],
  ['a token as an argument', ['--origin', 'http://127.0.0.1:1', '--slug', 'demo', '--token', 'x'], 'usage'],
]
test.each(WRONG)('%s: one line, exit code 2', async (_, args, says) => {
  const env = { ...process.env, CHALLENGE_TOKEN: TOKEN }
  const { code, stderr } = await runCommand(SCRIPT, args, { env })
  expect([code, stderr.includes(says)]).toEqual([2, true])
})

test('no token: what to set', async () => {
  const { CHALLENGE_TOKEN: _, ...env } = process.env
  const args = ['--origin', 'http://127.0.0.1:1', '--slug', 'demo']
  expect((await runCommand(SCRIPT, args, { env })).stderr).toContain('set CHALLENGE_TOKEN')
})
