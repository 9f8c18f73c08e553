/**
 * Euclid's algorithm for long public numbers, by Lehmer's method: its time shows what it computes.
 *
 * Quotients of two long numbers depend mostly on their leading bits. Those are read into doubles,
 * where a run of quotients is found and collected in a matrix, so one pass of long arithmetic does
 * the work of about fifteen.
 *
 * Source: Knuth, "The Art of Computer Programming", volume 2, section 4.5.2, algorithm L. Both
 * bounds of a quotient have to agree there before it is used; numbers that fit a double whole need
 * no bounds.
 */

/** Leading bits that are read. A double holds 53 exactly, and the bounds add one. */
const LEADING_BITS = 52

/** A run of steps: x becomes ax + by, and y becomes cx + dy. */
interface Run {
  readonly a: bigint
  readonly b: bigint
  readonly c: bigint
  readonly d: bigint
}

const float = new Float64Array(1)
const halves = new Uint32Array(float.buffer)

/**
 * The first remainder of Euclid's algorithm on (modulus, value) that is below `bound`, and a
 * factor with remainder = factor * value modulo `modulus`. 0 < value < modulus and 2 <= bound.
 */
export function remainderBelow(
  bound: bigint,
  modulus: bigint,
  value: bigint,
): { readonly remainder: bigint; readonly factor: bigint } {
  let x = modulus
  let y = value
  let u = 0n
  let v = 1n
  while (y >= bound) {
    const { a, b, c, d } = runOf(x, y, Number(bound)) ?? oneStep(x, y)
    const nextX = a * x + b * y
    const nextU = a * u + b * v
    y = c * x + d * y
    v = c * u + d * v
    x = nextX
    u = nextU
  }
  return { remainder: y, factor: v }
}

/** 1 / value modulo a prime, for 0 < value < modulus. Throws for 0. */
export function invert(value: bigint, modulus: bigint): bigint {
  const { remainder, factor } = remainderBelow(2n, modulus, value)
  if (remainder !== 1n) throw new RangeError('a number without an inverse')
  return factor < 0n ? factor + modulus : factor
}

function oneStep(x: bigint, y: bigint): Run {
  return { a: 0n, b: 1n, c: 1n, d: -(x / y) }
}

/**
 * The steps that leading bits show and that leave y at `bound` or above; undefined when there is
 * none.
 */
function runOf(x: bigint, y: bigint, bound: number): Run | undefined {
  const shift = Math.max(0, bitsOf(x) - LEADING_BITS)
  const error = shift === 0 ? 0 : 1
  const least = bound / 2 ** shift
  let p = Number(x >> BigInt(shift))
  let q = Number(y >> BigInt(shift))
  let a = 1
  let b = 0
  let c = 0
  let d = 1
  while (q + error * c > 0 && q + error * d > 0) {
    const quotient = Math.floor((p + error * a) / (q + error * c))
    if (quotient !== Math.floor((p + error * b) / (q + error * d))) break
    const nextC = a - quotient * c
    const nextD = b - quotient * d
    const next = p - quotient * q
    if (next + error * Math.min(nextC, nextD) < least) break
    a = c
    b = d
    c = nextC
    d = nextD
    p = q
    q = next
  }
  return b === 0 ? undefined : { a: BigInt(a), b: BigInt(b), c: BigInt(c), d: BigInt(d) }
}

/** Bits of a positive number, or one more where rounding to a double carries. */
function bitsOf(value: bigint): number {
  float[0] = Number(value)
  return ((halves[1] ?? 0) >>> 20) - 1022
}
