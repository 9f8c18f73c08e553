/** docs/challenges.md says what the code does. */

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { BUILT_IN } from '../../src/challenge/built-in.ts'
import type { Challenge } from '../../src/challenge/challenge.ts'
import { parsePolicy } from '../../src/challenge/parse-policy.ts'
import { OPEN_POLICY } from '../../src/challenge/policy.ts'
import { bridgeHeaders } from '../../src/origin/bridge.ts'

const PAGE = readFileSync('docs/challenges.md', 'utf8')
const DEMO: Challenge = {
  slug: 'demo',
  name: 'Demo',
  status: 'active',
  origins: [new URL('https://origin.example.com')],
  marker: undefined,
  policy: OPEN_POLICY,
}
/** Every part an operator may write. */
const PARTS = ['remap', 'signed', 'bearer', 'env', 'allow', 'cache']

test('the example of a policy has every part and is accepted', () => {
  const block =
    /```toml\n\[env\.production\.vars\.CHALLENGES\.demo\.policy\]\n([\s\S]*?)```/.exec(PAGE)?.[1] ?? ''
  const entries = block
    .trim()
    .split('\n')
    .map((line) => line.split(/ = (.*)/s))
    .map(([part = '', value = '']) => [part, JSON.parse(value.replace(/(\w+) = /g, '"$1": '))])
  expect(entries.map(([part]) => part)).toEqual(PARTS)
  expect(parsePolicy(Object.fromEntries(entries), OPEN_POLICY).ok).toBe(true)
  for (const part of PARTS) expect(PAGE).toContain(`| \`${part}\` |`)
})

describe('built-in policies', () => {
  const rows = Object.values(BUILT_IN)
    .flatMap((table) => Object.entries(table))
    .flatMap(([slug, { policy, absent = [] }]) => [
      ...Object.entries(policy).flatMap(([part, entries]) =>
        entries.map((entry) => [slug, part, pathOf(entry)]),
      ),
      ...absent.map((path) => [slug, '(answered 404)', path]),
    ])
  test.each(rows)('%s, %s: %s', (slug, part, entry) => {
    const heads = part.startsWith('(') ? `| \`${slug}\` | ${part} |` : `| \`${slug}\` | \`${part}\` |`
    const lines = PAGE.split('\n').filter((line) => line.startsWith(heads))
    expect(lines.some((line) => line.includes(`\`${entry}\``))).toBe(true)
  })
})

function pathOf(entry: unknown): string {
  return typeof entry === 'object' && entry !== null && 'from' in entry ? String(entry.from) : String(entry)
}

test('the recorded request and the table have every header that the gateway sends', () => {
  const sent = bridgeHeaders(
    {
      challenge: DEMO,
      hotkey: '5Grw',
      uid: 1,
      nonce: 'n',
      bodyHash: 'h',
      contentType: undefined,
      filename: 'agent.py',
    },
    { family: 'platform', token: 't', requestId: 'r', query: '' },
  )
  const example = /```http\n([\s\S]*?)```/.exec(PAGE)?.[1]?.toLowerCase() ?? ''
  for (const name of sent.keys()) {
    expect(example).toContain(`\n${name}: `)
    expect(PAGE.toLowerCase()).toContain(`\`${name}\``)
  }
})
