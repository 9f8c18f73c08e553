/** Keys, messages and signatures of the benchmark, from a fixed seed. */
import { sha256 } from '@noble/hashes/sha2.js'
import { bytesToHex, concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { createSigner } from '../../../src/crypto/sign.ts'

/** Hex, as it travels from run.ts. */
export interface SampleText {
  readonly publicKey: string
  readonly message: string
  readonly signature: string
}

export interface Inputs {
  readonly sr25519: readonly SampleText[]
  readonly ed25519: readonly SampleText[]
  readonly wrapped: readonly SampleText[]
}

const MESSAGE_BYTES = 250

export function makeInputs(keys: number): Inputs {
  return {
    sr25519: makeSamples('sr25519', keys, (message) => message),
    ed25519: makeSamples('ed25519', keys, (message) => message),
    wrapped: makeSamples('sr25519', keys, (message) =>
      concatBytes(utf8ToBytes('<Bytes>'), message, utf8ToBytes('</Bytes>')),
    ),
  }
}

function makeSamples(
  scheme: 'sr25519' | 'ed25519',
  count: number,
  prepare: (message: Uint8Array) => Uint8Array,
): SampleText[] {
  return Array.from({ length: count }, (_, index) => {
    const signer = createSigner(expand(`${scheme} key ${index}`, 32), scheme)
    const message = expand(`message ${index}`, MESSAGE_BYTES)
    const signature = signer.sign(prepare(message), expand(`random ${index}`, 32))
    return {
      publicKey: bytesToHex(signer.publicKey),
      message: bytesToHex(message),
      signature: bytesToHex(signature),
    }
  })
}

function expand(label: string, length: number): Uint8Array {
  const blocks: Uint8Array[] = []
  for (let block = 0; block * 32 < length; block++) blocks.push(sha256(utf8ToBytes(`${label}:${block}`)))
  return concatBytes(...blocks).slice(0, length)
}
