/**
 * Where the hotkey is, by btcli's rules: options, then `BT_WALLET_*`, then `~/.bittensor/config.yml`, then the defaults.
 */

import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import path from 'node:path'
import { EXIT, Fault } from '../cli/fault.ts'

type Environment = Readonly<Record<string, string | undefined>>

export interface WalletChoice {
  readonly name?: string | undefined
  readonly hotkey?: string | undefined
  readonly path?: string | undefined
}

export interface WalletPlace {
  readonly name: string
  readonly hotkey: string
  /** `<path>/<name>/hotkeys/<hotkey>` */
  readonly file: string
}

/** Throws a Fault for a name that would lead out of the wallet's hotkeys, such as to a coldkey. */
export async function locateHotkey(chosen: WalletChoice, env: Environment): Promise<WalletPlace> {
  const config = await readConfig(env)
  const name = chosen.name ?? env['BT_WALLET_NAME'] ?? config['wallet_name'] ?? 'default'
  const hotkey = chosen.hotkey ?? env['BT_WALLET_HOTKEY'] ?? config['wallet_hotkey'] ?? 'default'
  const base = chosen.path ?? env['BT_WALLET_PATH'] ?? config['wallet_path'] ?? '~/.bittensor/wallets'
  for (const [what, value] of [
    ['wallet name', name],
    ['hotkey name', hotkey],
  ]) {
    if (value === '' || value === '.' || value === '..' || /[/\\\0]/.test(value ?? ''))
      throw new Fault(
        EXIT.usage,
        `"${value}" is not a ${what}`,
        'Give a name, and its directory with --wallet-path.',
      )
  }
  if (hotkey.endsWith('pub.txt')) {
    throw new Fault(
      EXIT.wallet,
      `${hotkey} is the public half of a hotkey and cannot sign`,
      `Use --wallet-hotkey ${hotkey.slice(0, -'pub.txt'.length)}.`,
    )
  }
  return { name, hotkey, file: path.join(expandHome(base), name, 'hotkeys', hotkey) }
}

/** `~` as the shell would have it, also where no shell looked. */
export function expandHome(file: string): string {
  return path.resolve(file === '~' || file.startsWith('~/') ? path.join(homedir(), file.slice(1)) : file)
}

/** The top-level `name: text` lines of btcli's configuration; everything else in it is not for us. */
async function readConfig(env: Environment): Promise<Readonly<Record<string, string>>> {
  const file = expandHome(env['BTCLI_CONFIG_PATH'] ?? '~/.bittensor/config.yml')
  const text = await readFile(file, 'utf8').catch(() => '')
  const found: Record<string, string> = {}
  for (const line of text.split(/\r?\n/)) {
    const [, key = '', rest = ''] = /^(wallet_name|wallet_path|wallet_hotkey):\s*(.*)$/.exec(line) ?? []
    const value = rest
      .replace(/\s+#.*$/, '')
      .trim()
      .replace(/^(['"])(.*)\1$/, '$2')
    if (key !== '' && value !== '' && value !== 'null' && value !== '~') found[key] = value
  }
  return found
}
