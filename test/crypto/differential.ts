/**
 * One case, all verifiers: ours without memory, ours with a comb of the key, the comparison by
 * encoding alone, and the others'.
 *
 * The comparison by encoding only ever accepts. For sr25519 it says what the verifier says; for
 * ed25519 it leaves those out that only the cofactor makes valid. One difference to others is on
 * purpose. With the identity as public key, sB = R signs every message; schnorrkel accepts it,
 * @scure/sr25519 refuses it, and so do we, because such a signature proves nothing about its
 * sender.
 */
import { ed25519 as noble } from '@noble/curves/ed25519.js'
import { bytesToNumberLE } from '@noble/curves/utils.js'
import { buildComb, combMultiple } from '../../src/crypto/comb.ts'
import { ed25519 } from '../../src/crypto/ed25519.ts'
import { sumOf } from '../../src/crypto/point-sum.ts'
import { createVerifier, type Verifier, verifySignature } from '../../src/crypto/signature.ts'
import { sr25519 } from '../../src/crypto/sr25519.ts'
import type { Case } from './cases.ts'
import { nobleStrictVerify, schnorrkelVerify, scureVerify, wrap } from './oracles.ts'

const { Fn, BASE } = noble.Point
/** Small: it is built again for each key. */
const SHAPE = { teeth: 4, columns: 64, blocks: 1 }
const BASE_COMB = buildComb(BASE, SHAPE)

/** A comb on first sight, so that every later case of the key takes the hot path. */
export function createEagerVerifier(): Verifier {
  return createVerifier({ maxKeys: 8, maxBytes: 1 << 20, combAfter: 1 })
}

export interface Outcome {
  readonly answer: boolean
  /** What disagreed; empty when all agree. */
  readonly disagreements: readonly string[]
  readonly named: boolean
  readonly byEncoding: boolean
}

export function compare(hot: Verifier, { publicKey, message, signature }: Case): Outcome {
  const answer = verifySignature(publicKey, message, signature)
  const disagreements: string[] = []
  // A valid signature makes the comb, so it is asked again to see what the comb says.
  for (let times = answer ? 2 : 1; times > 0; times--) {
    const cached = hot(publicKey, message, signature, { registered: true })
    if (cached !== answer) disagreements.push(`cached says ${cached}`)
  }
  const byEncoding = acceptsByEncoding({ publicKey, message, signature })
  const edwards = ((signature[63] ?? 0) & 0x80) === 0
  if (byEncoding !== answer && (byEncoding || !edwards)) disagreements.push(`by encoding: ${byEncoding}`)
  if (edwards) {
    const noble = nobleStrictVerify(publicKey, message, signature)
    if (noble !== answer) disagreements.push(`noble says ${noble}`)
    return { answer, disagreements, named: false, byEncoding }
  }
  const scure = scureVerify(publicKey, message, signature)
  const schnorrkel = schnorrkelVerify(publicKey, message, signature)
  const identityKey = publicKey.every((byte) => byte === 0)
  const named = identityKey && schnorrkel && !answer
  if (scure !== answer) disagreements.push(`scure says ${scure}`)
  if (schnorrkel !== answer && !named) disagreements.push(`schnorrkel says ${schnorrkel}`)
  return { answer, disagreements, named, byEncoding }
}

/**
 * Whether R's bytes are how sB - kA is written, which is all that a hot key's valid signature
 * meets.
 */
function acceptsByEncoding({ publicKey, message, signature }: Omit<Case, 'kind'>): boolean {
  const scheme = ((signature[63] ?? 0) & 0x80) === 0 ? ed25519 : sr25519
  const key = scheme.decodeKey(publicKey)
  const s = bytesToNumberLE(signature.subarray(32)) % 2n ** 255n
  if (key === undefined || !Fn.isValid(s)) return false
  const comb = buildComb(key, SHAPE)
  const commitment = signature.subarray(0, 32)
  return [message, wrap(message)].some((form) => {
    const k = scheme.challenge(form, publicKey, commitment)
    return scheme.isEncoding(commitment, sumOf([combMultiple(comb, Fn.neg(k)), combMultiple(BASE_COMB, s)]))
  })
}
