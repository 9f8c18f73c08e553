/**
 * Sums of multiples of public points, like kA - sB, in variable time.
 *
 * A sum is written down before it is computed: weight by weight (2^0, 2^1, ...), which points to add and which to
 * subtract. Each recoding of a scalar adds its table points to that plan, and one walk from the top doubles and
 * adds (Strauss-Shamir), so all scalars share one chain of doublings. The points and their arithmetic are noble's;
 * only the choice of table entries is ours.
 *
 * Variable time is right here and only here: every scalar and point of a verification is public. Signing must
 * never use this file.
 */
import type { EdwardsPoint } from '@noble/curves/abstract/edwards.js'
import { ed25519 } from '@noble/curves/ed25519.js'

interface Weight {
  readonly add: EdwardsPoint[]
  readonly subtract: EdwardsPoint[]
}

/** Width of the signed windows of a point without a table: P, 3P, 5P, 7P are made, and one bit in five adds. */
const WINDOW = 4

export class PointSum {
  readonly #weights: Weight[] = []

  /** Plans 2^weight * point. */
  add(weight: number, point: EdwardsPoint): void {
    this.#at(weight).add.push(point)
  }

  /** Plans -(2^weight) * point. Collected apart, because negating is work: the walk negates once for each weight. */
  subtract(weight: number, point: EdwardsPoint): void {
    this.#at(weight).subtract.push(point)
  }

  /** Plans scalar * point for a point without a table, by a width-4 non-adjacent form. 0 <= scalar < 2^255. */
  addMultiple(point: EdwardsPoint, scalar: bigint): void {
    const odd = oddMultiples(point)
    const bytes = toLittleEndian(scalar)
    let carry = 0
    for (let bit = 0; bit < 256; bit++) {
      if (bitAt(bytes, bit) === carry) continue
      const window = windowAt(bytes, bit) + carry
      carry = window < 8 ? 0 : 1
      const digit = window - 16 * carry
      const multiple = pick(odd, Math.abs(digit) >> 1)
      if (digit < 0) this.subtract(bit, multiple)
      else this.add(bit, multiple)
      bit += WINDOW - 1
    }
  }

  /** Walks from the heaviest weight down. The empty sum is the identity. */
  total(): EdwardsPoint {
    let sum: EdwardsPoint | undefined
    for (let weight = this.#weights.length - 1; weight >= 0; weight--) {
      sum = sum?.double()
      const { add, subtract } = pick(this.#weights, weight)
      for (const point of add) sum = sum ? point.add(sum) : point
      let debt: EdwardsPoint | undefined
      for (const point of subtract) debt = debt ? point.add(debt) : point
      if (debt !== undefined) sum = sum?.subtract(debt) ?? debt.negate()
    }
    return sum ?? ed25519.Point.ZERO
  }

  #at(weight: number): Weight {
    while (this.#weights.length <= weight) this.#weights.push({ add: [], subtract: [] })
    return pick(this.#weights, weight)
  }
}

/** An entry that must exist; a recoding that leaves its table is a bug. */
export function pick<T>(table: readonly T[], index: number): T {
  const entry = table[index]
  if (entry === undefined) throw new RangeError('a recoded digit left its table')
  return entry
}

/** The little-endian bytes of a number below 2^320. */
export function toLittleEndian(value: bigint): Uint8Array {
  const words = new BigUint64Array(5)
  for (let index = 0, rest = value; index < 5; index++, rest >>= 64n) words[index] = rest
  return new Uint8Array(words.buffer)
}

export function bitAt(bytes: Uint8Array, bit: number): number {
  return ((bytes[bit >> 3] ?? 0) >> (bit & 7)) & 1
}

/** The WINDOW bits from `bit` upwards. */
function windowAt(bytes: Uint8Array, bit: number): number {
  const pair = (bytes[bit >> 3] ?? 0) | ((bytes[(bit >> 3) + 1] ?? 0) << 8)
  return (pair >> (bit & 7)) & 15
}

/** P, 3P, 5P, 7P. */
function oddMultiples(point: EdwardsPoint): EdwardsPoint[] {
  const twice = point.double()
  const third = point.add(twice)
  const fifth = third.add(twice)
  return [point, third, fifth, fifth.add(twice)]
}
