/**
 * Signing, for the miner's tools and for tests; the worker never imports it.
 *
 * Secrets are involved, so every multiplication is noble's constant-time one. sr25519 expands its
 * 32-byte mini secret the ed25519 way (as every Substrate wallet does) and takes its nonce from
 * the transcript, the secret and fresh randomness, so a broken random source alone does not reveal
 * the key. ed25519 is deterministic and ignores `random`.
 */
import { ed25519, ristretto255 } from '@noble/curves/ed25519.js'
import { bytesToNumberLE } from '@noble/curves/utils.js'
import { sha512 } from '@noble/hashes/sha2.js'
import { concatBytes } from '@noble/hashes/utils.js'
import { drawChallenge, signingTranscript } from './sr25519.ts'

const { Fn } = ed25519.Point
const LABEL_WITNESS = new TextEncoder().encode('signing')
const SCHNORRKEL_MARKER = 0x80

export interface Signer {
  readonly publicKey: Uint8Array
  /** A 64-byte signature of `message`. `random` is 32 fresh bytes, used by sr25519 only. */
  sign(message: Uint8Array, random: Uint8Array): Uint8Array
}

/** A signer from a 32-byte seed. Throws on another length: that is a bug of the caller. */
export function createSigner(seed: Uint8Array, scheme: 'sr25519' | 'ed25519'): Signer {
  if (seed.length !== 32) throw new RangeError('a seed has 32 bytes')
  const secret = seed.slice()
  if (scheme === 'sr25519') return expand(secret)
  return { publicKey: ed25519.getPublicKey(secret), sign: (message) => ed25519.sign(message, secret) }
}

/**
 * An sr25519 signer from a secret key as Bittensor wallets store it: the scalar (canonical, not
 * multiplied by the cofactor as polkadot-js does) and the 32-byte nonce seed. Throws on another
 * length or an impossible scalar.
 */
export function createExpandedSigner(key: Uint8Array): Signer {
  if (key.length !== 64) throw new RangeError('an expanded secret key has 64 bytes')
  const secret = bytesToNumberLE(key.subarray(0, 32))
  if (!Fn.isValidNot0(secret)) throw new RangeError('not a scalar of the group')
  return schnorrkelSigner(secret, key.slice(32))
}

function expand(seed: Uint8Array): Signer {
  const expanded = sha512(seed)
  return schnorrkelSigner(secretScalar(expanded), expanded.slice(32))
}

function schnorrkelSigner(secret: bigint, nonce: Uint8Array): Signer {
  const publicKey = ristretto255.Point.BASE.multiply(secret).toBytes()
  return {
    publicKey: publicKey.slice(),
    sign(message, random) {
      if (random.length !== 32) throw new RangeError('signing takes 32 random bytes')
      const transcript = signingTranscript(message, publicKey)
      const witness = Fn.create(bytesToNumberLE(transcript.witness(LABEL_WITNESS, nonce, random, 64)))
      const commitment = ristretto255.Point.BASE.multiply(witness).toBytes()
      const challenge = drawChallenge(transcript, commitment)
      const signature = concatBytes(commitment, Fn.toBytes(Fn.create(challenge * secret + witness)))
      signature[63] = (signature[63] ?? 0) | SCHNORRKEL_MARKER
      return signature
    },
  }
}

/**
 * `ExpansionMode::Ed25519`: clamped, then divided by the cofactor, which ristretto255 does not
 * need.
 */
function secretScalar(expanded: Uint8Array): bigint {
  const clamped = expanded.slice(0, 32)
  clamped[0] = (clamped[0] ?? 0) & 248
  clamped[31] = ((clamped[31] ?? 0) & 63) | 64
  return Fn.create(bytesToNumberLE(clamped) >> 3n)
}
