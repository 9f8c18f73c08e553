import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import { Keyring } from '@polkadot/keyring'
import { waitReady } from '@polkadot/wasm-crypto'
import * as scure from '@scure/sr25519'
import { beforeAll, describe, expect, test } from 'vitest'
import { createSigner } from '../../src/crypto/sign.ts'
import { verifySignature } from '../../src/crypto/signature.ts'
import VECTORS from '../vectors/sr25519-keys.json' with { type: 'json' }
import { createRandom, freshSeed } from './random.ts'

interface KnownKey {
  readonly scheme?: string
  readonly seed?: string
  readonly public?: string
  readonly secret_ed25519_form_and_public?: string
}

const KEYS = VECTORS.keys.flatMap((row: KnownKey) => {
  const publicKey = row.public ?? row.secret_ed25519_form_and_public?.slice(-64)
  return row.seed && publicKey && row.scheme === undefined ? [{ seed: row.seed, publicKey }] : []
})
const bytes = (hex: string): Uint8Array => hexToBytes(hex.replace(/^0x/, ''))

describe('known keys', () => {
  test.each(KEYS)('$seed', ({ seed, publicKey }) => {
    expect(createSigner(bytes(seed), 'sr25519').publicKey).toEqual(bytes(publicKey))
  })
})

describe.each(['sr25519', 'ed25519'] as const)('%s and @polkadot/keyring', (scheme) => {
  beforeAll(async () => {
    await waitReady()
  })

  const seed = freshSeed()
  test(`the same keys, and each verifies the other's signatures (seed ${seed})`, () => {
    const random = createRandom(seed)
    const keyring = new Keyring({ type: scheme })
    for (let round = 0; round < 10; round++) {
      const secret = random.bytes(32)
      const message = random.bytes(random.below(400))
      const pair = keyring.addFromSeed(secret)
      const signer = createSigner(secret, scheme)
      expect(signer.publicKey).toEqual(pair.publicKey)
      expect(pair.verify(message, signer.sign(message, random.bytes(32)), pair.publicKey)).toBe(true)
      expect(verifySignature(pair.publicKey, message, pair.sign(message))).toBe(true)
    }
  })

  test('one seed, message and randomness give one signature', () => {
    const sign = (fill: number): string =>
      bytesToHex(
        createSigner(new Uint8Array(32).fill(1), scheme).sign(
          new Uint8Array(3),
          new Uint8Array(32).fill(fill),
        ),
      )
    expect(sign(1)).toBe(sign(1))
    // ed25519 is deterministic; sr25519 mixes the randomness into its nonce.
    expect(sign(1) === sign(2)).toBe(scheme === 'ed25519')
  })

  test('the seed is copied', () => {
    const secret = new Uint8Array(32).fill(3)
    const signer = createSigner(secret, scheme)
    const before = signer.sign(new Uint8Array(3), new Uint8Array(32))
    secret.fill(0)
    expect(signer.sign(new Uint8Array(3), new Uint8Array(32))).toEqual(before)
  })

  test.each([0, 31, 33, 64])('a seed of %d bytes is a bug', (length) => {
    expect(() => createSigner(new Uint8Array(length), scheme)).toThrow(RangeError)
  })
})

test('sr25519 insists on 32 random bytes', () => {
  const signer = createSigner(new Uint8Array(32), 'sr25519')
  expect(() => signer.sign(new Uint8Array(), new Uint8Array())).toThrow(RangeError)
})

test("the witness is schnorrkel's: the same bytes as @scure/sr25519 with the same randomness", () => {
  const random = createRandom('witness')
  for (const length of [0, 1, 100, 165, 166, 167, 400]) {
    const [seed, fresh, message] = [random.bytes(32), random.bytes(32), random.bytes(length)]
    const theirs = scure.sign(scure.secretFromSeed(seed), message, fresh)
    expect(createSigner(seed, 'sr25519').sign(message, fresh)).toEqual(theirs)
  }
})
