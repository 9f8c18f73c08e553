/**
 * Bytes from a printed seed, so that every random case can be made again: SHA-512 of the seed and
 * a counter.
 */
import { sha512 } from '@noble/hashes/sha2.js'
import { concatBytes, utf8ToBytes } from '@noble/hashes/utils.js'

export interface Random {
  readonly seed: string
  bytes(length: number): Uint8Array
  /** A whole number from 0 up to, not including, `bound`. */
  below(bound: number): number
}

export function createRandom(seed: string): Random {
  let counter = 0
  const bytes = (length: number): Uint8Array => {
    const blocks: Uint8Array[] = []
    for (let have = 0; have < length; have += 64) blocks.push(sha512(utf8ToBytes(`${seed}/${counter++}`)))
    return concatBytes(...blocks).slice(0, length)
  }
  return {
    seed,
    bytes,
    below: (bound) => new DataView(bytes(4).buffer).getUint32(0) % bound,
  }
}

/** A seed that differs from run to run, or the one given in the environment to repeat a run. */
export function freshSeed(): string {
  return process.env['SEED'] ?? String(Date.now())
}
