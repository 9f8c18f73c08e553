import { describe, expect, test } from 'vitest'
import { ed25519 } from '../../src/crypto/ed25519.ts'
import { createKeyCache, KEY_CACHE_LIMITS } from '../../src/crypto/key-cache.ts'
import type { Key, Scheme } from '../../src/crypto/scheme.ts'
import { createSigner } from '../../src/crypto/sign.ts'
import { verifierOver } from '../../src/crypto/signature.ts'
import { sr25519 } from '../../src/crypto/sr25519.ts'

const signerOf = (index: number, scheme: Scheme = sr25519) =>
  createSigner(new Uint8Array(32).fill(index), scheme.name)

function keyOf(index: number, scheme: Scheme = sr25519): Key {
  const { publicKey } = signerOf(index, scheme)
  const point = scheme.decodeKey(publicKey)
  if (point === undefined) throw new Error('a signer has a key')
  return { publicKey, point }
}

const ROOMY = { maxKeys: 100, maxBytes: 1 << 24, combAfter: 3 }

describe('the key cache', () => {
  test('finds nothing until it is told, then the same key', () => {
    const cache = createKeyCache(ROOMY)
    const key = keyOf(1)
    expect(cache.find(sr25519, key.publicKey)).toBeUndefined()
    cache.remember(sr25519, key)
    expect(cache.find(sr25519, key.publicKey)?.point.equals(key.point)).toBe(true)
    expect(cache.find(ed25519, key.publicKey)).toBeUndefined()
  })

  test('a comb comes with the third use, not before', () => {
    const cache = createKeyCache(ROOMY)
    const key = keyOf(1)
    const tables = [1, 2, 3, 4].map(() => {
      cache.remember(sr25519, key)
      return cache.find(sr25519, key.publicKey)?.comb !== undefined
    })
    expect(tables).toEqual([false, false, true, true])
    expect(cache.size).toBe(1)
  })

  test('the least recently used key leaves first, and using it saves it', () => {
    const cache = createKeyCache({ ...ROOMY, maxKeys: 2 })
    const [one, two, three] = [keyOf(1), keyOf(2), keyOf(3)]
    cache.remember(sr25519, one)
    cache.remember(sr25519, two)
    cache.remember(sr25519, one)
    cache.remember(sr25519, three)
    expect(cache.find(sr25519, one.publicKey)).toBeDefined()
    expect(cache.find(sr25519, two.publicKey)).toBeUndefined()
    expect(cache.find(sr25519, three.publicKey)).toBeDefined()
  })

  test('looking does not save a key: only a verified signature does', () => {
    const cache = createKeyCache({ ...ROOMY, maxKeys: 2 })
    const [one, two, three] = [keyOf(1), keyOf(2), keyOf(3)]
    cache.remember(sr25519, one)
    cache.remember(sr25519, two)
    cache.find(sr25519, one.publicKey)
    cache.remember(sr25519, three)
    expect(cache.find(sr25519, one.publicKey)).toBeUndefined()
  })

  test('bytes never pass the bound, and are given back', () => {
    const maxBytes = 100_000
    const cache = createKeyCache({ maxKeys: 100, maxBytes, combAfter: 1 })
    for (let index = 1; index <= 12; index++) {
      cache.remember(sr25519, keyOf(index))
      expect(cache.bytes).toBeLessThanOrEqual(maxBytes)
    }
    const settled = [cache.size, cache.bytes]
    for (let index = 13; index <= 16; index++) cache.remember(ed25519, keyOf(index, ed25519))
    expect([cache.size, cache.bytes]).toEqual(settled)
    expect(cache.size).toBeGreaterThan(1)
  })

  test('the default bounds hold 256 keys with combs in 6 MB', () => {
    expect(KEY_CACHE_LIMITS.maxBytes).toBeLessThanOrEqual(8 * 1024 * 1024)
    const cache = createKeyCache(ROOMY)
    for (let times = 0; times < 3; times++) cache.remember(sr25519, keyOf(1))
    expect(256 * cache.bytes).toBeLessThanOrEqual(6_000_000)
  })
})

describe('who may enter', () => {
  const MESSAGE = new Uint8Array(10)
  const RANDOM = new Uint8Array(32)

  const entered = (registered: boolean | undefined, forged: boolean): boolean => {
    // With room for one key, the first key is still there only if no key entered after it.
    const cache = createKeyCache({ ...ROOMY, maxKeys: 1 })
    const verify = verifierOver(cache)
    const [miner, other] = [signerOf(1), signerOf(2)]
    verify(miner.publicKey, MESSAGE, miner.sign(MESSAGE, RANDOM), { registered: true })
    verify(other.publicKey, forged ? RANDOM : MESSAGE, other.sign(MESSAGE, RANDOM), {
      registered: registered === true,
    })
    return cache.find(sr25519, miner.publicKey) === undefined
  }

  test('a registered key with a valid signature', () => expect(entered(true, false)).toBe(true))
  test('not a stranger', () => expect(entered(false, false)).toBe(false))
  test('not one whose registration is unknown', () => expect(entered(undefined, false)).toBe(false))
  test('not a registered key with a wrong signature', () => expect(entered(true, true)).toBe(false))
})
