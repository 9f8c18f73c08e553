/**
 * Where the hotkey is, by the rules of both generations of btcli: options, then the environment,
 * then their configuration files, then the defaults.
 */

import path from 'node:path'
import { EXIT, Fault } from '../cli/fault.ts'
import { type BtcliConfig, expandHome, type NamedWallet, readBtcliConfigs } from './btcli-config.ts'

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

const DEFAULTS = { name: 'default', hotkey: 'default', path: '~/.bittensor/wallets' }

/** Throws a Fault for a name that would lead out of the wallet's hotkeys, such as to a coldkey. */
export async function locateHotkey(chosen: WalletChoice, env: Environment): Promise<WalletPlace> {
  const said = {
    name: chosen.name ?? nameIn(env),
    hotkey: chosen.hotkey ?? (env['BT_WALLET_HOTKEY'] || undefined),
    path: chosen.path ?? (env['BT_WALLET_PATH'] || undefined),
  }
  const complete = Object.values(said).every((value) => value !== undefined)
  const configs = complete ? [] : await readBtcliConfigs(env)
  const [wallet = filled(said, undefined), other] = configs.map((config) => filled(said, config))
  const [one, two] = configs
  if (one && two && other && placeOf(wallet) !== placeOf(other)) throw contradiction(one, two)
  const { name, hotkey } = wallet
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
  return { name, hotkey, file: placeOf(wallet) }
}

type Wallet = typeof DEFAULTS

/** What a configuration's btcli would use beside what is said already. */
function filled(said: NamedWallet, config: NamedWallet | undefined): Wallet {
  return {
    name: said.name ?? config?.name ?? DEFAULTS.name,
    hotkey: said.hotkey ?? config?.hotkey ?? DEFAULTS.hotkey,
    path: said.path ?? config?.path ?? DEFAULTS.path,
  }
}

function placeOf({ name, hotkey, path: base }: Wallet): string {
  return path.join(expandHome(base), name, 'hotkeys', hotkey)
}

/** btcli 11 reads `BT_WALLET`, btcli 9 and its SDK `BT_WALLET_NAME`. */
function nameIn(env: Environment): string | undefined {
  const [eleven, nine] = [env['BT_WALLET'], env['BT_WALLET_NAME']]
  if (eleven && nine && eleven !== nine)
    throw new Fault(
      EXIT.wallet,
      `BT_WALLET (${eleven}) and BT_WALLET_NAME (${nine}) name different wallets`,
      'Choose with --wallet-name, or unset one of them.',
    )
  return eleven || nine || undefined
}

function contradiction(one: BtcliConfig, two: BtcliConfig): Fault {
  const says = ({ file, version, ...named }: BtcliConfig) => {
    const { name, hotkey, path: base } = filled(named, undefined)
    return `${file} (btcli ${version}) has wallet ${name}, hotkey ${hotkey} in ${base}`
  }
  return new Fault(
    EXIT.wallet,
    `two configurations name different wallets: ${says(one)}; ${says(two)}`,
    'Choose with --wallet-name, --wallet-hotkey and --wallet-path, or remove the file of the btcli that you no longer use.',
  )
}
