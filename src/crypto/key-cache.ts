/**
 * Decoded public keys that come again: a metagraph has a few hundred hotkeys, and a table makes theirs cheap.
 *
 * Only a verified signature of a registered hotkey may call `remember`, so neither strangers nor forgers can push
 * a miner out or have a table built. Bounded in entries and in bytes; the least recently used key leaves first.
 */
import { bytesToHex } from '@noble/hashes/utils.js'
import { buildComb, type CombShape, combSize } from './comb.ts'
import type { Key, Scheme } from './scheme.ts'

/**
 * The trade of window width against memory against build time, in workerd 2026-09-18 on a 2.3 GHz Xeon, 64 keys in use:
 *
 *   teeth/columns/blocks  points  KB a key  build us  verify us (fastest of seven)
 *   (no table)                 0                      312
 *   4/64/1                     8       2.8       272  218
 *   5/51/1                    16       4.1       269  184
 *   6/43/1                    32       6.6       333  169
 *   6/43/2                    64      11.5       410  146
 *   6/43/4                   128      21.3       532  134
 *   7/37/3                   192      31.0       595  132
 *   7/37/4                   256      44.1       758  130
 *   8/32/4                   512      96.1      1529  124
 *   10/26/4                 2048     313.1      4167  130 (tables no longer fit the processor's cache)
 *
 * 128 points: doubling the memory buys 3 %, halving it costs 9 %, and 8 MB hold all keys of a subnet.
 */
const KEY_COMB: CombShape = { teeth: 6, columns: 43, blocks: 4 }

/** Heap bytes of one point of a table: the object and three 255-bit integers (measured in workerd). */
const POINT_BYTES = 156
/** Heap bytes of an entry beside its table's points (measured in workerd). */
const ENTRY_BYTES = 1600

export interface KeyCacheLimits {
  readonly maxKeys: number
  readonly maxBytes: number
  /** Verified signatures of a key that bring its table. */
  readonly tableAfter: number
}

/** 8 MB hold 388 tables. A table costs what three verifications save, so it is built at the third. */
export const KEY_CACHE_LIMITS: KeyCacheLimits = { maxKeys: 1024, maxBytes: 8_388_608, tableAfter: 3 }

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
  // A Map iterates in order of insertion, so re-inserting on use keeps the least recently used first.
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
  if (known?.key.table) return { ...known, uses }
  const key = known?.key ?? { ...fresh, publicKey: fresh.publicKey.slice() }
  if (uses < limits.tableAfter) return { key, uses, bytes: ENTRY_BYTES }
  const table = buildComb(key.point, KEY_COMB)
  return { key: { ...key, table }, uses, bytes: ENTRY_BYTES + combSize(KEY_COMB) * POINT_BYTES }
}

function identify(scheme: Scheme, publicKey: Uint8Array): string {
  return `${scheme.name}:${bytesToHex(publicKey)}`
}
