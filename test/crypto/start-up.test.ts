import { expect, test } from 'vitest'
import { checkKnownSignatures, checkVerifier } from '../../src/crypto/start-up.ts'

test('our verifier knows its signatures', () => {
  expect(() => checkVerifier()).not.toThrow()
})

test.each([true, false])('a verifier that always says %s may not start', (answer) => {
  expect(() => checkKnownSignatures(() => answer)).toThrow('the verifier')
})
