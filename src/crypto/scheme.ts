/**
 * What sr25519 and ed25519 have in common: a signature (R, s) is valid when R equals sB - kA.
 *
 * The schemes differ in how points are encoded, how the challenge k is drawn, and what counts as
 * equal: in ristretto255 any two representatives of one element; in RFC 8032 two points whose
 * multiples by the cofactor are equal (the equation [8]R + [8][k]A = [8][s]B). Both readings
 * ignore torsion, so scalars may be reduced modulo L and the equation may be multiplied by any v
 * that is not 0 modulo L.
 */
import type { EdwardsPoint } from '@noble/curves/abstract/edwards.js'
import type { Comb } from './comb.ts'
import type { Extended } from './edwards.ts'

export interface Scheme {
  readonly name: 'sr25519' | 'ed25519'
  /**
   * The point of a public key; undefined when the encoding is not canonical or the point has small
   * order.
   */
  decodeKey(bytes: Uint8Array): EdwardsPoint | undefined
  /** The point R; undefined when its encoding is not canonical. */
  decodeCommitment(bytes: Uint8Array): EdwardsPoint | undefined
  /**
   * True only when `bytes` is the canonical encoding of this point, or of one that the scheme
   * calls equal. Needs no square root. False says nothing.
   */
  isEncoding(bytes: Uint8Array, point: Extended): boolean
  /** The challenge k modulo L. */
  challenge(message: Uint8Array, publicKey: Uint8Array, commitment: Uint8Array): bigint
  isIdentity(point: EdwardsPoint): boolean
}

/** A decoded public key. `comb` appears when the key has come often enough. */
export interface Key {
  readonly publicKey: Uint8Array
  readonly point: EdwardsPoint
  readonly comb?: Comb | undefined
}
