/**
 * What sr25519 and ed25519 have in common: a signature (R, s) is valid when R + kA - sB is the identity.
 *
 * The schemes differ in how points are encoded, how the challenge k is drawn, and what counts as the identity: in
 * ristretto255 any representative of the neutral element; in RFC 8032 a point whose multiple by the cofactor is neutral
 * (the equation [8]R + [8][k]A = [8][s]B). Both readings ignore torsion, so scalars may be reduced modulo L and
 * the equation may be multiplied by any v that is not 0 modulo L.
 */
import type { EdwardsPoint } from '@noble/curves/abstract/edwards.js'
import { ed25519 } from '@noble/curves/ed25519.js'
import { bytesToNumberLE } from '@noble/curves/utils.js'
import { addCombMultiple, buildComb, type Comb } from './comb.ts'
import { halve } from './half-size.ts'
import { PointSum } from './point-sum.ts'

const { Fn, BASE } = ed25519.Point

/**
 * The table of -B, which every verification uses, built at start-up without randomness.
 *
 *   teeth/columns/blocks  points  build ms  verify us, cold and hot (fastest of seven)
 *   8/32/3                   384       1.5  325  139
 *   9/29/3                   768       1.6  317  135
 *   10/26/2                 1024       2.2  314  136
 *   11/23/2                 2048       4.2  313  131
 *   12/22/2                 4096       9.0  312  132
 *
 * 2048 points are about 320 KB, once for each isolate.
 */
const NEGATIVE_BASE = buildComb(BASE.negate(), { teeth: 11, columns: 23, blocks: 2 })

export interface Scheme {
  readonly name: 'sr25519' | 'ed25519'
  /** The point of a public key; undefined when the encoding is not canonical or the point has small order. */
  decodeKey(bytes: Uint8Array): EdwardsPoint | undefined
  /** The point R; undefined when its encoding is not canonical. */
  decodeCommitment(bytes: Uint8Array): EdwardsPoint | undefined
  /** The challenge k modulo L. */
  challenge(message: Uint8Array, publicKey: Uint8Array, commitment: Uint8Array): bigint
  isIdentity(point: EdwardsPoint): boolean
}

/** A decoded public key. `table` appears when the key has come often enough. */
export interface Key {
  readonly publicKey: Uint8Array
  readonly point: EdwardsPoint
  readonly table?: Comb | undefined
}

/** R as sent and as a point, and s below L. */
export interface Signature {
  readonly commitment: Uint8Array
  readonly point: EdwardsPoint
  readonly s: bigint
}

/** Splits 64 bytes, the marker bit already cleared; undefined for a bad R or an s of L and more. */
export function decodeSignature(scheme: Scheme, bytes: Uint8Array): Signature | undefined {
  const s = bytesToNumberLE(bytes.subarray(32, 64))
  if (!Fn.isValid(s)) return undefined
  const commitment = bytes.subarray(0, 32)
  const point = scheme.decodeCommitment(commitment)
  return point && { commitment, point, s }
}

/**
 * Is R + kA - sB the identity, for a message? The answer may be asked for several messages of one signature: with a
 * table, a further message adds only (k2 - k1)A to the point the first one left, which makes a wrong signature cheaper.
 */
export function equationOf(scheme: Scheme, key: Key, signature: Signature): (message: Uint8Array) => boolean {
  let known: { readonly k: bigint; readonly total: EdwardsPoint } | undefined
  return (message) => {
    const k = scheme.challenge(message, key.publicKey, signature.commitment)
    if (key.table === undefined) return scheme.isIdentity(totalTimesV(key.point, signature, k))
    const sum = new PointSum()
    sum.add(0, known?.total ?? signature.point)
    addCombMultiple(sum, key.table, known ? Fn.sub(k, known.k) : k)
    if (known === undefined) addCombMultiple(sum, NEGATIVE_BASE, signature.s)
    known = { k, total: sum.total() }
    return scheme.isIdentity(known.total)
  }
}

/** v(R + kA - sB) with 127 doublings: see half-size.ts. */
function totalTimesV(keyPoint: EdwardsPoint, { point, s }: Signature, k: bigint): EdwardsPoint {
  const { u, v } = halve(k)
  const sum = new PointSum()
  sum.addMultiple(keyPoint, u)
  sum.addMultiple(v < 0n ? point.negate() : point, v < 0n ? -v : v)
  addCombMultiple(sum, NEGATIVE_BASE, Fn.create(v * s))
  return sum.total()
}
