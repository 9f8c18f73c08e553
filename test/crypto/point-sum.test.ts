import type { EdwardsPoint } from '@noble/curves/abstract/edwards.js'
import { ed25519 } from '@noble/curves/ed25519.js'
import { bytesToNumberLE } from '@noble/curves/utils.js'
import { describe, expect, test } from 'vitest'
import { addCombMultiple, buildComb, type CombShape, combSize } from '../../src/crypto/comb.ts'
import { halve } from '../../src/crypto/half-size.ts'
import { PointSum } from '../../src/crypto/point-sum.ts'
import { createRandom, freshSeed } from './random.ts'

const { Fn, BASE, ZERO } = ed25519.Point
const ORDER = Fn.ORDER
const SEED = freshSeed()
const random = createRandom(SEED)
const anyScalar = (): bigint => Fn.create(bytesToNumberLE(random.bytes(64)))

const EDGES = [
  0n,
  1n,
  2n,
  3n,
  7n,
  8n,
  9n,
  15n,
  16n,
  17n,
  (1n << 126n) - 1n,
  1n << 127n,
  1n << 252n,
  ORDER - 2n,
  ORDER - 1n,
]
const SCALARS = [...EDGES, ...Array.from({ length: 30 }, anyScalar)]

const sameModuloTorsion = (one: EdwardsPoint, other: EdwardsPoint): boolean =>
  one.subtract(other).isSmallOrder()

describe(`sums (SEED=${SEED})`, () => {
  const point = BASE.multiplyUnsafe(anyScalar())

  test('nothing is the identity', () => {
    expect(new PointSum().total().equals(ZERO)).toBe(true)
  })

  test('weights, additions and subtractions', () => {
    const sum = new PointSum()
    sum.subtract(5, BASE)
    sum.add(0, point)
    sum.subtract(0, BASE)
    sum.subtract(0, BASE)
    expect(sum.total().equals(point.subtract(BASE.multiplyUnsafe(34n)))).toBe(true)
  })

  test.each(SCALARS)('a point without a table, times %d', (scalar) => {
    const sum = new PointSum()
    sum.addMultiple(point, scalar)
    expect(sum.total().equals(point.multiplyUnsafe(scalar))).toBe(true)
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
  const torsion = ed25519.Point.fromHex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a')
  const POINTS: [string, EdwardsPoint][] = [
    ['in the prime-order group', BASE.multiplyUnsafe(anyScalar())],
    ['with torsion', BASE.multiplyUnsafe(anyScalar()).add(torsion)],
  ]

  describe.each(SHAPES)('$teeth teeth, $columns columns, $blocks blocks', (shape) => {
    test.each(POINTS)('multiplies a point %s', (_, point) => {
      const comb = buildComb(point, shape)
      expect(comb.tables.flat().length).toBe(combSize(shape))
      for (const scalar of SCALARS) {
        const sum = new PointSum()
        addCombMultiple(sum, comb, scalar)
        expect(sameModuloTorsion(sum.total(), point.multiplyUnsafe(scalar))).toBe(true)
      }
    })

    test('every entry is a proper point with T = 1', () => {
      for (const entry of buildComb(BASE, shape).tables.flat()) {
        entry.assertValidity()
        expect(entry.T).toBe(1n)
      }
    })
  })

  test('a point of small order has no comb', () => {
    expect(() => buildComb(torsion, { teeth: 7, columns: 37, blocks: 3 })).toThrow(RangeError)
  })
})

describe(`halving (SEED=${SEED})`, () => {
  test.each([...SCALARS, ...Array.from({ length: 200 }, anyScalar)])('%d', (k) => {
    const { u, v } = halve(k)
    expect(Fn.create(v * k)).toBe(u)
    expect(u >= 0n && u < 1n << 127n).toBe(true)
    expect(v !== 0n && (v < 0n ? -v : v) < 1n << 127n).toBe(true)
  })
})
