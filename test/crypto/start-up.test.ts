import { expect, test } from 'vitest'
import { verifySignature } from '../../src/crypto/signature.ts'
import { checkKnownSignatures } from '../../src/crypto/start-up.ts'

test('our verifier knows its signatures', () => {
  expect(() => checkKnownSignatures(verifySignature)).not.toThrow()
})

test.each([true, false])('a verifier that always says %s may not start', (answer) => {
  expect(() => checkKnownSignatures(() => answer)).toThrow('the verifier')
})
