import { ed25519 } from '@noble/curves/ed25519.js'
import { bytesToNumberLE } from '@noble/curves/utils.js'
import { describe, expect, test } from 'vitest'
import { invert, remainderBelow } from '../../src/crypto/euclid.ts'
import { halve } from '../../src/crypto/half-size.ts'
import { createRandom, freshSeed } from './random.ts'

const { Fn, Fp } = ed25519.Point
const SEED = freshSeed()
const random = createRandom(SEED)

/**
 * Around zero, each power of two, P and fractions of P, where a quotient is very large or very
 * small.
 */
const EDGES: readonly bigint[] = [
  ...Array.from({ length: 255 }, (_, bit) => 1n << BigInt(bit)),
  ...Array.from({ length: 600 }, (_, index) => Fp.ORDER / BigInt(index + 1)),
]
  .flatMap((value) => [-2n, -1n, 0n, 1n, 2n].map((offset) => Fp.create(value + offset)))
  .filter((value) => value !== 0n)

/** The definition, one division at a time. */
function plainly(bound: bigint, modulus: bigint, value: bigint): { remainder: bigint; factor: bigint } {
  let [x, y, u, v] = [modulus, value, 0n, 1n]
  while (y >= bound) {
    const quotient = x / y
    ;[x, y, u, v] = [y, x - quotient * y, v, u - quotient * v]
  }
  return { remainder: y, factor: v }
}

describe(`inverses (SEED=${SEED})`, () => {
  test(`${EDGES.length} edges are as noble's`, () => {
    for (const value of EDGES) expect(invert(value, Fp.ORDER), String(value)).toBe(Fp.inv(value))
  }, 60_000)

  // 100,000 of them: npm run test:deep.
  test("20,000 random values are as noble's", () => {
    for (let round = 0; round < 20_000; round++) {
      // Of every length, as a short value makes a first quotient that no double holds.
      const value = Fp.create(bytesToNumberLE(random.bytes(1 + (round % 32)))) || 1n
      const inverse = invert(value, Fp.ORDER)
      if (inverse !== Fp.inv(value)) throw new Error(`${value} has another inverse`)
    }
  }, 120_000)

  test('zero has none, and says so', () => {
    expect(() => invert(0n, Fp.ORDER)).toThrow(RangeError)
    expect(() => invert(6n, 9n)).toThrow(RangeError)
  })
})

describe(`remainders (SEED=${SEED})`, () => {
  test.each([2n, 3n, 1n << 26n, 1n << 52n, 1n << 53n, 1n << 101n, 1n << 127n, 1n << 200n])(
    'the first below %d, and its factor',
    (bound) => {
      const values = EDGES.map((value) => Fn.create(value)).filter((value) => value !== 0n)
      for (let round = 0; round < 2000; round++) values.push(Fn.create(bytesToNumberLE(random.bytes(40))))
      for (const value of values)
        expect(remainderBelow(bound, Fn.ORDER, value)).toEqual(plainly(bound, Fn.ORDER, value))
    },
    60_000,
  )
})

describe(`halving (SEED=${SEED})`, () => {
  const edges = [0n, 1n, 2n, (1n << 127n) - 1n, 1n << 127n, 1n << 252n, Fn.ORDER - 1n]
  const scalars = Array.from({ length: 500 }, () => Fn.create(bytesToNumberLE(random.bytes(64))))
  test(`${edges.length + scalars.length} challenges`, () => {
    for (const k of [...edges, ...scalars]) {
      const { u, v } = halve(k)
      expect(Fn.create(v * k)).toBe(u)
      expect(u >= 0n && u < 1n << 127n).toBe(true)
      expect(v !== 0n && (v < 0n ? -v : v) < 1n << 127n).toBe(true)
    }
  })
})
