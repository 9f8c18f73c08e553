/**
 * Combs: precomputed tables that multiply one point with few doublings.
 *
 * The scalar is written with digits +1 and -1 only and laid out in `teeth` rows of `columns`
 * digits. A column reads one digit of every row, and the table holds every signed sum of the rows'
 * powers, so a column costs one addition. Columns are dealt to `blocks`, each with its part of the
 * table, and those at the same place of their blocks share a doubling. Source: Lim and Lee, "More
 * Flexible Exponentiation with Precomputation" (CRYPTO '94), with the signed digits of Hamburg,
 * "Fast and compact elliptic-curve cryptography" (2012), section 3.3.
 */
import { ed25519 } from '@noble/curves/ed25519.js'
import { add, double, type Extended, subtract, toAddend, toExtended, toUnitAddends } from './edwards.ts'
import { bitAt, pick, type Table, type Term, toLittleEndian, toTable } from './point-sum.ts'

const { ORDER } = ed25519.Point.Fn

/** teeth * columns >= 253, the bits of a scalar below the group order. */
export interface CombShape {
  readonly teeth: number
  readonly columns: number
  readonly blocks: number
}

/** The table holds 2^(teeth - 1) points for each block. */
export interface Comb extends CombShape {
  readonly table: Table
}

/** Points of a comb's table. */
export function combSize(shape: CombShape): number {
  return shape.blocks * 2 ** (shape.teeth - 1)
}

/** About 253 doublings, one addition for each entry, and one inversion shared by all. */
export function buildComb(point: Extended, shape: CombShape): Comb {
  const { teeth, columns, blocks } = shape
  const rounds = Math.ceil(columns / blocks)
  const doublings = [point]
  while (doublings.length <= teeth * columns)
    doublings.push(toExtended(double(pick(doublings, doublings.length - 1))))
  const sums: Extended[] = []
  for (let block = 0; block < blocks; block++)
    sums.push(...signedSums(doublings, block * rounds, columns, teeth))
  return { ...shape, table: toTable(toUnitAddends(sums)) }
}

/** Entry j: the highest tooth, plus or minus each lower tooth as the bits of j say. */
function signedSums(
  doublings: readonly Extended[],
  start: number,
  columns: number,
  teeth: number,
): Extended[] {
  let lowest = pick(doublings, start + (teeth - 1) * columns)
  for (let tooth = 0; tooth < teeth - 1; tooth++)
    lowest = toExtended(subtract(lowest, toAddend(pick(doublings, start + tooth * columns))))
  const sums = [lowest]
  for (let tooth = 0; tooth < teeth - 1; tooth++) {
    const twice = toAddend(pick(doublings, start + tooth * columns + 1))
    sums.push(...sums.map((sum) => toExtended(add(sum, twice))))
  }
  return sums
}

/**
 * scalar * P by the comb of P, for 0 <= scalar < L: `columns` additions and one doubling less than
 * ceil(columns / blocks). An even scalar has no form in odd digits, so L is taken from it, which a
 * sum that ignores torsion does not see.
 */
export function combMultiple(comb: Comb, scalar: bigint): Term {
  const { teeth, columns, blocks, table } = comb
  const rounds = Math.ceil(columns / blocks)
  const odd = (scalar & 1n) === 1n ? scalar : scalar - ORDER
  // A set bit stands for +1 and a clear one for -1.
  const bytes = toLittleEndian((odd + (1n << BigInt(teeth * columns)) - 1n) >> 1n)
  const half = 2 ** (teeth - 1)
  const digits = new Int16Array(rounds * blocks)
  for (let column = 0; column < columns; column++) {
    let index = 0
    for (let bit = column + (teeth - 1) * columns; bit >= 0; bit -= columns)
      index = 2 * index + bitAt(bytes, bit)
    const block = Math.floor(column / rounds)
    const first = block * half + 1
    // The highest tooth decides the sign: the table holds only sums in which it counts +1.
    digits[(column % rounds) * blocks + block] =
      index >= half ? first + index - half : -(first + half - 1 - index)
  }
  return { table, digits, perWeight: blocks }
}
