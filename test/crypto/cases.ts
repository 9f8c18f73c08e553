/**
 * Random and mutated signatures, made from a seed: everything a forger could send that differs in
 * kind.
 *
 * A round takes one fresh key of each scheme and yields every kind of case for it. Where a case
 * needs a nonce or a transcript that an honest signer never makes, it is signed here by hand.
 */
import type { EdwardsPoint } from '@noble/curves/abstract/edwards.js'
import { ed25519, ristretto255 } from '@noble/curves/ed25519.js'
import { bytesToNumberLE } from '@noble/curves/utils.js'
import { sha512 } from '@noble/hashes/sha2.js'
import { concatBytes, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { Transcript } from '../../src/crypto/merlin.ts'
import { createSigner, type Signer } from '../../src/crypto/sign.ts'
import { wrap } from './oracles.ts'
import type { Random } from './random.ts'

const { Fn, Fp } = ed25519.Point
const MARKER = 0x80

export interface Case {
  readonly kind: string
  readonly publicKey: Uint8Array
  readonly message: Uint8Array
  readonly signature: Uint8Array
}

/** A point of order 8, and the encodings of all points of small order, canonical or not. */
const ORDER_EIGHT = ed25519.Point.fromHex('c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a')
const SMALL_ORDER = [
  '0100000000000000000000000000000000000000000000000000000000000000',
  '0100000000000000000000000000000000000000000000000000000000000080',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  '0000000000000000000000000000000000000000000000000000000000000000',
  '0000000000000000000000000000000000000000000000000000000000000080',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  'eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85',
].map(hexToBytes)

const flip = (bytes: Uint8Array, bit: number): Uint8Array => {
  const copy = bytes.slice()
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  return copy
}

const join = (commitment: Uint8Array, s: bigint, marker: number): Uint8Array => {
  const signature = concatBytes(commitment, Fp.toBytes(s))
  signature[63] = (signature[63] ?? 0) | marker
  return signature
}

/**
 * The 256-bit number plus the field's order, when that still fits: another spelling of the same
 * residue.
 */
function respell(bytes: Uint8Array): Uint8Array {
  const value = bytesToNumberLE(bytes) + Fp.ORDER
  return value < 2n ** 256n ? Fp.toBytes(value) : flip(bytes, 255)
}

export function* casesOf(random: Random, rounds: number): Generator<Case> {
  for (let round = 0; round < rounds; round++) {
    const seed = random.bytes(32)
    for (const scheme of ['sr25519', 'ed25519'] as const) {
      const signer = createSigner(seed, scheme)
      const message = random.bytes(random.below(300))
      const tag = (cases: Iterable<Case>): Case[] =>
        [...cases].map((one) => ({ ...one, kind: `${scheme} ${one.kind}` }))
      yield* tag(mutations(random, signer, message, scheme, round))
      yield* tag(
        scheme === 'sr25519' ? ofSchnorrkel(random, seed, message) : ofEd25519(random, seed, message),
      )
    }
  }
}

function* mutations(
  random: Random,
  signer: Signer,
  message: Uint8Array,
  scheme: 'sr25519' | 'ed25519',
  round: number,
): Generator<Case> {
  const { publicKey } = signer
  const signature = signer.sign(message, random.bytes(32))
  const marker = scheme === 'sr25519' ? MARKER : 0
  const commitment = signature.slice(0, 32)
  const s = bytesToNumberLE(signature.slice(32)) % 2n ** 255n
  const valid = { publicKey, message, signature }
  yield { kind: 'valid', ...valid }
  yield { kind: 'wrapped', ...valid, signature: signer.sign(wrap(message), random.bytes(32)) }
  // 32 rounds walk through all 512 positions.
  for (let step = 0; step < 16; step++) {
    yield { kind: 'bit flipped', ...valid, signature: flip(signature, (round * 16 + step) % 512) }
  }
  yield { kind: 'halves swapped', ...valid, signature: concatBytes(signature.slice(32), commitment) }
  yield { kind: 's + L', ...valid, signature: join(commitment, s + Fn.ORDER, marker) }
  yield { kind: 's + 2L', ...valid, signature: join(commitment, s + 2n * Fn.ORDER, marker) }
  yield { kind: 's negated', ...valid, signature: join(commitment, Fn.neg(s), marker) }
  yield { kind: 's is zero', ...valid, signature: join(commitment, 0n, marker) }
  yield { kind: 's is L', ...valid, signature: join(commitment, Fn.ORDER, marker) }
  yield { kind: 'marker inverted', ...valid, signature: flip(signature, 511) }
  yield { kind: 'R respelled', ...valid, signature: join(respell(commitment), s, marker) }
  yield { kind: 'R negated', ...valid, signature: join(Fp.toBytes(Fp.neg(R(commitment))), s, marker) }
  yield { kind: 'R is zero', ...valid, signature: join(new Uint8Array(32), s, marker) }
  yield { kind: 'R of small order', ...valid, signature: join(anySmallOrder(random), s, marker) }
  yield { kind: 'R random', ...valid, signature: join(random.bytes(32), s, marker) }
  yield {
    kind: 'all random',
    ...valid,
    signature: join(random.bytes(32), bytesToNumberLE(random.bytes(31)), marker),
  }
  yield { kind: 'message random', ...valid, message: random.bytes(message.length) }
  yield { kind: 'message changed', ...valid, message: concatBytes(message, random.bytes(1)) }
  yield { kind: 'message wrapped by the sender', ...valid, message: wrap(message) }
  yield { kind: 'key flipped', ...valid, publicKey: flip(publicKey, random.below(256)) }
  yield { kind: 'key respelled', ...valid, publicKey: respell(publicKey) }
  yield { kind: 'key of another', ...valid, publicKey: createSigner(random.bytes(32), scheme).publicKey }
  yield { kind: 'key random', ...valid, publicKey: random.bytes(32) }
  yield* forgedForWeakKeys(random, message, marker)
}

/**
 * With the identity as key, R = sB satisfies the equation for every message; with small order, for
 * some.
 */
function* forgedForWeakKeys(random: Random, message: Uint8Array, marker: number): Generator<Case> {
  const s = Fn.create(bytesToNumberLE(random.bytes(64)))
  const point = ed25519.Point.BASE.multiplyUnsafe(s)
  const commitment = marker === MARKER ? new ristretto255.Point(point).toBytes() : point.toBytes()
  const identity = new Uint8Array(32)
  if (marker === 0) identity[0] = 1
  yield { kind: 'identity key', publicKey: identity, message, signature: join(commitment, s, marker) }
  yield {
    kind: 'small-order key',
    publicKey: anySmallOrder(random),
    message,
    signature: join(commitment, s, marker),
  }
}

/** Signatures that need a transcript or a nonce of their own. */
function* ofSchnorrkel(random: Random, seed: Uint8Array, message: Uint8Array): Generator<Case> {
  const a = expandSecret(seed)
  const publicKey = ristretto255.Point.BASE.multiply(a).toBytes()
  const r = Fn.create(bytesToNumberLE(random.bytes(64)))
  const sign = (context: string, nonce: bigint, encode: (p: EdwardsPoint) => Uint8Array): Uint8Array => {
    const commitment = encode(ed25519.Point.BASE.multiplyUnsafe(nonce))
    const transcript = Transcript.start('SigningContext')
    transcript.append(utf8ToBytes(''), utf8ToBytes(context))
    transcript.append(utf8ToBytes('sign-bytes'), message)
    transcript.append(utf8ToBytes('proto-name'), utf8ToBytes('Schnorr-sig'))
    transcript.append(utf8ToBytes('sign:pk'), publicKey)
    transcript.append(utf8ToBytes('sign:R'), commitment)
    const k = Fn.create(bytesToNumberLE(transcript.challenge(utf8ToBytes('sign:c'), 64)))
    return join(commitment, Fn.create(nonce + k * a), MARKER)
  }
  const ristretto = (point: EdwardsPoint): Uint8Array => new ristretto255.Point(point).toBytes()
  yield { kind: 'signed by hand', publicKey, message, signature: sign('substrate', r, ristretto) }
  yield { kind: 'other context', publicKey, message, signature: sign('base-sr25519-v1', r, ristretto) }
  yield { kind: 'R is the identity', publicKey, message, signature: sign('substrate', 0n, ristretto) }
  yield {
    kind: 'R negative, signed over',
    publicKey,
    message,
    signature: sign('substrate', r, (p) => negative(ristretto(p))),
  }
  yield {
    kind: 'R respelled, signed over',
    publicKey,
    message,
    signature: sign('substrate', r, (p) => respell(ristretto(p))),
  }
  yield {
    kind: 'R as Edwards point',
    publicKey,
    message,
    signature: sign('substrate', r, (p) => p.toBytes()),
  }
}

/** Torsion: the cofactored equation of RFC 8032 accepts it in R and in the key, and so must we. */
function* ofEd25519(random: Random, seed: Uint8Array, message: Uint8Array): Generator<Case> {
  const a = ed25519.utils.getExtendedPublicKey(seed).scalar
  const r = Fn.create(bytesToNumberLE(random.bytes(64)))
  const torsion = (): EdwardsPoint => ORDER_EIGHT.multiplyUnsafe(BigInt(random.below(8)))
  const sign = (keyTorsion: EdwardsPoint, commitment: Uint8Array, nonce = r): Omit<Case, 'kind'> => {
    const publicKey = ed25519.Point.BASE.multiply(a).add(keyTorsion).toBytes()
    const k = Fn.create(bytesToNumberLE(sha512(concatBytes(commitment, publicKey, message))))
    return { publicKey, message, signature: join(commitment, Fn.create(nonce + k * a), 0) }
  }
  const { ZERO, BASE } = ed25519.Point
  yield { kind: 'signed by hand', ...sign(ZERO, BASE.multiply(r).toBytes()) }
  yield { kind: 'torsion in R', ...sign(ZERO, BASE.multiply(r).add(torsion()).toBytes()) }
  yield { kind: 'torsion in the key', ...sign(torsion(), BASE.multiply(r).toBytes()) }
  yield { kind: 'torsion in both', ...sign(torsion(), BASE.multiply(r).add(torsion()).toBytes()) }
  yield { kind: 'small-order R, signed over', ...sign(ZERO, anySmallOrder(random), 0n) }
}

const R = (bytes: Uint8Array): bigint => Fp.create(bytesToNumberLE(bytes))
const negative = (bytes: Uint8Array): Uint8Array => Fp.toBytes(Fp.neg(R(bytes)))
const anySmallOrder = (random: Random): Uint8Array =>
  SMALL_ORDER[random.below(SMALL_ORDER.length)] ?? new Uint8Array(32)

function expandSecret(seed: Uint8Array): bigint {
  const clamped = sha512(seed).slice(0, 32)
  clamped[0] = (clamped[0] ?? 0) & 248
  clamped[31] = ((clamped[31] ?? 0) & 63) | 64
  return bytesToNumberLE(clamped) >> 3n
}
