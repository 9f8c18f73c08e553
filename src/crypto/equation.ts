/**
 * Is a signature (R, s) one of a key A, for a message or for the next form of it? R = sB - kA,
 * twice computed.
 *
 * A key with a comb: sB - kA is summed up, and R's bytes are compared with how that point is
 * written. This comparison only accepts. What it does not accept goes the long way: R is decoded
 * and the difference has to be the identity. A key without: v(R + kA - sB) has to be the identity,
 * with half-size u and v (half-size.ts).
 */
import { ed25519 } from '@noble/curves/ed25519.js'
import { bytesToNumberLE } from '@noble/curves/utils.js'
import { buildComb, type Comb, combMultiple } from './comb.ts'
import type { Extended } from './edwards.ts'
import { halve } from './half-size.ts'
import { multipleOf, onceOf, sumOf, type Term } from './point-sum.ts'
import type { Key, Scheme } from './scheme.ts'

const { Point } = ed25519
const { Fn, BASE } = Point

/**
 * For the base point, which every verification multiplies: 23 additions and about 300 KB, once for
 * each isolate. A comb of 384 points (8/32/3) takes 32 additions, one of 4096 (12/22/2) takes 22
 * and twice the time to build.
 */
const BASE_SHAPE = { teeth: 11, columns: 23, blocks: 2 }
/** Built by the first verification, which is the self-test of start-up.ts. */
let baseComb: Comb | undefined

/**
 * `signature` is 64 bytes, its marker bit already cleared. `forms` are the messages that would do.
 */
export function signsAny(
  scheme: Scheme,
  key: Key,
  signature: Uint8Array,
  forms: Iterable<Uint8Array>,
): boolean {
  const commitment = signature.subarray(0, 32)
  const s = bytesToNumberLE(signature.subarray(32, 64))
  if (!Fn.isValid(s)) return false
  const signed = { scheme, key, commitment, s, forms }
  return key.comb === undefined ? solvesHalved(signed) : solvesByComb(signed, key.comb)
}

interface Signed {
  readonly scheme: Scheme
  readonly key: Key
  readonly commitment: Uint8Array
  /** Below L. */
  readonly s: bigint
  readonly forms: Iterable<Uint8Array>
}

/** A further form adds only (k1 - k2)A to the point that the last one left. */
function solvesByComb({ scheme, key, commitment, s, forms }: Signed, comb: Comb): boolean {
  const sums: Extended[] = []
  let lastK = 0n
  for (const message of forms) {
    const k = scheme.challenge(message, key.publicKey, commitment)
    const last = sums.at(-1)
    const rest = last === undefined ? baseMultiple(s) : onceOf(last)
    const sum = sumOf([combMultiple(comb, Fn.sub(lastK, k)), rest])
    if (scheme.isEncoding(commitment, sum)) return true
    sums.push(sum)
    lastK = k
  }
  const point = scheme.decodeCommitment(commitment)
  return point !== undefined && sums.some((sum) => scheme.isIdentity(point.subtract(toPoint(sum))))
}

/** v(R + kA - sB) with 127 doublings. */
function solvesHalved({ scheme, key, commitment, s, forms }: Signed): boolean {
  const point = scheme.decodeCommitment(commitment)
  if (point === undefined) return false
  for (const message of forms) {
    const { u, v } = halve(scheme.challenge(message, key.publicKey, commitment))
    const sum = sumOf([multipleOf(key.point, u), multipleOf(point, v), baseMultiple(Fn.create(-v * s))])
    if (scheme.isIdentity(toPoint(sum))) return true
  }
  return false
}

function baseMultiple(scalar: bigint): Term {
  baseComb ??= buildComb(BASE, BASE_SHAPE)
  return combMultiple(baseComb, scalar)
}

/** noble's point. */
function toPoint({ X, Y, Z, T }: Extended) {
  return new Point(X, Y, Z, T)
}
