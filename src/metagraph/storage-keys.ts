/**
 * Storage keys of the chain, as hex text.
 *
 * A key is twox128(pallet) ‖ twox128(item) ‖ hashed arguments. The two hashes never change, so
 * they stand here as text and no xxhash is in the bundle; a test rebuilds every key with an
 * independent encoder. `Keys` and the per-subnet items use the Identity hasher: their keys can be
 * written down without listing anything.
 */

import { blake2b } from '@noble/hashes/blake2.js'
import { bytesToHex } from '@noble/hashes/utils.js'

const SUBTENSOR = '0x658faa385070e074c85bf6b568cf0555'
const KEYS = `${SUBTENSOR}9f99a2ce711f3a31b2fc05604c93f179`
const UIDS = `${SUBTENSOR}aab1b4e78e1ea8305462ee53b3686dc8`
const SUBNETWORK_N = `${SUBTENSOR}a1048e9d244171852dfe8db314dc68ca`
const NETWORKS_ADDED = `${SUBTENSOR}0e30450fc4d507a846032a7fa65d9a43`

/** `Timestamp.Now`: u64 milliseconds, little-endian. */
export const TIMESTAMP_NOW = '0xf0c365c3cf59d671eb72da0e7a4113c49f1f0515f462cdcf84e0f1d6045dfcbb'
/** `System.Number`: u32, little-endian. */
export const BLOCK_NUMBER = '0x26aa394eea5630e07c48ae0c9558cef702a5c1b19ab7a04f536c519aca4983ac'
/** `System.BlockHash(0)`: the genesis hash, which is never pruned. */
export const GENESIS_HASH =
  '0x26aa394eea5630e07c48ae0c9558cef7a44704b568d21667356a5a050c118746b4def25cfda6ef3a00000000'

/** `Keys(netuid, uid)`: the hotkey's 32 bytes. */
export function accountKey(netuid: number, uid: number): string {
  return KEYS + u16(netuid) + u16(uid)
}

/** `Uids(netuid, hotkey)`: u16; absent when not registered. Blake2_128Concat. */
export function uidKey(netuid: number, publicKey: Uint8Array): string {
  return UIDS + u16(netuid) + bytesToHex(blake2b(publicKey, { dkLen: 16 })) + bytesToHex(publicKey)
}

/** `SubnetworkN(netuid)`: u16, how many uids are taken. */
export function uidCountKey(netuid: number): string {
  return SUBNETWORK_N + u16(netuid)
}

/** `NetworksAdded(netuid)`: bool. */
export function networkKey(netuid: number): string {
  return NETWORKS_ADDED + u16(netuid)
}

/** Two bytes, little-endian, as hex. */
function u16(value: number): string {
  const swapped = ((value & 0xff) << 8) | (value >> 8)
  return swapped.toString(16).padStart(4, '0')
}
