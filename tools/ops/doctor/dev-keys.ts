/**
 * The development keys by their public half, and their hotkeys: no upload may be signed with them
 * where it counts.
 */

import { createSigner } from '../../../src/crypto/sign.ts'
import { encodeSs58 } from '../../../src/crypto/ss58.ts'
import { DEV_KEYS } from '../../dev/keys.ts'

export interface DevHotkey {
  readonly name: string
  readonly hotkey: string
}

export function devHotkeys(): readonly DevHotkey[] {
  return DEV_KEYS.map(({ name, scheme, seed }) => {
    const { publicKey } = createSigner(Uint8Array.from(Buffer.from(seed, 'hex')), scheme)
    return { name: `//${name[0]?.toUpperCase()}${name.slice(1)} ${scheme}`, hotkey: encodeSs58(publicKey) }
  })
}
