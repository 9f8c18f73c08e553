/**
 * The one question the gateway asks: did this public key sign this message?
 *
 * Bit 7 of the last byte says which scheme: schnorrkel sets it as its marker, a canonical ed25519
 * s leaves it clear. One scheme is tried, never both. Wallets may wrap what they sign in
 * `<Bytes>`, so a message that fails is tried once more wrapped, as btwallet does. Hostile input
 * of any kind is answered false.
 */
import { concatBytes, hexToBytes } from '@noble/hashes/utils.js'
import { ed25519 } from './ed25519.ts'
import { signsAny } from './equation.ts'
import { createKeyCache, KEY_CACHE_LIMITS, type KeyCache, type KeyCacheLimits } from './key-cache.ts'
import type { Key, Scheme } from './scheme.ts'
import { sr25519 } from './sr25519.ts'

const SIGNATURE_TEXT = /^(?:0x)?[0-9a-fA-F]{128}$/
const SCHNORRKEL_MARKER = 0x80
const WRAP_BEFORE = new TextEncoder().encode('<Bytes>')
const WRAP_AFTER = new TextEncoder().encode('</Bytes>')

interface VerifyTerms {
  /** The key belongs to a hotkey of the metagraph, so remembering it is worth memory. */
  readonly registered?: boolean
  /** A wallet may have signed `<Bytes>message</Bytes>` instead of the message; true by default. */
  readonly mayBeWrapped?: boolean
}

export type Verifier = (
  publicKey: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
  terms?: VerifyTerms,
) => boolean

/**
 * 64 bytes from 128 hex digits of either case, with or without `0x`; undefined for anything else.
 */
export function parseSignature(text: string): Uint8Array | undefined {
  if (typeof text !== 'string' || !SIGNATURE_TEXT.test(text)) return undefined
  return hexToBytes(text.slice(-128))
}

/** A verifier that remembers the keys of registered hotkeys. One for each isolate. */
export function createVerifier(limits: KeyCacheLimits = KEY_CACHE_LIMITS): Verifier {
  return verifierOver(createKeyCache(limits))
}

/** The same over a given memory. */
export function verifierOver(cache: KeyCache): Verifier {
  return (publicKey, message, signature, terms) =>
    answer(publicKey, formsOf(message, terms), signature, terms?.registered ? cache : undefined)
}

/** The same answer without any memory. */
export const verifySignature: Verifier = (publicKey, message, signature) =>
  answer(publicKey, formsOf(message), signature, undefined)

/** The scheme that a signature of 64 bytes is marked with. */
export function schemeOf(signature: Uint8Array): Scheme['name'] {
  return readMarker(signature)[0].name
}

function answer(
  publicKey: unknown,
  forms: Iterable<Uint8Array>,
  signature: unknown,
  cache: KeyCache | undefined,
): boolean {
  try {
    if (!isBytes(publicKey) || !isBytes(signature)) return false
    if (publicKey.length !== 32 || signature.length !== 64) return false
    return verify(publicKey, forms, signature, cache)
  } catch {
    // Decoding answers undefined by itself; this is for objects that lie about being bytes.
    return false
  }
}

function verify(
  publicKey: Uint8Array,
  forms: Iterable<Uint8Array>,
  signature: Uint8Array,
  cache: KeyCache | undefined,
): boolean {
  const [scheme, bytes] = readMarker(signature)
  const key = cache?.find(scheme, publicKey) ?? decodeKey(scheme, publicKey)
  if (key === undefined) return false
  const valid = signsAny(scheme, key, bytes, forms)
  if (valid) cache?.remember(scheme, key)
  return valid
}

/** As it is, then as wallets wrap it, which is done only when it is asked for. */
function* formsOf(message: unknown, terms?: VerifyTerms): Generator<Uint8Array> {
  if (!isBytes(message)) return
  yield message
  if (terms?.mayBeWrapped !== false) yield concatBytes(WRAP_BEFORE, message, WRAP_AFTER)
}

/** The scheme, and the signature with the marker cleared. */
function readMarker(signature: Uint8Array): [scheme: Scheme, bytes: Uint8Array] {
  const last = signature[63] ?? 0
  if ((last & SCHNORRKEL_MARKER) === 0) return [ed25519, signature]
  const bytes = signature.slice()
  bytes[63] = last & ~SCHNORRKEL_MARKER
  return [sr25519, bytes]
}

function decodeKey(scheme: Scheme, publicKey: Uint8Array): Key | undefined {
  const point = scheme.decodeKey(publicKey)
  return point && { publicKey, point }
}

function isBytes(value: unknown): value is Uint8Array {
  return ArrayBuffer.isView(value) && value instanceof Uint8Array
}
