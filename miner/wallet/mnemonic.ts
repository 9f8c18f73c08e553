/**
 * Mnemonic to mini secret, as substrate-bip39 does it: PBKDF2 over the entropy, not over the
 * phrase as Bitcoin wallets do.
 */

import { pbkdf2Async } from '@noble/hashes/pbkdf2.js'
import { sha512 } from '@noble/hashes/sha2.js'

const ROUNDS = 2048
const MINI_SECRET_BYTES = 32

/** Undefined when the words or their checksum are wrong. */
export async function mnemonicSeed(phrase: string, password = ''): Promise<Uint8Array | undefined> {
  const [{ mnemonicToEntropy }, { wordlist }] = await Promise.all([
    import('@scure/bip39'),
    import('@scure/bip39/wordlists/english.js'),
  ])
  try {
    const entropy = mnemonicToEntropy(phrase.trim().split(/\s+/).join(' '), wordlist)
    const salt = `mnemonic${password.normalize('NFKD')}`
    const seed = await pbkdf2Async(sha512, entropy, salt, { c: ROUNDS, dkLen: 64 })
    return seed.subarray(0, MINI_SECRET_BYTES)
  } catch {
    return undefined
  }
}
