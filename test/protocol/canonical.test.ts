import fc from 'fast-check'
import { expect, test } from 'vitest'
import { canonicalMessage, isSlug, type SignedRequest, signedFields } from '../../src/protocol/canonical.ts'
import { seeded } from '../support/seed.ts'

/** What the Python proxy that this gateway replaces signs for these fields. */
const GOLDEN: SignedRequest = {
  family: 'platform',
  netuid: 100,
  slug: 'demo',
  method: 'post',
  path: '/v1/challenges/demo/submissions',
  hotkey: '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY',
  nonce: 'nonce-1',
  timestamp: '1700000000',
  bodyHash: '4b9a4ac59f3c3aa32273260df6cf4bf358d1c46f8415126aa35b6380d0abb8f7',
}

test('byte for byte what the Python proxy signs', () => {
  expect(canonicalMessage(GOLDEN)).toBe(
    'platform-upload-v1:100:demo:POST:/v1/challenges/demo/submissions:5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY:nonce-1:1700000000:4b9a4ac59f3c3aa32273260df6cf4bf358d1c46f8415126aa35b6380d0abb8f7',
  )
})

test('the base family changes the prefix and nothing else', () => {
  const base = canonicalMessage({ ...GOLDEN, family: 'base' })
  expect(base).toBe(canonicalMessage(GOLDEN).replace(/^platform-/, 'base-'))
})

test('the fields shown are the message', () => {
  const values = signedFields(GOLDEN).map((field) => field.value)
  expect(values.join(':')).toBe(canonicalMessage(GOLDEN))
})

test('two different requests never share a message', () => {
  const request = fc.record({
    family: fc.constantFrom('platform' as const, 'base' as const),
    netuid: fc.nat(65_535),
    slug: fc.stringMatching(/^[a-z0-9][a-z0-9-]{0,8}[a-z0-9]$/),
    method: fc.constant('POST'),
    path: fc.stringMatching(/^[^/]{1,12}$/).map((name) => `/v1/challenges/${name}/submissions`),
    hotkey: fc.stringMatching(/^5[1-9A-HJ-NP-Za-km-z]{4}$/),
    nonce: fc.stringMatching(/^[\x20-\x7e:]{1,20}$/),
    timestamp: fc.stringMatching(/^[+-]?[0-9]{1,6}$/),
    bodyHash: fc.stringMatching(/^[0-9a-f]{64}$/),
  })
  // Nudging the boundary between neighbours is what a forger would try.
  const shifted = request.chain((a) => fc.tuple(fc.constant(a), fc.nat(a.nonce.length)))
  fc.assert(
    fc.property(shifted, request, ([a, cut], b) => {
      const moved = { ...a, nonce: a.nonce.slice(0, cut), timestamp: `${a.nonce.slice(cut)}:${a.timestamp}` }
      const legal = /^[+-]?\d+(_\d+)*$/.test(moved.timestamp)
      if (legal) expect(canonicalMessage(moved)).not.toBe(canonicalMessage(a))
      if (JSON.stringify(a) !== JSON.stringify(b)) expect(canonicalMessage(a)).not.toBe(canonicalMessage(b))
    }),
    seeded,
  )
})

test.each(['ab', 'a1', 'agent-challenge', 'x'.repeat(64)])('%s is a slug', (text) => {
  expect(isSlug(text)).toBe(true)
})
test.each(['a', '-a', 'a-', 'A1', 'a_b', 'a:b', '', 'x'.repeat(65), 'ab\n'])('%j is no slug', (text) => {
  expect(isSlug(text)).toBe(false)
})
