/** Points for the curve's formulas: random ones, those of small order, and sums of both. */
import type { EdwardsPoint } from '@noble/curves/abstract/edwards.js'
import { ed25519 } from '@noble/curves/ed25519.js'
import { bytesToNumberLE } from '@noble/curves/utils.js'
import type { Extended } from '../../src/crypto/edwards.ts'
import type { Random } from './random.ts'

const { Point } = ed25519
const { Fn, Fp, BASE } = Point

const ORDER_EIGHT = Point.fromHex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a')

/** The eight points whose order divides the cofactor, from the identity on. */
export const SMALL_ORDER: readonly EdwardsPoint[] = Array.from({ length: 8 }, (_, times) =>
  ORDER_EIGHT.multiplyUnsafe(BigInt(times)),
)

export function anyScalar(random: Random): bigint {
  return Fn.create(bytesToNumberLE(random.bytes(64)))
}

export function anyPoint(random: Random): EdwardsPoint {
  return BASE.multiplyUnsafe(anyScalar(random))
}

/** The same point with coordinates multiplied by a random factor. */
export function rescaled(random: Random, { X, Y, Z, T }: EdwardsPoint): EdwardsPoint {
  const factor = Fp.create(bytesToNumberLE(random.bytes(40))) || 1n
  return new Point(Fp.mul(X, factor), Fp.mul(Y, factor), Fp.mul(Z, factor), Fp.mul(T, factor))
}

/** noble's point; throws for coordinates that noble refuses, and for a T that is not XY/Z. */
export function toPoint({ X, Y, Z, T }: Extended): EdwardsPoint {
  const point = new Point(X, Y, Z, T)
  if (!point.is0()) point.assertValidity()
  return point
}

export const sameModuloTorsion = (one: EdwardsPoint, other: EdwardsPoint): boolean =>
  one.subtract(other).isSmallOrder()
