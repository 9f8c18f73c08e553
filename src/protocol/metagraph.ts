/**
 * A metagraph: who held which uid at one block of the chain.
 *
 * Hotkeys are known by their text (SS58, prefix 42), never by their key: another spelling of a
 * registered key is an unknown hotkey. Age is judged by the chain's own clock, so a node that
 * serves an old head looks old.
 */

/** `NETWORK_GENESIS_HASHES` in RaoFoundation/subtensor, `sdk/bittensor-ts/src/client.ts`. */
export const MAINNET_GENESIS = '0x2f0555cc76fc2840a25a6ea3b9637146806f1f44b090c175ffde2a7e5ab36c03'
/** `registry/native/test-base-endpoints.json` in JSONbored/metagraphed. */
export const TESTNET_GENESIS = '0x8f9cf856bf558a14440e75569c9e58594757048d7b3a84b5d25f6bd978263105'

/** More uids than any subnet may have; a larger count is a lie or a bug. */
export const MAX_UIDS = 4096

/**
 * 32 zero bytes. An absent uid reads so on the chain (`Keys` is ValueQuery), and schnorrkel and
 * ZIP-215 accept signatures under this key that anyone can make. A metagraph that holds it is
 * refused whole.
 */
export const ZERO_HOTKEY = '5C4hrfjw9DjXZTzV3MwzrrAr9P1MJhSrvWGWqi1eSuyUpnhM'

/**
 * Shape of a prefix-42 SS58 address. The gateway computed the checksum itself when it read the
 * chain.
 */
const HOTKEY = /^5[1-9A-HJ-NP-Za-km-z]{47}$/

export interface Metagraph {
  readonly netuid: number
  readonly block: number
  /** `0x` and 64 lower-case hex digits. */
  readonly blockHash: string
  /** Unix seconds, from the chain (`Timestamp.Now`). */
  readonly blockTime: number
  /** Unix seconds, from the gateway's clock. */
  readonly fetchedAt: number
  /** Host name of the endpoint that served it, or `push`. */
  readonly endpoint: string
  /** SS58 text by uid. */
  readonly hotkeys: readonly string[]
  readonly uids: ReadonlyMap<string, number>
}

/** Seconds since the block was made, never negative. */
export function ageSeconds(metagraph: Metagraph, now: number): number {
  return Math.max(0, now - metagraph.blockTime)
}

export function uidOf(metagraph: Metagraph, hotkey: string): number | undefined {
  return metagraph.uids.get(hotkey)
}

/**
 * Uid by hotkey; undefined when the list is empty or too long, or holds a duplicate, the zero
 * account or anything but hotkeys.
 */
export function indexHotkeys(hotkeys: readonly unknown[]): ReadonlyMap<string, number> | undefined {
  if (hotkeys.length === 0 || hotkeys.length > MAX_UIDS) return undefined
  const uids = new Map<string, number>()
  for (const [uid, hotkey] of hotkeys.entries()) {
    if (typeof hotkey !== 'string' || !HOTKEY.test(hotkey) || hotkey === ZERO_HOTKEY) return undefined
    uids.set(hotkey, uid)
  }
  return uids.size === hotkeys.length ? uids : undefined
}
