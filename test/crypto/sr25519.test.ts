import { ristretto255 } from '@noble/curves/ed25519.js'
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import { describe, expect, test } from 'vitest'
import { verifySignature } from '../../src/crypto/signature.ts'
import { sr25519 } from '../../src/crypto/sr25519.ts'
import RISTRETTO from '../vectors/rfc9496.json' with { type: 'json' }
import KNOWN from '../vectors/sr25519-signatures.json' with { type: 'json' }
import { createEagerVerifier } from './differential.ts'
import { schnorrkelVerify, wrap } from './oracles.ts'
import { FROM_VECTORS, NO_VECTORS, readVectors } from './vectors.ts'

interface Row {
  readonly id: string
  readonly public_key: string
  readonly message_hex: string
  readonly signature: string
  readonly valid: boolean
}

const DELEGATES = readVectors('sr25519/delegates_real_signatures.json', {
  vectors: [] as (Row & { readonly hotkey: string })[],
})

/**
 * The vectors answer for a verifier without the `<Bytes>` retry; these are the ones that the retry
 * accepts.
 */
const ACCEPTED_WRAPPED = ['pjs-common-wrapped-strict', 'scure-wrapped-fail']

const parts = (row: Row): [Uint8Array, Uint8Array, Uint8Array] => [
  hexToBytes(row.public_key),
  hexToBytes(row.message_hex),
  hexToBytes(row.signature),
]

describe('known signatures', () => {
  test.each(KNOWN.signatures)('$id: $valid', (row) => {
    const [publicKey, message, signature] = parts(row)
    const expected = row.valid || ACCEPTED_WRAPPED.includes(row.id)
    expect(verifySignature(publicKey, message, signature)).toBe(expected)
    const hot = createEagerVerifier()
    for (let times = 0; times < 3; times++)
      expect(hot(publicKey, message, signature, { registered: true })).toBe(expected)
  })
})

describe.skipIf(NO_VECTORS)(`statements of mainnet validators${FROM_VECTORS}`, () => {
  test('signed by real validator hotkeys, and what the retry adds', () => {
    const hot = createEagerVerifier()
    const retried: string[] = []
    for (const row of DELEGATES.vectors) {
      const [publicKey, message, signature] = parts(row)
      const answer = verifySignature(publicKey, message, signature)
      expect(hot(publicKey, message, signature, { registered: true })).toBe(answer)
      expect(hot(publicKey, message, signature, { registered: true })).toBe(answer)
      if (answer !== row.valid) {
        expect(schnorrkelVerify(publicKey, wrap(message), signature)).toBe(true)
        retried.push(row.hotkey)
      }
    }
    expect(DELEGATES.vectors.length).toBe(77)
    expect(retried.length).toBe(1)
  })
})

describe('ristretto255 encodings of RFC 9496', () => {
  test.each(RISTRETTO.small_multiples.map((hex, multiple) => [multiple, hex] as const))(
    '%d times B',
    (multiple, hex) => {
      const point = sr25519.decodeCommitment(hexToBytes(hex))
      expect(point && bytesToHex(new ristretto255.Point(point).toBytes())).toBe(hex)
      expect(sr25519.decodeKey(hexToBytes(hex)) === undefined).toBe(multiple === 0)
    },
  )

  test.each(RISTRETTO.bad_encodings)('bad: %s', (hex) => {
    expect(sr25519.decodeCommitment(hexToBytes(hex))).toBeUndefined()
    expect(sr25519.decodeKey(hexToBytes(hex))).toBeUndefined()
  })
})
