import type { EdwardsPoint } from '@noble/curves/abstract/edwards.js'
import { ed25519 } from '@noble/curves/ed25519.js'
import { describe, expect, test } from 'vitest'
import { buildComb, type CombShape, combMultiple, combSize } from '../../src/crypto/comb.ts'
import { multipleOf, onceOf, sumOf, type Term } from '../../src/crypto/point-sum.ts'
import { anyPoint, anyScalar, SMALL_ORDER, sameModuloTorsion, toPoint } from './points.ts'
import { createRandom, freshSeed } from './random.ts'

const { Fn, BASE, ZERO } = ed25519.Point
const SEED = freshSeed()
const random = createRandom(SEED)

const EDGES = [0n, 1n, 2n, 3n, 7n, 8n, 9n, 15n, 16n, 17n, (1n << 126n) - 1n, 1n << 127n, (1n << 128n) - 1n]
const HALF_SIZE = [...EDGES, ...Array.from({ length: 30 }, () => anyScalar(random) >> 125n)]
const SCALARS = [
  ...EDGES,
  1n << 252n,
  Fn.ORDER - 2n,
  Fn.ORDER - 1n,
  ...Array.from({ length: 30 }, () => anyScalar(random)),
]

const total = (...terms: Term[]): EdwardsPoint => toPoint(sumOf(terms))
const [, torsion = ZERO] = SMALL_ORDER
const POINTS: [string, EdwardsPoint][] = [
  ['in the prime-order group', anyPoint(random)],
  ['with torsion', anyPoint(random).add(torsion)],
  ['of small order', torsion],
  ['the identity', ZERO],
]

describe(`sums (SEED=${SEED})`, () => {
  test('nothing is the identity', () => {
    expect(total().equals(ZERO)).toBe(true)
  })

  describe.each(POINTS)('a point %s', (_, point) => {
    test('once', () => {
      expect(total(onceOf(point)).equals(point)).toBe(true)
    })

    test.each(HALF_SIZE)('times %d, and times its negative', (scalar) => {
      const product = point.multiplyUnsafe(scalar)
      expect(total(multipleOf(point, scalar)).equals(product)).toBe(true)
      expect(total(multipleOf(point, -scalar)).equals(product.negate())).toBe(true)
    })
  })

  test('a scalar of more than half size is refused', () => {
    expect(() => multipleOf(BASE, 1n << 128n)).toThrow(RangeError)
    expect(() => multipleOf(BASE, -(1n << 128n))).toThrow(RangeError)
  })

  test('terms of every kind together', () => {
    const [one, other, third] = [anyPoint(random), anyPoint(random), anyPoint(random)]
    const comb = buildComb(third, { teeth: 6, columns: 43, blocks: 4 })
    for (let round = 0; round < 20; round++) {
      const [u, v, s] = [anyScalar(random) >> 126n, anyScalar(random) >> 126n, anyScalar(random)]
      const expected = one
        .multiplyUnsafe(u)
        .subtract(other.multiplyUnsafe(v))
        .add(third.multiplyUnsafe(s))
        .add(BASE)
      const sum = total(multipleOf(one, u), multipleOf(other, -v), combMultiple(comb, s), onceOf(BASE))
      expect(sum.equals(expected)).toBe(true)
    }
  })
})

describe(`combs (SEED=${SEED})`, () => {
  const SHAPES: CombShape[] = [
    { teeth: 7, columns: 37, blocks: 3 },
    { teeth: 11, columns: 23, blocks: 2 },
    { teeth: 4, columns: 64, blocks: 1 },
    { teeth: 5, columns: 51, blocks: 51 },
    { teeth: 2, columns: 127, blocks: 4 },
  ]

  describe.each(SHAPES)('$teeth teeth, $columns columns, $blocks blocks', (shape) => {
    test.each(POINTS)('multiplies a point %s', (_, point) => {
      const comb = buildComb(point, shape)
      expect(comb.table.length).toBe(4 * combSize(shape))
      for (const scalar of SCALARS) {
        const sum = total(combMultiple(comb, Fn.create(scalar)))
        expect(sameModuloTorsion(sum, point.multiplyUnsafe(Fn.create(scalar)))).toBe(true)
      }
    })
  })
})
