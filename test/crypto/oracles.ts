/**
 * Other people's verifiers, all asked the gateway's question: the message, or the message in
 * `<Bytes>`.
 *
 * sr25519: schnorrkel in WebAssembly and @scure/sr25519 (which throws where we answer false).
 * ed25519: noble's strict verification, which is the rule we promise, so only the way of computing
 * differs.
 */
import { ed25519 } from '@noble/curves/ed25519.js'
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { wasmBytes } from '@polkadot/wasm-crypto-wasm'
import * as scure from '@scure/sr25519'
import { instantiateSchnorrkel } from '../../tools/bench/verify/schnorrkel-wasm.ts'

type Verify = (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array) => boolean

// The Workers types forbid compiling at run time, which is true there; this is Node.
const module: WebAssembly.Module = Reflect.construct(WebAssembly.Module, [wasmBytes])
const wasm = instantiateSchnorrkel(module)

export const wrap = (message: Uint8Array): Uint8Array =>
  concatBytes(utf8ToBytes('<Bytes>'), message, utf8ToBytes('</Bytes>'))

const withRetry =
  (verify: Verify): Verify =>
  (publicKey, message, signature) =>
    verify(publicKey, message, signature) || verify(publicKey, wrap(message), signature)

function never(verify: Verify): Verify {
  return (publicKey, message, signature) => {
    try {
      return verify(publicKey, message, signature)
    } catch {
      return false
    }
  }
}

export const schnorrkelVerify = withRetry(never(wasm))

export const scureVerify = withRetry(
  never((publicKey, message, signature) => scure.verify(message, signature, publicKey)),
)

export const nobleStrictVerify = withRetry((publicKey, message, signature) =>
  ed25519.verify(signature, message, publicKey, { zip215: false }),
)
