/**
 * The key that signs: a Bittensor hotkey, or a mnemonic or seed from a file or the environment;
 * never from the command line, where every user of the machine can read it.
 */

import { readdir, readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { EXIT, errorCode, Fault } from '../cli/fault.ts'
import { expandHome } from './btcli-config.ts'
import type { Keyfile, Scheme } from './keyfile.ts'
import { locateHotkey, type WalletChoice } from './locate.ts'
import { findPassword } from './password.ts'

type Environment = Readonly<Record<string, string | undefined>>

export interface KeyChoice extends WalletChoice {
  /** A file with a mnemonic or a seed. */
  readonly secretFile?: string | undefined
  readonly scheme?: Scheme | undefined
}

export interface LoadedKey {
  readonly key: Extract<Keyfile, { kind: 'key' }>
  /** Where it came from, for people. */
  readonly source: string
  readonly warnings: readonly string[]
}

/** Far more than any keyfile. */
const MAX_KEYFILE_BYTES = 65_536

/** Throws a Fault with the remedy for what cannot be used. */
export async function loadKey(chosen: KeyChoice, env: Environment): Promise<LoadedKey> {
  if (chosen.secretFile !== undefined) {
    const file = expandHome(chosen.secretFile)
    return fromFile(file, chosen.scheme, env, `Put ${SECRET} into ${file}, or name another --secret-file.`)
  }
  const named = chosen.name !== undefined || chosen.hotkey !== undefined || chosen.path !== undefined
  const secret = env['PLATFORM_EDGE_MNEMONIC'] ?? env['PLATFORM_EDGE_SEED']
  if (secret !== undefined && !named) {
    const { NO_SECRET, parseSecret } = await import('./keyfile.ts')
    const source =
      env['PLATFORM_EDGE_MNEMONIC'] === undefined ? 'PLATFORM_EDGE_SEED' : 'PLATFORM_EDGE_MNEMONIC'
    const parsed = await parseSecret(secret, chosen.scheme)
    if (parsed === NO_SECRET)
      throw new Fault(
        EXIT.wallet,
        `${source} holds no key`,
        `Set ${source} to ${SECRET}, or unset it to use your wallet.`,
      )
    return { key: usable(parsed, source), source, warnings: [] }
  }
  const place = await locateHotkey(chosen, env)
  await requireHotkey(place.file, place.name)
  return fromFile(place.file, chosen.scheme, env)
}

const SECRET = 'a mnemonic whose checksum is right, or a seed of 64 hex digits'

/** `remedy` for a file that holds no key of any kind. */
async function fromFile(
  file: string,
  scheme: Scheme | undefined,
  env: Environment,
  remedy?: string,
): Promise<LoadedKey> {
  if (/^coldkey(pub\.txt)?$/.test(path.basename(file))) {
    throw new Fault(
      EXIT.wallet,
      `${file} is a coldkey, and coldkeys are never opened`,
      'Uploads are signed by the hotkey.',
    )
  }
  const { content, warnings } = await readKeyfile(file)
  const { NO_SECRET, parseKeyfile } = await import('./keyfile.ts')
  const parsed = await parseKeyfile(content, scheme)
  const opened = parsed.kind === 'encrypted' ? await unseal(content, file, scheme, env) : parsed
  const named = opened === NO_SECRET && remedy !== undefined ? { ...NO_SECRET, remedy } : opened
  return { key: usable(named, file), source: file, warnings }
}

async function readKeyfile(file: string): Promise<{ content: Uint8Array; warnings: string[] }> {
  try {
    const { mode, size } = await stat(file)
    if (size > MAX_KEYFILE_BYTES)
      throw new Fault(EXIT.wallet, `${file} is too large to be a hotkey`, 'Name the hotkey file itself.')
    const open = process.platform !== 'win32' && (mode & 0o077) !== 0
    const octal = (mode & 0o777).toString(8)
    const warning = `${file} can be read by others (mode ${octal}); chmod 600 ${file}`
    return { content: await readFile(file), warnings: open ? [warning] : [] }
  } catch (error) {
    if (error instanceof Fault) throw error
    throw new Fault(
      EXIT.wallet,
      `cannot read ${file} (${errorCode(error)})`,
      'Check the path and that the file is yours.',
    )
  }
}

async function unseal(
  content: Uint8Array,
  file: string,
  scheme: Scheme | undefined,
  env: Environment,
): Promise<Keyfile> {
  const password = await findPassword(file, env)
  const [{ decryptNacl }, { parseKeyfile }] = await Promise.all([import('./nacl.ts'), import('./keyfile.ts')])
  const plain = await decryptNacl(content, password)
  if (plain === undefined)
    throw new Fault(
      EXIT.wallet,
      `wrong password for ${file}`,
      'Try again. BT_WALLET_PASSWORD (plain text) and BT_PW_… (as the wallet scrambles it) win over the prompt.',
    )
  const parsed = await parseKeyfile(plain, scheme)
  plain.fill(0)
  return parsed
}

function usable(parsed: Keyfile, source: string): LoadedKey['key'] {
  if (parsed.kind === 'key') return parsed
  const [what, remedy] =
    parsed.kind === 'foreign'
      ? [parsed.what, parsed.remedy]
      : ['is encrypted twice', 'Regenerate the hotkey.']
  throw new Fault(EXIT.wallet, `${source} ${what}`, remedy)
}

/** Says which hotkeys there are when the one asked for is not among them. */
async function requireHotkey(file: string, wallet: string): Promise<void> {
  if (await stat(file).catch(() => undefined)) return
  const found = await readdir(path.dirname(file)).catch(() => undefined)
  const names = found?.filter((name) => !name.endsWith('pub.txt') && !name.startsWith('.')) ?? []
  const hint =
    names.length > 0
      ? `Wallet "${wallet}" has: ${names.sort().join(', ')}. Choose with --wallet-hotkey.`
      : 'Choose with --wallet-name, --wallet-hotkey and --wallet-path, or create one: btcli wallet new-hotkey.'
  throw new Fault(EXIT.wallet, `there is no hotkey at ${file}`, hint)
}
