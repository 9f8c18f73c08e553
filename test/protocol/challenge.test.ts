import { expect, test } from 'vitest'
import { type Challenge, type ChallengeStatus, findChallenge, isSlug } from '../../src/protocol/challenge.ts'
import { OPEN_POLICY } from '../../src/protocol/challenge-policy.ts'

function challenge(slug: string, name: string, status: ChallengeStatus = 'active'): Challenge {
  return {
    slug,
    name,
    status,
    origins: [new URL('https://origin.example.com')],
    marker: undefined,
    policy: OPEN_POLICY,
  }
}

const CHALLENGES = [
  challenge('demo', 'Demo'),
  challenge('agent-challenge', 'Agent Challenge'),
  challenge('one', 'Twin'),
  challenge('two', 'twin', 'inactive'),
  challenge('asleep', 'Asleep', 'disabled'),
  challenge('early', 'Early', 'draft'),
  challenge('prism', 'demo-of-old'),
]

const FOUND: [text: string, slug: string | undefined][] = [
  ['demo', 'demo'],
  ['DEMO', 'demo'],
  ['AGENT-CHALLENGE', undefined],
  ['agent challenge', 'agent-challenge'],
  [' agent challenge', undefined],
  ['agent+challenge', undefined],
  ['one', 'one'],
  ['Twin', undefined],
  ['two', undefined],
  ['asleep', undefined],
  ['early', undefined],
  ['Demo-Of-Old', 'prism'],
  ['', undefined],
  ['..', undefined],
]

test.each(FOUND)('%j names %s', (text, slug) => {
  expect(findChallenge(CHALLENGES, text)?.slug).toBe(slug)
})

test.each(['ab', 'a1', 'agent-challenge', 'x'.repeat(64)])('%s is a slug', (text) => {
  expect(isSlug(text)).toBe(true)
})
test.each(['a', '-a', 'a-', 'A1', 'a_b', 'a:b', '', 'x'.repeat(65), 'ab\n'])('%j is no slug', (text) => {
  expect(isSlug(text)).toBe(false)
})
