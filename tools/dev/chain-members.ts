/**
 * Who is registered on the development chain: well-known keys, or the members of a recorded
 * subnet.
 *
 * Never use these keys for anything of value: their seeds are public.
 */

import { readFile } from 'node:fs/promises'
import { Keyring } from '@polkadot/keyring'

export interface Member {
  readonly name: string
  readonly hotkey: string
  readonly publicKey: Uint8Array
}

/** By uid. Uid 0 belongs to the subnet's owner and is blocked by default. */
const DEVELOPMENT: readonly (readonly [uri: string, type: 'sr25519' | 'ed25519'])[] = [
  ['//SubnetOwner', 'sr25519'],
  ['//Alice', 'sr25519'],
  ['//Bob', 'sr25519'],
  ['//Charlie', 'sr25519'],
  ['//Dave', 'sr25519'],
  ['//Eve', 'sr25519'],
  ['//Ferdie', 'sr25519'],
  ['//Alice', 'ed25519'],
  ['//Bob', 'ed25519'],
]

export function developmentMembers(): readonly Member[] {
  return DEVELOPMENT.map(([uri, type]) => {
    const pair = new Keyring({ type, ss58Format: 42 }).addFromUri(uri)
    return { name: `${uri} (${type})`, hotkey: pair.address, publicKey: pair.publicKey }
  })
}

/** Public keys by uid from a file that `npm run chain:record` wrote. */
export async function recordedMembers(file: string): Promise<readonly Uint8Array[]> {
  const { answers }: { answers: readonly { readonly changes: readonly [string, string | null][] }[][] } =
    JSON.parse(await readFile(file, 'utf8'))
  const accounts = new Map<number, Uint8Array>()
  for (const [key, value] of answers.flat().flatMap((set) => set.changes)) {
    const [, low = '', high = ''] = ACCOUNT_KEY.exec(key) ?? []
    if (low !== '' && value !== null)
      accounts.set(Number.parseInt(high + low, 16), Buffer.from(value.slice(2), 'hex'))
  }
  return [...accounts.entries()].sort(([a], [b]) => a - b).map(([, account]) => account)
}

/** `SubtensorModule.Keys(netuid, uid)`. */
const ACCOUNT_KEY =
  /^0x658faa385070e074c85bf6b568cf05559f99a2ce711f3a31b2fc05604c93f179[0-9a-f]{4}([0-9a-f]{2})([0-9a-f]{2})$/
