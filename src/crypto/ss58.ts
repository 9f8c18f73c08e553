/**
 * SS58: the text form of a hotkey.
 *
 * base58( prefix || public key || first two bytes of blake2b-512("SS58PRE" || prefix || public
 * key) ). The prefix names a network: one byte for 0-63, two for 64-16383. Bittensor wallets write
 * 42. Every prefix spells the same key, so callers compare the prefix, or the text itself, and
 * never only the key.
 *
 * Sources: sp-core `crypto.rs` (Ss58Codec); the address specs of polkadot-js.
 */
import { blake2b } from '@noble/hashes/blake2.js'
import { concatBytes } from '@noble/hashes/utils.js'
import { base58 } from '@scure/base'

/** Network prefix of every Bittensor wallet. */
const BITTENSOR_PREFIX = 42
const KEY_BYTES = 32
const CHECKSUM_BYTES = 2
/** Largest prefix that fits the two-byte form (14 bits). */
const MAX_PREFIX = 16_383
/** Reserved by the registry: they would read as the first byte of other formats. */
const RESERVED_PREFIXES = [46, 47]
/**
 * Characters of 35 bytes that are nearly all zero, and of 36 bytes. Base58 is quadratic: look at
 * the length first.
 */
const MIN_TEXT_LENGTH = 34
const MAX_TEXT_LENGTH = 50
const CHECKSUM_CONTEXT = new TextEncoder().encode('SS58PRE')

export interface Ss58 {
  readonly prefix: number
  readonly publicKey: Uint8Array
}

/**
 * Addresses that were decoded before: their checksums cost more than all else that an upload's
 * headers are checked for, and hotkeys come again. About 300 KB.
 */
const known = new Map<string, Ss58>()
const MOST_KNOWN = 1024

/**
 * The key that `text` spells, or undefined when it is not a well-formed address of a 32-byte key.
 * Never throws.
 */
export function decodeSs58(text: string): Ss58 | undefined {
  if (typeof text !== 'string' || text.length < MIN_TEXT_LENGTH || text.length > MAX_TEXT_LENGTH)
    return undefined
  const address = known.get(text) ?? remember(text, decode(text))
  // A copy, so that no caller can change what the next one gets.
  return address && { prefix: address.prefix, publicKey: address.publicKey.slice() }
}

function remember(text: string, address: Ss58 | undefined): Ss58 | undefined {
  if (address === undefined) return undefined
  if (known.size === MOST_KNOWN) known.clear()
  known.set(text, address)
  return address
}

function decode(text: string): Ss58 | undefined {
  const bytes = decodeBase58(text)
  if (bytes === undefined) return undefined
  const prefixBytes = bytes.length - KEY_BYTES - CHECKSUM_BYTES
  const prefix = readPrefix(bytes, prefixBytes)
  if (prefix === undefined || RESERVED_PREFIXES.includes(prefix)) return undefined
  const body = bytes.subarray(0, prefixBytes + KEY_BYTES)
  const [first, second] = checksum(body)
  if (bytes.at(-2) !== first || bytes.at(-1) !== second) return undefined
  return { prefix, publicKey: body.slice(prefixBytes) }
}

/**
 * The address of a 32-byte key. Throws on another length or an impossible prefix: both are bugs of
 * the caller.
 */
export function encodeSs58(publicKey: Uint8Array, prefix: number = BITTENSOR_PREFIX): string {
  if (publicKey.length !== KEY_BYTES) throw new RangeError('an SS58 public key has 32 bytes')
  const allowed = Number.isInteger(prefix) && prefix >= 0 && prefix <= MAX_PREFIX
  if (!allowed || RESERVED_PREFIXES.includes(prefix))
    throw new RangeError(`SS58 prefix ${prefix} is not allowed`)
  const body = concatBytes(writePrefix(prefix), publicKey)
  return base58.encode(concatBytes(body, checksum(body)))
}

function decodeBase58(text: string): Uint8Array | undefined {
  try {
    return base58.decode(text)
  } catch {
    return undefined
  }
}

/**
 * One byte is the prefix itself. Two carry 14 bits: 01 and bits 7 to 2, then bits 1 and 0 and bits
 * 13 to 8.
 */
function readPrefix(bytes: Uint8Array, length: number): number | undefined {
  const [first = 0, second = 0] = bytes
  if (length === 1 && first < 64) return first
  if (length !== 2 || first < 64 || first > 127) return undefined
  const prefix = ((first & 0x3f) << 2) | (second >> 6) | ((second & 0x3f) << 8)
  // A small prefix in the long form would be a second spelling of the same address.
  return prefix < 64 ? undefined : prefix
}

function writePrefix(prefix: number): Uint8Array {
  if (prefix < 64) return Uint8Array.of(prefix)
  return Uint8Array.of(((prefix & 0xfc) >> 2) | 0x40, (prefix >> 8) | ((prefix & 0x03) << 6))
}

function checksum(body: Uint8Array): Uint8Array {
  return blake2b(concatBytes(CHECKSUM_CONTEXT, body), { dkLen: 64 }).subarray(0, CHECKSUM_BYTES)
}
