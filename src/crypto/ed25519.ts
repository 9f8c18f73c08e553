/**
 * ed25519: strict RFC 8032, never ZIP-215.
 *
 * R and the key are canonical encodings, s is below L, keys of small order are refused, and the
 * equation is the cofactored one of RFC 8032 section 5.1.7: answer for answer noble's `verify`
 * with `zip215: false`.
 */
import type { EdwardsPoint } from '@noble/curves/abstract/edwards.js'
import { ed25519 as noble } from '@noble/curves/ed25519.js'
import { bytesToNumberLE } from '@noble/curves/utils.js'
import { sha512 } from '@noble/hashes/sha2.js'
import { invert } from './euclid.ts'
import type { Scheme } from './scheme.ts'

const { Fp } = noble.Point
/** The encoding is y in 255 bits, then the parity of x. */
const MAX_Y = 2n ** 255n - 1n

export const ed25519: Scheme = {
  name: 'ed25519',
  decodeKey(bytes) {
    const point = decodePoint(bytes)
    return point === undefined || point.isSmallOrder() ? undefined : point
  },
  decodeCommitment: decodePoint,
  /**
   * y = Y/Z, and x = X/Z has the parity of the last bit. With it R = sB - kA without the cofactor,
   * which implies the rest.
   */
  isEncoding(bytes, { X, Y, Z }) {
    const encoded = bytesToNumberLE(bytes)
    const y = encoded & MAX_Y
    if (y >= Fp.ORDER || Fp.mul(y, Z) !== Y) return false
    return ((Fp.mul(X, invert(Z, Fp.ORDER)) & 1n) === 1n) === encoded > MAX_Y
  },
  challenge(message, publicKey, commitment) {
    const digest = sha512.create().update(commitment).update(publicKey).update(message).digest()
    return noble.Point.Fn.create(bytesToNumberLE(digest))
  },
  isIdentity: (point) => point.isSmallOrder(),
}

function decodePoint(bytes: Uint8Array): EdwardsPoint | undefined {
  try {
    return noble.Point.fromBytes(bytes, false)
  } catch {
    return undefined
  }
}
