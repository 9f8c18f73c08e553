/**
 * Combs: precomputed tables that multiply one point with few doublings.
 *
 * The scalar is written with digits +1 and -1 only and laid out in `teeth` rows of `columns` digits. A column reads one
 * digit of every row, and the table holds every signed sum of the rows' powers, so a column costs one addition. Columns
 * are dealt to `blocks`, each with its own table, and those at the same place of their blocks share a doubling.
 * Source: Lim and Lee, "More Flexible Exponentiation with Precomputation" (CRYPTO '94), with the signed digits of
 * Hamburg, "Fast and compact elliptic-curve cryptography" (2012), section 3.3.
 */
import type { EdwardsPoint } from '@noble/curves/abstract/edwards.js'
import { FpInvertBatch } from '@noble/curves/abstract/modular.js'
import { ed25519 } from '@noble/curves/ed25519.js'
import { bitAt, type PointSum, pick, toLittleEndian } from './point-sum.ts'

const { Point } = ed25519
const { Fn, Fp } = Point

/** teeth * columns >= 253, the bits of a scalar below the group order. */
export interface CombShape {
  readonly teeth: number
  readonly columns: number
  readonly blocks: number
}

/** `tables[block]` holds 2^(teeth - 1) points with T = 1. */
export interface Comb extends CombShape {
  readonly tables: readonly (readonly EdwardsPoint[])[]
}

/** Points of a comb's tables. */
export function combSize(shape: CombShape): number {
  return shape.blocks * 2 ** (shape.teeth - 1)
}

/** About 253 doublings, one addition for each entry, and one inversion shared by all. */
export function buildComb(point: EdwardsPoint, shape: CombShape): Comb {
  const { teeth, columns, blocks } = shape
  const rounds = Math.ceil(columns / blocks)
  const doublings = [point]
  while (doublings.length <= teeth * columns) doublings.push(pick(doublings, doublings.length - 1).double())
  const tables: EdwardsPoint[][] = []
  for (let block = 0; block < blocks; block++) {
    tables.push(signedSums(doublings, block * rounds, columns, teeth))
  }
  const scaled = scaleToUnitT(tables.flat())
  const size = 2 ** (teeth - 1)
  return { ...shape, tables: tables.map((_, block) => scaled.slice(block * size, (block + 1) * size)) }
}

/**
 * The same points with T = 1. Extended coordinates may be multiplied by any common factor, and noble's addition computes
 * T1 * d * T2 without reducing in between: with T1 = 1 an addition takes 0.90 us, with Z1 = 1 it takes 1.15 us and
 * unscaled 1.17 us (workerd, the same machine as the table in key-cache.ts). T is 0 only for the four points that no
 * table holds: entries are multiples of a point whose order is at least L, by numbers that L does not divide.
 */
function scaleToUnitT(points: readonly EdwardsPoint[]): EdwardsPoint[] {
  const inverses = FpInvertBatch(
    Fp,
    points.map(({ T }) => T),
  )
  return points.map(({ X, Y, Z }, index) => {
    const inverse = inverses[index]
    if (inverse === undefined) throw new RangeError('a comb of a point of small order')
    return new Point(Fp.mul(X, inverse), Fp.mul(Y, inverse), Fp.mul(Z, inverse), Fp.ONE)
  })
}

/** Entry j: the highest tooth, plus or minus each lower tooth as the bits of j say. */
function signedSums(
  doublings: readonly EdwardsPoint[],
  start: number,
  columns: number,
  teeth: number,
): EdwardsPoint[] {
  let lowest = pick(doublings, start + (teeth - 1) * columns)
  for (let tooth = 0; tooth < teeth - 1; tooth++)
    lowest = lowest.subtract(pick(doublings, start + tooth * columns))
  const sums = [lowest]
  for (let tooth = 0; tooth < teeth - 1; tooth++) {
    const twice = pick(doublings, start + tooth * columns + 1)
    sums.push(...sums.map((sum) => sum.add(twice)))
  }
  return sums
}

/**
 * Plans scalar * P by the comb of P, for 0 <= scalar < L: `columns` additions and ceil(columns / blocks) - 1 doublings.
 * An even scalar has no form in odd digits, so L is taken from it, which a sum that ignores torsion does not see.
 */
export function addCombMultiple(sum: PointSum, comb: Comb, scalar: bigint): void {
  const { teeth, columns, blocks, tables } = comb
  const rounds = Math.ceil(columns / blocks)
  const odd = (scalar & 1n) === 1n ? scalar : scalar - Fn.ORDER
  // A set bit stands for +1 and a clear one for -1.
  const bytes = toLittleEndian((odd + (1n << BigInt(teeth * columns)) - 1n) >> 1n)
  const half = 2 ** (teeth - 1)
  for (let block = 0, column = 0; block < blocks; block++) {
    const table = pick(tables, block)
    for (let round = 0; round < rounds && column < columns; round++, column++) {
      let index = 0
      for (let bit = column + (teeth - 1) * columns; bit >= 0; bit -= columns)
        index = 2 * index + bitAt(bytes, bit)
      // The highest tooth decides the sign: the table holds only sums in which it counts +1.
      if (index >= half) sum.add(round, pick(table, index - half))
      else sum.subtract(round, pick(table, half - 1 - index))
    }
  }
}
