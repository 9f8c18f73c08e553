/** Hotkey files in all their variants, and what is said of those that cannot be used. */

import { describe, expect, test } from 'vitest'
import { parseKeyfile, type Scheme } from '../../miner/wallet/keyfile.ts'
import { mnemonicSeed } from '../../miner/wallet/mnemonic.ts'
import { findPassword, passwordVariable, unscramble } from '../../miner/wallet/password.ts'
import { verifySignature } from '../../src/crypto/signature.ts'
import { decodeSs58 } from '../../src/crypto/ss58.ts'
import { FROM_VECTORS, NO_VECTORS, readVectors } from '../crypto/vectors.ts'
import PUBLISHED from '../vectors/substrate-bip39.json' with { type: 'json' }

/** Written by bittensor-wallet 4.1.1; the keys are used nowhere. */
const SR25519 = {
  accountId: '0x287ea96f1eb77fe420bf4012af988d2710602b93d040da08542820bb3416586f',
  publicKey: '0x287ea96f1eb77fe420bf4012af988d2710602b93d040da08542820bb3416586f',
  privateKey:
    '0xd256a2b6d63e238ac60af244dc3fc07d402419a4c029f1ebf4637074e1c3980e6fbeb301751b0f249fc7ff8f680865c1b740ee065cbffc6f0d146a0f943e2993',
  secretPhrase: 'tag must shine oval day hazard radar purity settle island bachelor foam',
  secretSeed: '0x39be8dcb073b30cdb04a7f7fd0cc5f3b38d9d03a517a3fd0810c346dc1615ad8',
  ss58Address: '5CyoQ6R2cEAiEHwuXcxcEDmqf9FBBP5uUchD8H2yZ8Mj4NXR',
  cryptoType: 1,
}
const ED25519 = {
  ...SR25519,
  ss58Address: '5FNjHnQ3UQumB84ppmk1aRdU7Lp1bgaXN7bPyXW8EH3iZpix',
  accountId: '0x9273f10c13e98ca5bcac5a42e2f3450e65ebdcf14befe9bc114ef356b0c78609',
  publicKey: '0x9273f10c13e98ca5bcac5a42e2f3450e65ebdcf14befe9bc114ef356b0c78609',
  privateKey: SR25519.secretSeed,
  cryptoType: 0,
}

const without = (file: object, ...names: string[]) =>
  Object.fromEntries(Object.entries(file).filter(([name]) => !names.includes(name)))
const parse = (file: object | string, scheme?: Scheme) =>
  parseKeyfile(new TextEncoder().encode(typeof file === 'string' ? file : JSON.stringify(file)), scheme)

