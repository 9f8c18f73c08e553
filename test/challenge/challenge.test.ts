import { expect, test } from 'vitest'
import { type Challenge, type ChallengeStatus, findChallenge } from '../../src/challenge/challenge.ts'
import { OPEN_POLICY } from '../../src/challenge/policy.ts'

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
