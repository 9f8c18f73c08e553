/**
 * Who signs: a hotkey and a function, so that the key may live in a wallet file, a browser
 * extension or a hardware device.
 *
 * The gateway takes a signature over the message or over `<Bytes>message</Bytes>`, which is what
 * browser wallets sign.
 */

import { bytesToHex } from '@noble/hashes/utils.js'
import { createSigner, type Signer } from '../src/crypto/sign.ts'
import { encodeSs58 } from '../src/crypto/ss58.ts'

export interface HotkeySigner {
  /** SS58, prefix 42. */
  readonly hotkey: string
  /**
   * 64 bytes, or their hex with or without `0x`, over exactly these bytes or over them wrapped in
   * `<Bytes>`.
   */
  readonly sign: (message: Uint8Array) => Uint8Array | string | Promise<Uint8Array | string>
}

/**
 * `signRaw` of a browser wallet (`injector.signer.signRaw` of polkadot-js and those who follow
 * it).
 */
export type SignRaw = (request: {
  readonly address: string
  readonly data: string
  readonly type: 'bytes'
}) => Promise<{ readonly signature: string }>

/** Signs with a 32-byte seed (mini secret). */
export function seedSigner(seed: Uint8Array, scheme: 'sr25519' | 'ed25519' = 'sr25519'): HotkeySigner {
  return keySigner(createSigner(seed, scheme))
}

/** Signs with a key in memory, adding fresh randomness. */
export function keySigner(key: Signer): HotkeySigner {
  return {
    hotkey: encodeSs58(key.publicKey),
    sign: (message) => key.sign(message, crypto.getRandomValues(new Uint8Array(32))),
  }
}

/** Signs with a browser wallet, which wraps the message in `<Bytes>` itself. */
export function walletSigner(hotkey: string, signRaw: SignRaw): HotkeySigner {
  return {
    hotkey,
    async sign(message) {
      const data = `0x${bytesToHex(message)}`
      return (await signRaw({ address: hotkey, data, type: 'bytes' })).signature
    },
  }
}

/** 128 hex digits. Throws when a signer returns anything else: that is a bug of the signer. */
export function signatureHex(signature: Uint8Array | string): string {
  const hex =
    typeof signature === 'string' ? signature.replace(/^0x/, '').toLowerCase() : bytesToHex(signature)
  // Some wallets put the scheme's byte in front (a Substrate MultiSignature).
  const bare = /^0[01][0-9a-f]{128}$/.test(hex) ? hex.slice(2) : hex
  if (!/^[0-9a-f]{128}$/.test(bare)) throw new TypeError('the signer did not return a signature of 64 bytes')
  return bare
}
