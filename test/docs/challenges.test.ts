/** docs/challenges.md says what the code does. */

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { mayHaveArrived, waitBefore } from '../../miner/retry.ts'
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

/** The rows of "What your answer makes miners' tools do" that the tools alone decide. */
const ANSWERS: readonly (readonly [
  row: string,
  statuses: readonly number[],
  retryAfterSeconds: number | undefined,
  does: string,
])[] = [
  ['400, 403, 404, 413, 422', [400, 403, 404, 413, 422], undefined, 'stop'],
  ['401', [401], undefined, 'stop'],
  ['409', [409], undefined, 'stop'],
  ['429 or 503 with `Retry-After`', [429, 503], 300, 'fresh nonce'],
  ['429 or 503 with `Retry-After`', [429, 503], 301, 'stop'],
  ['429 or 503 without `Retry-After`', [429, 503], undefined, 'stop'],
  ['500 and other 5xx', [500, 501, 505, 507, 511], undefined, 'stop'],
  ['502 or 504', [502, 504], undefined, 'same request'],
]
test.each(ANSWERS)('a challenge that answers %s', (row, statuses, retryAfterSeconds, does) => {
  expect(PAGE).toContain(`\n| ${row} | `)
  for (const status of statuses) {
    const answer = {
      ok: false,
      kind: 'challenge',
      status,
      retryAfterSeconds,
      requestId: 'r',
      text: '{}',
    } as const
    const again = mayHaveArrived(answer) ? 'same request' : 'fresh nonce'
    expect([status, waitBefore(0, answer, 0) === undefined ? 'stop' : again]).toEqual([status, does])
  }
})
