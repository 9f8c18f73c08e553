import { hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { describe, expect, test } from 'vitest'
import { createSigner } from '../../src/crypto/sign.ts'
import { verifySignature } from '../../src/crypto/signature.ts'
import EDGE_CASES from '../vectors/ed25519-edge-cases.json' with { type: 'json' }
import RFC8032 from '../vectors/rfc8032.json' with { type: 'json' }
import { createEagerVerifier } from './differential.ts'
import { FROM_VECTORS, NO_VECTORS, readVectors } from './vectors.ts'

interface WycheproofGroup {
  readonly publicKey: { readonly pk: string }
  readonly tests: readonly {
    readonly tcId: number
    readonly comment: string
    readonly msg: string
    readonly sig: string
    readonly result: string
  }[]
}

const WYCHEPROOF = readVectors('ed25519/wycheproof_ed25519_test.json', {
  testGroups: [] as WycheproofGroup[],
})
const ZIP215 = readVectors('ed25519/zip215.json', [] as { vk_bytes: string; sig_bytes: string }[])

/**
 * Without memory, and three times with: the second and third see a table if the first was valid.
 */
function answers(publicKey: string, message: Uint8Array, signature: string): boolean[] {
  const hot = createEagerVerifier()
  const [key, bytes] = [hexToBytes(publicKey), hexToBytes(signature)]
  return [
    verifySignature(key, message, bytes),
    ...[1, 2, 3].map(() => hot(key, message, bytes, { registered: true })),
  ]
}
const all = (answer: boolean): boolean[] => [answer, answer, answer, answer]

describe('RFC 8032 section 7.1', () => {
  test.each(RFC8032.vectors)('message "$message"', (row) => {
    const signer = createSigner(hexToBytes(row.secret), 'ed25519')
    expect(signer.publicKey).toEqual(hexToBytes(row.public))
    expect(signer.sign(hexToBytes(row.message), new Uint8Array(32))).toEqual(hexToBytes(row.signature))
    expect(answers(row.public, hexToBytes(row.message), row.signature)).toEqual(all(true))
  })
})

describe.skipIf(NO_VECTORS)(`Wycheproof${FROM_VECTORS}`, () => {
  const rows = WYCHEPROOF.testGroups.flatMap(({ publicKey, tests }) =>
    tests.map((row) => ({ ...row, key: publicKey.pk })),
  )
  test('has its 151 cases', () => expect(rows.length).toBe(151))
  test.each(rows)('$tcId $comment: $result', ({ key, msg, sig, result, tcId }) => {
    // A signature with the marker bit is sr25519 to us; Wycheproof calls all of them invalid as
    // well.
    expect(answers(key, hexToBytes(msg), sig), String(tcId)).toEqual(all(result === 'valid'))
  })
})

describe('edge cases', () => {
  /**
   * Small-order keys (0, 1), s of L and more (6, 7), encodings that are not canonical (8-11):
   * refused.
   */
  const STRICT = [false, false, true, true, true, true, false, false, false, false, false, false]
  test.each(EDGE_CASES.cases.map((row, index) => ({ ...row, index })))('ed25519-speccheck $index', (row) => {
    expect(answers(row.pub_key, hexToBytes(row.message), row.signature)).toEqual(
      all(STRICT[row.index] === true),
    )
  })
})

describe.skipIf(NO_VECTORS)(`ZIP-215${FROM_VECTORS}`, () => {
  test('all 196 signatures of small-order keys that ZIP-215 accepts are refused', () => {
    expect(ZIP215.length).toBe(196)
    for (const { vk_bytes, sig_bytes } of ZIP215) {
      expect(verifySignature(hexToBytes(vk_bytes), utf8ToBytes('Zcash'), hexToBytes(sig_bytes))).toBe(false)
    }
  })
})
