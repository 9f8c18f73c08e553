import { expect, test } from 'vitest'
import { sameSecret } from '../../src/crypto/secret.ts'

test.each([
  ['hunter2', 'hunter2', true],
  ['hunter3', 'hunter2', false],
  ['Hunter2', 'hunter2', false],
  ['hunter', 'hunter2', false],
  ['hunter22', 'hunter2', false],
  ['', 'hunter2', false],
  ['é', 'é', true],
])('%j for %j: %s', (sent, expected, same) => {
  expect(sameSecret(sent, expected)).toBe(same)
})