describe('a hotkey file', () => {
  const SEED = SR25519.secretSeed
  const READABLE: [variant: string, file: object | string, hotkey: string, scheme?: Scheme][] = [
    ['all fields', SR25519, SR25519.ss58Address],
    ['ed25519', ED25519, ED25519.ss58Address],
    ['phrase only', { secretPhrase: SR25519.secretPhrase }, SR25519.ss58Address],
    ['seed only', { secretSeed: SEED }, SR25519.ss58Address],
    ['seed without 0x', { secretSeed: SEED.slice(2) }, SR25519.ss58Address],
    ['private key only', without(SR25519, 'secretPhrase', 'secretSeed'), SR25519.ss58Address],
    ['ed25519 private key only', without(ED25519, 'secretPhrase', 'secretSeed'), ED25519.ss58Address],
    [
      'a seed garbled by the wallet',
      { ...without(SR25519, 'secretPhrase'), secretSeed: `0x${'\u0011'.repeat(32)}` },
      SR25519.ss58Address,
    ],
    ['crypto type as text', { ...ED25519, cryptoType: '0' }, ED25519.ss58Address],
    ['crypto type absent', without(SR25519, 'cryptoType'), SR25519.ss58Address],
    ['crypto type wrong, address right', { ...ED25519, cryptoType: 1 }, ED25519.ss58Address],
    [
      'legacy name of the address',
      { ...without(SR25519, 'ss58Address'), ' ss58Address': SR25519.ss58Address },
      SR25519.ss58Address,
    ],
    ['v11 extras', { ...SR25519, accountType: 'hotkey', signingScheme: 'sr25519' }, SR25519.ss58Address],
    ['bare seed', `${SEED}\n`, SR25519.ss58Address],
    ['bare mnemonic', `  ${SR25519.secretPhrase}\n`, SR25519.ss58Address],
    ['bare mnemonic as ed25519', SR25519.secretPhrase, ED25519.ss58Address, 'ed25519'],
  ]
  test.each(READABLE)('%s', async (_, file, hotkey, scheme) => {
    const parsed = await parse(file, scheme)
    if (parsed.kind !== 'key') throw new Error(JSON.stringify(parsed))
    expect(parsed.hotkey).toBe(hotkey)
    const message = new TextEncoder().encode('message')
    const signature = parsed.signer.sign(message, new Uint8Array(32).fill(1))
    expect(verifySignature(decodeSs58(hotkey)?.publicKey ?? new Uint8Array(), message, signature)).toBe(true)
  })

  const POLKADOT = {
    encoded: 'Z1yz',
    encoding: { content: ['pkcs8', 'sr25519'], version: '3' },
    address: SR25519.ss58Address,
  }
  const UNUSABLE: [what: string, file: object | string, named: string][] = [
    ['Ansible Vault', '$ANSIBLE_VAULT;1.1;AES256\n3361', 'Ansible Vault'],
    ['Fernet', 'gAAAAABmZ', 'Fernet'],
    ['polkadot.js export', POLKADOT, 'polkadot.js export'],
    ['public half', without(SR25519, 'secretPhrase', 'secretSeed', 'privateKey'), 'public key only'],
    ['another address', { ...SR25519, ss58Address: ED25519.accountId }, 'does not match its own address'],
    ['hashed key', { ...SR25519, hashedDescriptor: 'x' }, 'post-quantum'],
    ['ecdsa', { ...SR25519, cryptoType: 2 }, 'crypto type'],
    ['words that are no mnemonic', 'bottom drive obey lake', 'no key'],
    ['wrong checksum', SR25519.secretPhrase.replace('foam', 'tag'), 'no key'],
    ['nothing', '', 'no key'],
  ]
  test.each(UNUSABLE)('%s is named with a remedy', async (_, file, named) => {
    const parsed = await parse(file)
    if (parsed.kind !== 'foreign') throw new Error(parsed.kind)
    expect(parsed.what).toContain(named)
    expect(parsed.remedy.length).toBeGreaterThan(20)
    expect(parsed.what + parsed.remedy).not.toMatch(/bottom|drive|0x39be|hazard/)
  })

  test('$NACL is encrypted', async () => {
    expect(await parse('$NACLxyz')).toEqual({ kind: 'encrypted' })
  })
})

test('a published mnemonic of substrate-bip39', async () => {
  const seed = await mnemonicSeed(PUBLISHED.mnemonic, PUBLISHED.password)
  expect(Buffer.from(seed ?? []).toString('hex')).toBe(PUBLISHED.mini_secret)
})

const BIP39 = readVectors<{ vectors: { mnemonic: string; mini_secret: string }[] }>(
  'bip39/substrate_bip39.json',
  { vectors: [] },
)
test.skipIf(NO_VECTORS)(`24 mnemonics of substrate-bip39${FROM_VECTORS}`, async () => {
  for (const { mnemonic, mini_secret } of BIP39.vectors) {
    expect(Buffer.from((await mnemonicSeed(mnemonic, 'Substrate')) ?? []).toString('hex')).toBe(mini_secret)
  }
  expect(BIP39.vectors).toHaveLength(24)
})

const KEYSTORE = readVectors<{ keystore?: object }>('keyfile/polkadotjs_encrypted_json.json', {})
test.skipIf(NO_VECTORS)(`a real polkadot.js keystore is named${FROM_VECTORS}`, async () => {
  expect(await parse(KEYSTORE.keystore ?? {})).toMatchObject({
    kind: 'foreign',
    what: 'is a polkadot.js export',
    remedy: expect.stringContaining('btcli wallet regen-hotkey --json FILE --json-password'),
  })
})

test("the wallet's password variable, as bittensor-wallet names and scrambles it", () => {
  const name = passwordVariable('/wallets/w1/hotkeys/enc')
  expect(name).toBe('BT_PW__WALLETS_W1_HOTKEYS_ENC')
  expect(unscramble('EjUsIyAwLTNwfn8=', name)).toBe('Password123')
})

describe('a password variable in plain text is named as such, and no half gigabyte is spent on it', () => {
  const file = '/wallets/w1/hotkeys/enc'
  const name = passwordVariable(file)
  // The last is base64, of what is no text when it is unscrambled.
  test.each(['canary password', 'Password123', '', 'cafécafé', '/////w=='])('%j', async (text) => {
    const found = findPassword(file, { [name]: text })
    if (text === '') return expect(await found).toBe('')
    await expect(found).rejects.toThrow(`${name} holds no scrambled password`)
    await expect(found).rejects.toMatchObject({
      exitCode: 3,
      hint: expect.stringContaining('BT_WALLET_PASSWORD'),
    })
    return undefined
  })
})
