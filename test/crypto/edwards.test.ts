/**
 * Each formula against noble's `Point`, on random operands and on those where formulas usually
 * break.
 */
import type { EdwardsPoint } from '@noble/curves/abstract/edwards.js'
import { ed25519 } from '@noble/curves/ed25519.js'
import { describe, expect, test } from 'vitest'
import {
  type Addend,
  add,
  double,
  type Extended,
  type Fractions,
  IDENTITY,
  subtract,
  toAddend,
  toCanonical,
  toExtended,
  toProjective,
  toUnitAddends,
} from '../../src/crypto/edwards.ts'
import { anyPoint, rescaled, SMALL_ORDER, toPoint } from './points.ts'
import { createRandom, freshSeed } from './random.ts'

const SEED = freshSeed()
const random = createRandom(SEED)
const P = ed25519.Point.Fp.ORDER

const one = anyPoint(random)
const OPERANDS: readonly EdwardsPoint[] = [
  ...SMALL_ORDER,
  one,
  one.negate(),
  one.double(),
  ed25519.Point.BASE,
  ...SMALL_ORDER.map((torsion) => one.add(torsion)),
  ...Array.from({ length: 12 }, () => anyPoint(random)),
  ...Array.from({ length: 6 }, (_, index) => anyPoint(random).add(SMALL_ORDER[index] ?? one)),
]

/** As the formulas leave coordinates: with either sign. */
const negated = ({ X, Y, Z, T }: EdwardsPoint): Extended => ({
  X: X === 0n ? X : X - P,
  Y: Y === 0n ? Y : Y - P,
  Z: Z - P,
  T: T === 0n ? T : T - P,
})

const result = (fractions: Fractions): EdwardsPoint => toPoint(toCanonical(toExtended(fractions)))

const unit = (point: EdwardsPoint): Addend => {
  const [addend] = toUnitAddends([point])
  if (addend === undefined) throw new Error('one point, one addend')
  return addend
}

describe(`formulas (SEED=${SEED})`, () => {
  test('the identity', () => {
    expect(result(IDENTITY).is0()).toBe(true)
  })

  test('doubling', () => {
    for (const point of OPERANDS) {
      const scaled = rescaled(random, point)
      for (const spelled of [point, scaled, negated(scaled)]) {
        expect(result(double(spelled)).equals(point.double())).toBe(true)
      }
      const { X, Y, Z } = toProjective(double(scaled))
      const whole = toExtended(double(scaled))
      expect([X, Y, Z]).toEqual([whole.X, whole.Y, whole.Z])
    }
  })

  test(`addition and subtraction, ${OPERANDS.length} x ${OPERANDS.length} operands`, () => {
    for (const first of OPERANDS) {
      for (const second of OPERANDS) {
        const [sum, difference] = [first.add(second), first.subtract(second)]
        const [left, right] = [rescaled(random, first), rescaled(random, second)]
        for (const addend of [toAddend(right), toAddend(negated(right)), unit(right)]) {
          for (const spelled of [left, negated(left)]) {
            expect(result(add(spelled, addend)).equals(sum)).toBe(true)
            expect(result(subtract(spelled, addend)).equals(difference)).toBe(true)
          }
        }
      }
    }
  }, 60_000)

  test('no coordinate grows with the number of steps', () => {
    let sum = toExtended(IDENTITY)
    const addends = [toAddend(one), unit(one)]
    for (let step = 0; step < 400; step++) {
      const addend = addends[step % 2] ?? unit(one)
      sum = toExtended(
        step % 3 === 0 ? double(sum) : step % 3 === 1 ? add(sum, addend) : subtract(sum, addend),
      )
      for (const coordinate of [sum.X, sum.Y, sum.Z, sum.T])
        expect(coordinate < P && coordinate > -P).toBe(true)
    }
  })

  test('unit addends are canonical and have no Z', () => {
    for (const { plus, minus, product, twiceZ } of toUnitAddends(OPERANDS)) {
      for (const value of [plus, minus, product]) expect(value >= 0n && value < P).toBe(true)
      expect(twiceZ).toBeUndefined()
    }
  })
})
