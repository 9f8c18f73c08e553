/**
 * Decoded public keys that come again: a metagraph has a few hundred hotkeys, and a comb makes
 * theirs cheap.
 *
 * Only a verified signature of a registered hotkey may call `remember`, so neither strangers nor
 * forgers can push a miner out or have a comb built. Bounded in entries and in bytes; the least
 * recently used key leaves first.
 */
import { bytesToHex } from '@noble/hashes/utils.js'
import { buildComb, type CombShape, combSize } from './comb.ts'
import type { Key, Scheme } from './scheme.ts'

/**
 * The trade of speed against memory, in multiplications of a verification (an addition takes 7, a
 * doubling 8; the base point's comb adds 161 to each):
 *
 *   teeth/columns/blocks  points  KB a key  multiplications
 *   4/64/1                     8       1.1  952
 *   5/51/1                    16       2.2  757
 *   6/43/1                    32       4.4  637
 *   6/43/2                    64       8.7  469
 *   6/43/4                   128      17.4  381
 *   7/37/4                   256      34.8  331
 *   8/32/4                   512      69.6  280
 *
 * 128 points: twice the memory saves 9 % of the sum, half the memory costs 16 %, and 8 MB hold all
 * keys of a subnet.
 */
const KEY_COMB: CombShape = { teeth: 6, columns: 43, blocks: 4 }

/** Heap bytes of one point of a comb: four places and three 255-bit integers, as V8 keeps them. */
const POINT_BYTES = 136
/** Heap bytes of an entry beside its comb's points (measured in workerd). */
const ENTRY_BYTES = 1600

export interface KeyCacheLimits {
  readonly maxKeys: number
  readonly maxBytes: number
  /** Verified signatures of a key that bring its comb. */
  readonly combAfter: number
}

/**
 * 8 MB hold 441 combs. A comb costs what three or four verifications save, so it is built at the
 * third.
 */
export const KEY_CACHE_LIMITS: KeyCacheLimits = { maxKeys: 1024, maxBytes: 8_388_608, combAfter: 3 }

export interface KeyCache {
  find(scheme: Scheme, publicKey: Uint8Array): Key | undefined
  remember(scheme: Scheme, key: Key): void
  readonly size: number
  readonly bytes: number
}

interface Entry {
  readonly key: Key
  readonly uses: number
  readonly bytes: number
}

export function createKeyCache(limits: KeyCacheLimits = KEY_CACHE_LIMITS): KeyCache {
  // A Map iterates in order of insertion, so re-inserting on use keeps the least recently used
  // first.
  const entries = new Map<string, Entry>()
  let bytes = 0

  const evict = (): void => {
    for (const [id, entry] of entries) {
      if (entries.size <= limits.maxKeys && bytes <= limits.maxBytes) return
      entries.delete(id)
      bytes -= entry.bytes
    }
  }

  return {
    find: (scheme, publicKey) => entries.get(identify(scheme, publicKey))?.key,
    remember(scheme, key) {
      const id = identify(scheme, key.publicKey)
      const known = entries.get(id)
      const entry = nextEntry(known, key, limits)
      entries.delete(id)
      entries.set(id, entry)
      bytes += entry.bytes - (known?.bytes ?? 0)
      evict()
    },
    get size() {
      return entries.size
    },
    get bytes() {
      return bytes
    },
  }
}

function nextEntry(known: Entry | undefined, fresh: Key, limits: KeyCacheLimits): Entry {
  const uses = (known?.uses ?? 0) + 1
  if (known?.key.comb) return { ...known, uses }
  const key = known?.key ?? { ...fresh, publicKey: fresh.publicKey.slice() }
  if (uses < limits.combAfter) return { key, uses, bytes: ENTRY_BYTES }
  const comb = buildComb(key.point, KEY_COMB)
  return { key: { ...key, comb }, uses, bytes: ENTRY_BYTES + combSize(KEY_COMB) * POINT_BYTES }
}

function identify(scheme: Scheme, publicKey: Uint8Array): string {
  return `${scheme.name}:${bytesToHex(publicKey)}`
}
