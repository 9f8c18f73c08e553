/**
 * ed25519: strict RFC 8032, never ZIP-215.
 *
 * R and the key are canonical encodings, s is below L, keys of small order are refused, and the equation is the
 * cofactored one of RFC 8032 section 5.1.7: answer for answer noble's `verify` with `zip215: false`.
 */
import type { EdwardsPoint } from '@noble/curves/abstract/edwards.js'
import { ed25519 as noble } from '@noble/curves/ed25519.js'
import { bytesToNumberLE } from '@noble/curves/utils.js'
import { sha512 } from '@noble/hashes/sha2.js'
import type { Scheme } from './scheme.ts'

export const ed25519: Scheme = {
  name: 'ed25519',
  decodeKey(bytes) {
    const point = decodePoint(bytes)
    return point === undefined || point.isSmallOrder() ? undefined : point
  },
  decodeCommitment: decodePoint,
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
