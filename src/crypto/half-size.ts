/**
 * Halving a challenge: k = u / v modulo the group order, with u and v of half the length.
 *
 * R + kA = sB holds if and only if vR + uA = (vs)B, because v is invertible modulo the prime
 * order. With u and v below 2^127 the two points without a table need 127 doublings rather than
 * 253 (B has a table and needs none). Source: Antipa, Brown, Gallant, Lambert, Struik, Vanstone,
 * "Accelerated Verification of ECDSA Signatures" (SAC 2005); the pair is where the extended
 * Euclidean algorithm on (L, k) passes the square root of L.
 */
import { ed25519 } from '@noble/curves/ed25519.js'
import { remainderBelow } from './euclid.ts'

const ORDER = ed25519.Point.Fn.ORDER
/** Slightly above the square root of L = 2^252 + ..., so both halves fit 127 bits. */
const HALF = 1n << 127n

export interface Halves {
  /** 0 <= u < 2^127 */
  readonly u: bigint
  /** 0 < |v| <= L / 2^127 */
  readonly v: bigint
}

/** u and v with u = v * k modulo L, for 0 <= k < L. */
export function halve(k: bigint): Halves {
  const { remainder: u, factor: v } = remainderBelow(HALF, ORDER, k)
  return { u, v }
}
