/**
 * Sums of multiples of public points, like sB - kA, in variable time.
 *
 * Each scalar is first written in signed digits, weight by weight (2^0, 2^1, ...); a digit names a
 * point of its table. One walk from the heaviest weight then doubles and adds (Strauss-Shamir), so
 * all scalars share one chain of doublings.
 *
 * Variable time is right here and only here: every scalar and point of a verification is public.
 * Signing must never use this file.
 */
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
} from './edwards.ts'

/**
 * Width of the signed windows of a point without a table: P, 3P, 5P, 7P are made, and one bit in
 * five adds.
 */
const WINDOW = 4
const HALF_SIZE_BITS = 128

/**
 * Addends one behind the other, four places each; the last place is `undefined` where Z is 1. As
 * objects their numbers would be one more memory access away, which makes a hot verification 3 %
 * slower.
 */
export type Table = readonly (bigint | undefined)[]

/** A multiple that is written in digits. */
export interface Term {
  readonly table: Table
  /**
   * `perWeight` digits for each weight, lightest first: 0, or one more than a table's index,
   * negative to subtract.
   */
  readonly digits: Int16Array
  readonly perWeight: number
}

/** Walks from the heaviest weight down; the result is canonical. The empty sum is the identity. */
export function sumOf(terms: readonly Term[]): Extended {
  let sum: Fractions = IDENTITY
  const weights = Math.max(0, ...terms.map(({ digits, perWeight }) => Math.ceil(digits.length / perWeight)))
  for (let weight = weights - 1; weight >= 0; weight--) {
    if (sum !== IDENTITY) sum = double(toProjective(sum))
    for (const { table, digits, perWeight } of terms) {
      for (let at = weight * perWeight; at < (weight + 1) * perWeight; at++) {
        const digit = digits[at] ?? 0
        if (digit > 0) sum = add(toExtended(sum), addendAt(table, digit - 1))
        else if (digit < 0) sum = subtract(toExtended(sum), addendAt(table, -digit - 1))
      }
    }
  }
  return toCanonical(toExtended(sum))
}

/**
 * scalar * point for a point without a table, by a width-4 non-adjacent form. The scalar has half
 * size: |scalar| < 2^128.
 */
export function multipleOf(point: Extended, scalar: bigint): Term {
  const digits = new Int16Array(HALF_SIZE_BITS + 1)
  const size = scalar < 0n ? -scalar : scalar
  if (size >> BigInt(HALF_SIZE_BITS) !== 0n) throw new RangeError('a scalar of more than half size')
  const bytes = toLittleEndian(size)
  const sign = scalar < 0n ? -1 : 1
  let carry = 0
  for (let bit = 0; bit < digits.length; bit++) {
    if (bitAt(bytes, bit) === carry) continue
    const window = windowAt(bytes, bit) + carry
    carry = window < 8 ? 0 : 1
    // The odd multiple 2i + 1 is entry i, so its digit is i + 1.
    digits[bit] = sign * (carry === 0 ? (window + 1) >> 1 : (window - 17) >> 1)
    bit += WINDOW - 1
  }
  return { table: oddMultiples(point), digits, perWeight: 1 }
}

/** The point itself. */
export function onceOf(point: Extended): Term {
  return { table: toTable([toAddend(point)]), digits: Int16Array.of(1), perWeight: 1 }
}

export function toTable(addends: readonly Addend[]): Table {
  return addends.flatMap(({ plus, minus, product, twiceZ }) => [plus, minus, product, twiceZ])
}

function addendAt(table: Table, index: number): Addend {
  const at = 4 * index
  return {
    plus: pick(table, at),
    minus: pick(table, at + 1),
    product: pick(table, at + 2),
    twiceZ: table[at + 3],
  }
}

/** An entry that must exist; a recoding that leaves its table is a bug. */
export function pick<T>(table: readonly (T | undefined)[], index: number): T {
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
function oddMultiples(point: Extended): Table {
  const twice = toAddend(toExtended(double(point)))
  let multiple = point
  const addends = Array.from({ length: 4 }, (_, index) => {
    if (index > 0) multiple = toExtended(add(multiple, twice))
    return toAddend(multiple)
  })
  return toTable(addends)
}
