/**
 * Comparing with an encoding accepts exactly what decoding would; what it does not accept is
 * decoded as ever.
 */
import type { EdwardsPoint } from '@noble/curves/abstract/edwards.js'
import { ed25519 as noble, ristretto255 } from '@noble/curves/ed25519.js'
import { bytesToNumberLE } from '@noble/curves/utils.js'
import { describe, expect, test } from 'vitest'
import { ed25519 } from '../../src/crypto/ed25519.ts'
import type { Scheme } from '../../src/crypto/scheme.ts'
import { sr25519 } from '../../src/crypto/sr25519.ts'
import { anyPoint, rescaled, SMALL_ORDER } from './points.ts'
import { createRandom, freshSeed } from './random.ts'

const { Fp, ZERO } = noble.Point
const SEED = freshSeed()
const random = createRandom(SEED)

const EVEN_TORSION = SMALL_ORDER.filter((_, times) => times % 2 === 0)
const PRIME_ORDER = [ZERO, noble.Point.BASE, ...Array.from({ length: 20 }, () => anyPoint(random))]

/**
 * The encoding, every other spelling and neighbour of it, and bytes that have nothing to do with
 * it.
 */
function around(bytes: Uint8Array): Uint8Array[] {
  const value = bytesToNumberLE(bytes)
  const flips = Array.from({ length: 256 }, (_, bit) => value ^ (1n << BigInt(bit)))
  const others = [
    value + Fp.ORDER,
    Fp.ORDER - value,
    Fp.neg(value % Fp.ORDER),
    0n,
    1n,
    Fp.ORDER - 1n,
    Fp.ORDER,
  ]
  const numbers = [...flips, ...others].filter((number) => number >= 0n && number < 2n ** 256n)
  return [bytes, ...numbers.map(toBytes), ...SMALL_ORDER.map((point) => point.toBytes()), random.bytes(32)]
}

function toBytes(value: bigint): Uint8Array {
  return Uint8Array.from({ length: 32 }, (_, index) => Number((value >> BigInt(8 * index)) & 255n))
}

function decodesTo(scheme: Scheme, bytes: Uint8Array, point: EdwardsPoint): boolean {
  const decoded = scheme.decodeCommitment(bytes)
  return decoded !== undefined && scheme.isIdentity(decoded.subtract(point))
}

describe(`sr25519 (SEED=${SEED})`, () => {
  test.each(PRIME_ORDER.map((point) => [new ristretto255.Point(point).toHex(), point]))(
    '%s',
    (_, point) => {
      const bytes = new ristretto255.Point(point).toBytes()
      for (const torsion of EVEN_TORSION) {
        const representative = rescaled(random, point.add(torsion))
        expect(sr25519.isEncoding(bytes, representative)).toBe(true)
        for (const other of around(bytes))
          expect(sr25519.isEncoding(other, representative)).toBe(decodesTo(sr25519, other, representative))
      }
    },
    60_000,
  )

  test('a point outside the group has at most the encodings that decode to it', () => {
    for (const point of PRIME_ORDER) {
      for (const torsion of SMALL_ORDER) {
        const outside = point.add(torsion)
        for (const bytes of [new ristretto255.Point(outside).toBytes(), outside.toBytes()]) {
          if (sr25519.isEncoding(bytes, outside)) expect(decodesTo(sr25519, bytes, outside)).toBe(true)
        }
      }
    }
  })
})

describe(`ed25519 (SEED=${SEED})`, () => {
  test('every point has one encoding, whatever its order', () => {
    for (const point of [
      ...PRIME_ORDER,
      ...SMALL_ORDER,
      ...SMALL_ORDER.map((one) => one.add(anyPoint(random))),
    ]) {
      const bytes = point.toBytes()
      for (const other of around(bytes)) {
        const same = other.every((byte, index) => byte === bytes[index])
        expect(ed25519.isEncoding(other, rescaled(random, point))).toBe(same)
        if (same) expect(decodesTo(ed25519, other, point)).toBe(true)
      }
    }
  }, 60_000)
})
