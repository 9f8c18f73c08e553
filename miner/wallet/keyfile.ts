/**
 * Bittensor hotkey files: what they hold, in every variant that is about.
 *
 * Fields win in the wallet's own order: secretPhrase, secretSeed, privateKey. A key that does not
 * match the file's own address is not used: the other scheme is tried, and a seed that some wallet
 * versions garble (they write its raw bytes as text) is passed over. Nothing from inside a file
 * ever gets into a message.
 */

import { hexToBytes } from '@noble/hashes/utils.js'
import { createExpandedSigner, createSigner, type Signer } from '../../src/crypto/sign.ts'
import { encodeSs58 } from '../../src/crypto/ss58.ts'
import { mnemonicSeed } from './mnemonic.ts'

export type Scheme = 'sr25519' | 'ed25519'

export type Keyfile =
  | { readonly kind: 'key'; readonly signer: Signer; readonly scheme: Scheme; readonly hotkey: string }
  | { readonly kind: 'encrypted' }
  /** Not a key this tool can use; both are sentences. */
  | { readonly kind: 'foreign'; readonly what: string; readonly remedy: string }

const WITH_BTCLI =
  'with the wallet software that wrote it, then write it again as a plain or $NACL hotkey (btcli wallet regen-hotkey)'

/** btcli 11 has no such option for hotkeys. */
const POLKADOT_JS =
  'Write it as a hotkey with btcli 9 (PyPI bittensor-cli): btcli wallet regen-hotkey --json FILE --json-password PASSWORD.'

/** By leading bytes; undefined when the content is text to be parsed. */
function sealedFormat(content: Uint8Array): Keyfile | undefined {
  const start = new TextDecoder('latin1').decode(content.subarray(0, 16))
  if (start.startsWith('$NACL')) return { kind: 'encrypted' }
  if (start.startsWith('$ANSIBLE_VAULT'))
    return foreign('is encrypted with Ansible Vault (an old btcli)', `Open it ${WITH_BTCLI}.`)
  if (start.startsWith('gAAAAA'))
    return foreign('is encrypted with Fernet (a very old btcli)', `Open it ${WITH_BTCLI}.`)
  return undefined
}

/**
 * Reads a plain keyfile: JSON, a bare mnemonic, or a bare seed in hex. `scheme` is for what does
 * not say its own.
 */
export async function parseKeyfile(content: Uint8Array, scheme?: Scheme): Promise<Keyfile> {
  const sealed = sealedFormat(content)
  if (sealed !== undefined) return sealed
  const text = new TextDecoder().decode(content).trim()
  const fields = parseObject(text)
  if (fields === undefined) return parseSecret(text, scheme)
  if (typeof fields['encoded'] === 'string' && 'encoding' in fields)
    return foreign('is a polkadot.js export', POLKADOT_JS)
  if ('hashedDescriptor' in fields)
    return foreign('is a hashed (post-quantum) key', 'The gateway takes sr25519 and ed25519 hotkeys only.')
  return parseFields(fields, scheme)
}

/** A mnemonic or a 32-byte seed in hex. */
export async function parseSecret(text: string, scheme: Scheme = 'sr25519'): Promise<Keyfile> {
  const seed = parseHex(text.trim(), 32) ?? (await mnemonicSeed(text))
  return seed === undefined ? NO_SECRET : keyOf(createSigner(seed, scheme), scheme)
}

/** What is no key of any kind; who asked for it knows the better remedy. */
export const NO_SECRET = foreign(
  'holds no key: neither a hotkey in JSON, nor a mnemonic whose checksum is right, nor a seed of 64 hex digits',
  'Check that it is the hotkey file itself, for example ~/.bittensor/wallets/default/hotkeys/default.',
)

async function parseFields(fields: Fields, scheme: Scheme | undefined): Promise<Keyfile> {
  const declared = scheme ?? schemeOf(fields['cryptoType'])
  if (declared === undefined)
    return foreign('has a crypto type other than sr25519 and ed25519', 'Use an sr25519 or ed25519 hotkey.')
  const address = fields['ss58Address'] ?? fields[' ss58Address']
  const secrets = await secretsOf(fields)
  if (secrets.length === 0) {
    return foreign(
      'holds a public key only, no secret',
      'Name the hotkey itself, not its …pub.txt; or regenerate it: btcli wallet regen-hotkey.',
    )
  }
  const schemes: readonly Scheme[] = declared === 'sr25519' ? ['sr25519', 'ed25519'] : ['ed25519', 'sr25519']
  const keys = schemes.flatMap((each) => secrets.flatMap((secret) => signerOf(secret, each) ?? []))
  const key = typeof address === 'string' ? keys.find(({ hotkey }) => hotkey === address.trim()) : keys[0]
  return (
    key ??
    foreign('has a secret that does not match its own address', 'Regenerate it: btcli wallet regen-hotkey.')
  )
}

/** Seeds (32 bytes) and expanded keys (64), best first. */
async function secretsOf(fields: Fields): Promise<Uint8Array[]> {
  const { secretPhrase, secretSeed, privateKey } = fields
  const fromPhrase = typeof secretPhrase === 'string' ? await mnemonicSeed(secretPhrase) : undefined
  const found = [fromPhrase, parseHex(secretSeed, 32), parseHex(privateKey, 64), parseHex(privateKey, 32)]
  return found.filter((secret) => secret !== undefined)
}

function signerOf(secret: Uint8Array, scheme: Scheme): Extract<Keyfile, { kind: 'key' }> | undefined {
  if (secret.length === 64 && scheme === 'ed25519') return undefined
  try {
    return keyOf(secret.length === 64 ? createExpandedSigner(secret) : createSigner(secret, scheme), scheme)
  } catch {
    return undefined
  }
}

function keyOf(signer: Signer, scheme: Scheme): Extract<Keyfile, { kind: 'key' }> {
  return { kind: 'key', signer, scheme, hotkey: encodeSs58(signer.publicKey) }
}

/** Number or its text; absent means sr25519, as the wallet reads it. */
function schemeOf(cryptoType: unknown): Scheme | undefined {
  const text = String(cryptoType ?? 1)
  if (text === '1') return 'sr25519'
  return text === '0' ? 'ed25519' : undefined
}

function parseHex(value: unknown, bytes: number): Uint8Array | undefined {
  if (typeof value !== 'string') return undefined
  const hex = value.replace(/^0x/, '')
  return hex.length === bytes * 2 && /^[0-9a-fA-F]+$/.test(hex) ? hexToBytes(hex) : undefined
}

function foreign(what: string, remedy: string) {
  return { kind: 'foreign', what, remedy } as const
}

type Fields = Readonly<Record<string, unknown>>

function parseObject(text: string): Fields | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : undefined
  } catch {
    return undefined
  }
}
