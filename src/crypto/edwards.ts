/**
 * Formulas of the curve edwards25519, -x^2 + y^2 = 1 + d x^2 y^2, for public points only: their
 * time shows what they compute. Signing must never use this file.
 *
 * Curve and field are noble's. Inside the formulas a product is reduced by `%`, which keeps its
 * sign, and a sum is left as it is until the next product: noble's `Fp.mul` also makes each result
 * positive and takes a fifth longer (workerd). `toCanonical` gives coordinates that noble takes.
 *
 * A point is X : Y : Z : T with x = X/Z, y = Y/Z and xy = T/Z, as noble keeps it. A formula ends
 * with the two fractions x = E/G and y = H/F; what comes next decides what is made of them, and a
 * doubling needs no T. M is one multiplication.
 *
 * Sources: Hisil, Wong, Carter, Dawson, "Twisted Edwards Curves Revisited" (ASIACRYPT 2008),
 * sections 3.1 and 3.3, as dbl-2008-hwcd, add-2008-hwcd-3 and madd-2008-hwcd-3 of
 * hyperelliptic.org/EFD/g1p/auto-twisted-extended-1.html; the fractions are `ge_p1p1` of
 * Bernstein, Duif, Lange, Schwabe, Yang, "High-speed high-security signatures" (2011).
 */
import { FpInvertBatch } from '@noble/curves/abstract/modular.js'
import { ed25519 } from '@noble/curves/ed25519.js'

const { Fp } = ed25519.Point
const P = Fp.ORDER
const TWICE_D = Fp.mul(2n, ed25519.Point.CURVE().d)

export interface Projective {
  readonly X: bigint
  readonly Y: bigint
  readonly Z: bigint
}

/** noble's `EdwardsPoint` is one too. */
export interface Extended extends Projective {
  readonly T: bigint
}

/** x = E/G and y = H/F. */
export interface Fractions {
  readonly E: bigint
  readonly F: bigint
  readonly G: bigint
  readonly H: bigint
}

/** What an addition reads of its second point: Y+X, Y-X, 2dT and 2Z. */
export interface Addend {
  readonly plus: bigint
  readonly minus: bigint
  readonly product: bigint
  /** Undefined: 1, and all four are halved, which no fraction shows. */
  readonly twiceZ: bigint | undefined
}

/** 0/1 and 1/1. */
export const IDENTITY: Fractions = { E: 0n, F: 1n, G: 1n, H: 1n }

/** 3 M. */
export function toProjective({ E, F, G, H }: Fractions): Projective {
  return { X: (E * F) % P, Y: (G * H) % P, Z: (F * G) % P }
}

/** 4 M. */
export function toExtended({ E, F, G, H }: Fractions): Extended {
  return { X: (E * F) % P, Y: (G * H) % P, Z: (F * G) % P, T: (E * H) % P }
}

/** The same coordinates from 0 to P - 1. */
export function toCanonical({ X, Y, Z, T }: Extended): Extended {
  return { X: Fp.create(X), Y: Fp.create(Y), Z: Fp.create(Z), T: Fp.create(T) }
}

/** 1 M. */
export function toAddend({ X, Y, Z, T }: Extended): Addend {
  return { plus: Y + X, minus: Y - X, product: (T * TWICE_D) % P, twiceZ: Z + Z }
}

/** The same points with Z = 1, which saves 1 M an addition: 7 M each and one inversion in all. */
export function toUnitAddends(points: readonly Extended[]): Addend[] {
  const inverses = FpInvertBatch(
    Fp,
    points.map(({ Z }) => Z + Z),
    true,
  )
  return points.map(({ X, Y, T }, index) => {
    const inverse = inverses[index] ?? 0n
    return {
      plus: Fp.mul(Y + X, inverse),
      minus: Fp.mul(Y - X, inverse),
      product: Fp.mul(Fp.mul(T, inverse), TWICE_D),
      twiceZ: undefined,
    }
  })
}

/** 4 M: x = 2xy / (y^2 - x^2), y = (y^2 + x^2) / (2 - (y^2 - x^2)). */
export function double({ X, Y, Z }: Projective): Fractions {
  const xx = (X * X) % P
  const yy = (Y * Y) % P
  const zz = (Z * Z) % P
  const xy = (X * Y) % P
  const G = yy - xx
  return { E: xy + xy, F: zz + zz - G, G, H: yy + xx }
}

/**
 * 4 M, or 3 M when the addend's Z is 1: x = (x1 y2 + y1 x2) / (1 + d x1 x2 y1 y2), y = (y1 y2 + x1
 * x2) / (1 - d ...).
 */
export function add({ X, Y, Z, T }: Extended, { plus, minus, product, twiceZ }: Addend): Fractions {
  const A = ((Y - X) * minus) % P
  const B = ((Y + X) * plus) % P
  const C = (T * product) % P
  const D = twiceZ === undefined ? Z : (Z * twiceZ) % P
  return { E: B - A, F: D - C, G: D + C, H: B + A }
}

/** The same with the addend's negative (-x, y). */
export function subtract({ X, Y, Z, T }: Extended, { plus, minus, product, twiceZ }: Addend): Fractions {
  const A = ((Y - X) * plus) % P
  const B = ((Y + X) * minus) % P
  const C = (T * product) % P
  const D = twiceZ === undefined ? Z : (Z * twiceZ) % P
  return { E: B - A, F: D + C, G: D - C, H: B + A }
}
