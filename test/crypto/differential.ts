/**
 * One case, all verifiers: ours without memory, ours with a table for the key, and the others'.
 *
 * One difference is ours on purpose. With the identity as public key, sB = R signs every message; schnorrkel accepts
 * it, @scure/sr25519 refuses it, and so do we, because such a signature proves nothing about anybody.
 */
import { createVerifier, type Verifier, verifySignature } from '../../src/crypto/signature.ts'
import type { Case } from './cases.ts'
import { nobleStrictVerify, schnorrkelVerify, scureVerify } from './oracles.ts'

/** A table on first sight, so that every later case of the key takes the hot path. */
export function createEagerVerifier(): Verifier {
  return createVerifier({ maxKeys: 8, maxBytes: 1 << 20, tableAfter: 1 })
}

export interface Outcome {
  readonly answer: boolean
  /** What disagreed; empty when nobody did. */
  readonly disagreements: readonly string[]
  readonly named: boolean
}

export function compare(hot: Verifier, { publicKey, message, signature }: Case): Outcome {
  const answer = verifySignature(publicKey, message, signature)
  const disagreements: string[] = []
  // A valid signature makes the table, so it is asked again to see what the table says.
  for (let times = answer ? 2 : 1; times > 0; times--) {
    const cached = hot(publicKey, message, signature, true)
    if (cached !== answer) disagreements.push(`cached says ${cached}`)
  }
  if (((signature[63] ?? 0) & 0x80) === 0) {
    const noble = nobleStrictVerify(publicKey, message, signature)
    if (noble !== answer) disagreements.push(`noble says ${noble}`)
    return { answer, disagreements, named: false }
  }
  const scure = scureVerify(publicKey, message, signature)
  const schnorrkel = schnorrkelVerify(publicKey, message, signature)
  const identityKey = publicKey.every((byte) => byte === 0)
  const named = identityKey && schnorrkel && !answer
  if (scure !== answer) disagreements.push(`scure says ${scure}`)
  if (schnorrkel !== answer && !named) disagreements.push(`schnorrkel says ${schnorrkel}`)
  return { answer, disagreements, named }
}
