/**
 * sr25519: schnorrkel signatures over ristretto255, with the signing context `substrate`.
 *
 * Rules of schnorrkel 0.11 (`sign.rs`, `points.rs`): the key and R are canonical ristretto255
 * encodings, s is canonical, and the challenge comes from a Merlin transcript of context, message,
 * key and R. One rule is ours: the identity key is refused, since with it anyone can sign.
 */
import type { EdwardsPoint } from '@noble/curves/abstract/edwards.js'
import { ed25519, ristretto255 } from '@noble/curves/ed25519.js'
import { bytesToNumberLE } from '@noble/curves/utils.js'
import type { Extended, Projective } from './edwards.ts'
import { invert } from './euclid.ts'
import { Transcript } from './merlin.ts'
import type { Scheme } from './scheme.ts'

const { Fp } = ed25519.Point
const SQRT_M1 = Fp.sqrt(Fp.neg(1n))

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)

const LABEL_MESSAGE = ascii('sign-bytes')
const LABEL_PROTOCOL = ascii('proto-name')
const PROTOCOL = ascii('Schnorr-sig')
const LABEL_KEY = ascii('sign:pk')
const LABEL_COMMITMENT = ascii('sign:R')
const LABEL_CHALLENGE = ascii('sign:c')

/** The transcript of every signature up to its message, absorbed once. */
const SUBSTRATE = signingContext('substrate')

export function signingContext(context: string): Transcript {
  const transcript = Transcript.start('SigningContext')
  transcript.append(ascii(''), ascii(context))
  return transcript
}

/** The transcript before R is known, which is where a signer draws its witness. */
export function signingTranscript(message: Uint8Array, publicKey: Uint8Array): Transcript {
  const transcript = SUBSTRATE.copy()
  transcript.append(LABEL_MESSAGE, message)
  transcript.append(LABEL_PROTOCOL, PROTOCOL)
  transcript.append(LABEL_KEY, publicKey)
  return transcript
}

/** Commits to R and draws the challenge, reduced modulo L from 512 bits. */
export function drawChallenge(transcript: Transcript, commitment: Uint8Array): bigint {
  transcript.append(LABEL_COMMITMENT, commitment)
  return ed25519.Point.Fn.create(bytesToNumberLE(transcript.challenge(LABEL_CHALLENGE, 64)))
}

export const sr25519: Scheme = {
  name: 'sr25519',
  decodeKey(bytes) {
    const point = decodeRistretto(bytes)
    return point === undefined || isRistrettoIdentity(point) ? undefined : point
  },
  decodeCommitment: decodeRistretto,
  isEncoding,
  challenge: (message, publicKey, commitment) =>
    drawChallenge(signingTranscript(message, publicKey), commitment),
  isIdentity: isRistrettoIdentity,
}

/**
 * The Edwards representative noble chose: the walk works on it, and the answer is read as
 * ristretto again.
 */
function decodeRistretto(bytes: Uint8Array): EdwardsPoint | undefined {
  try {
    // A decoded point has Z = 1, so 1 is the inverse that toAffine asks for.
    return ed25519.Point.fromAffine(ristretto255.Point.fromBytes(bytes).toAffine(1n))
  } catch {
    return undefined
  }
}

/**
 * Bytes s decode to the point with y = (1 - s^2) / (1 + s^2) whose x and xy are even (RFC 9496,
 * section 4.3.1). The same element of ristretto255 is written (x, y), (-x, -y), (iy, ix) or (-iy,
 * -ix): is one of these that point?
 */
function isEncoding(bytes: Uint8Array, { X, Y, Z }: Extended): boolean {
  const s = bytesToNumberLE(bytes)
  if (s >= Fp.ORDER || isOdd(s)) return false
  const ss = Fp.sqr(s)
  return isDecoded(ss, { X, Y, Z }) || isDecoded(ss, { X: Fp.mul(SQRT_M1, Y), Y: Fp.mul(SQRT_M1, X), Z })
}

/** Whether (x, y) or (-x, -y) is what s decodes to. The inverse is made only for a y that fits. */
function isDecoded(ss: bigint, { X, Y, Z }: Projective): boolean {
  const left = Fp.mul(Y, 1n + ss)
  const right = Fp.mul(Z, 1n - ss)
  if ((left !== right && left + right !== Fp.ORDER) || Y === 0n) return false
  const inverse = invert(Z, Fp.ORDER)
  const x = Fp.mul(X, inverse)
  const xy = Fp.mul(x, Fp.mul(Y, inverse))
  return !isOdd(left === right ? x : Fp.neg(x)) && !isOdd(xy)
}

function isOdd(value: bigint): boolean {
  return (value & 1n) === 1n
}

function isRistrettoIdentity(point: EdwardsPoint): boolean {
  return new ristretto255.Point(point).is0()
}
