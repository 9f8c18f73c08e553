import { hexToBytes } from '@noble/hashes/utils.js'
import { Keyring } from '@polkadot/keyring'
import { describe, expect, it } from 'vitest'
import { createSigner } from '../../../src/crypto/sign.ts'
import { encodeSs58 } from '../../../src/crypto/ss58.ts'
import { DEV_KEYS, findDevKey } from '../../../tools/dev/keys.ts'

describe('development keys', () => {
  it.each(DEV_KEYS.map((key) => [key.name, key.scheme, key.seed] as const))(
    '%s (%s) is the key of its derivation path',
    (name, scheme, seed) => {
      const uri = `//${name[0]?.toUpperCase()}${name.slice(1)}`
      const { address } = new Keyring({ type: scheme, ss58Format: 42 }).addFromUri(uri)
      expect(encodeSs58(createSigner(hexToBytes(seed), scheme).publicKey)).toBe(address)
    },
  )

  it('are found by name in any case, and by scheme', () => {
    expect(findDevKey('Alice', 'sr25519')?.scheme).toBe('sr25519')
    expect(findDevKey('alice', 'ed25519')?.scheme).toBe('ed25519')
    expect(findDevKey('eve', 'ed25519')).toBeUndefined()
    expect(findDevKey('mallory', 'sr25519')).toBeUndefined()
  })
})
