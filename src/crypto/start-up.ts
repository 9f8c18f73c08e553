/**
 * Known signatures, verified before the Worker takes its first request.
 *
 * Two reasons. A platform on which a known signature fails, or a changed one passes, must not
 * start admitting uploads. And the first verification of an isolate would otherwise be paid by a
 * miner: run uncompiled it takes about 5 ms in workerd, of the 10 ms a request may use, and
 * compiled 0.2 ms. No clock and no randomness are involved.
 */
import { hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { createVerifier, type Verifier, verifySignature } from './signature.ts'

/**
 * Enough for the engine to compile most of what a verification runs; 16 would take 10 ms more of
 * the start for little.
 */
const ROUNDS = 6

const KNOWN: readonly [publicKey: string, message: string, signature: string][] = [
  // Made by schnorrkel (polkadot-js, wasm-crypto 7.5.4) with the development key //Alice.
  [
    'd43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d',
    'start-up',
    'c24eafc118505cd98f2b5bc747679246a3418d90b5899d9320da08bea8b9cd75d5c56f2150b7ad68c6159494b4e0996c43eb862fe4daed42fee3cdd25d106b8a',
  ],
  // RFC 8032 section 7.1, test 1.
  [
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    '',
    'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
  ],
]

/** Throws when the verifier does not know its signatures, with a comb of the key or without. */
export function checkVerifier(): void {
  const hot = createVerifier({ maxKeys: KNOWN.length, maxBytes: 1 << 20, combAfter: 1 })
  checkKnownSignatures(verifySignature)
  checkKnownSignatures((publicKey, message, signature) =>
    hot(publicKey, message, signature, { registered: true }),
  )
}

/** Throws when a verifier does not know its signatures. */
export function checkKnownSignatures(verify: Verifier): void {
  for (const [publicKey, message, signature] of KNOWN) {
    const [key, signed] = [hexToBytes(publicKey), hexToBytes(signature)]
    for (let round = 0; round < ROUNDS; round++) {
      if (!verify(key, utf8ToBytes(message), signed))
        throw new Error('the verifier refuses a known signature')
    }
    if (verify(key, utf8ToBytes(`${message}.`), signed))
      throw new Error('the verifier accepts a changed message')
  }
}
