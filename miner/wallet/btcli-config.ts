/**
 * The wallets that btcli's own configuration names: btcli 11 (PyPI `bittensor`) reads btcli.json
 * and ignores config.yml, btcli 9 (PyPI `bittensor-cli`) reads config.yml and does not know
 * btcli.json. A file that is there and cannot be read is a Fault: another wallet than the
 * configured one must not sign.
 */

import { readFile } from 'node:fs/promises'
import { homedir } from 'node:os'
import path from 'node:path'
import { isRecord, parseJson } from '../../src/protocol/json.ts'
import { EXIT, errorCode, Fault } from '../cli/fault.ts'

export interface NamedWallet {
  readonly name: string | undefined
  readonly hotkey: string | undefined
  readonly path: string | undefined
}

export interface BtcliConfig extends NamedWallet {
  readonly file: string
  readonly version: 9 | 11
}

type Environment = Readonly<Record<string, string | undefined>>

const ABSENT = ['ENOENT', 'ENOTDIR']

/**
 * The files that have a say. config.yml has one only if it names something: btcli 9 writes the
 * file with every name empty.
 */
export async function readBtcliConfigs(env: Environment): Promise<readonly BtcliConfig[]> {
  const files = [
    { version: 11, file: expandHome(env['BTCLI_CONFIG'] || '~/.bittensor/btcli.json') },
    { version: 9, file: expandHome(env['BTCLI_CONFIG_PATH'] || '~/.bittensor/config.yml') },
  ] as const
  const read = await Promise.all(files.map(({ version, file }) => readConfig(version, file)))
  return read.filter((config) => config !== undefined)
}

async function readConfig(version: 9 | 11, file: string): Promise<BtcliConfig | undefined> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    if (ABSENT.includes(errorCode(error))) return undefined
    throw unreadable(version, file, errorCode(error))
  })
  if (text === undefined) return undefined
  const fields = version === 11 ? parseJson(text) : await parseYaml(text)
  if (!isRecord(fields)) throw unreadable(version, file, version === 11 ? 'not a JSON object' : 'not YAML')
  const field = (name: string) => {
    const value = fields[name] ?? ''
    if (typeof value !== 'string') throw unreadable(version, file, `${name} is not text`)
    return value || undefined
  }
  const names = {
    name: field(version === 11 ? 'wallet' : 'wallet_name'),
    hotkey: field('wallet_hotkey'),
    path: field('wallet_path'),
  }
  const silent = version === 9 && Object.values(names).every((name) => name === undefined)
  return silent ? undefined : { file, version, ...names }
}

/** As btcli's own reader has it (YAML 1.1); an empty file names nothing. */
async function parseYaml(text: string): Promise<unknown> {
  // CommonJS: a bundle has no other export than this one.
  const { default: yaml } = await import('yaml')
  const document = yaml.parseDocument(text, { version: '1.1', logLevel: 'silent' })
  return document.errors.length > 0 ? undefined : (document.toJS() ?? {})
}

function unreadable(version: 9 | 11, file: string, why: string): Fault {
  return new Fault(
    EXIT.wallet,
    `cannot read ${file}, the configuration of btcli ${version} (${why})`,
    'Correct the file, or name the wallet with --wallet-name, --wallet-hotkey and --wallet-path.',
  )
}

/** `~` as the shell would have it, also where no shell looked. */
export function expandHome(file: string): string {
  return path.resolve(file === '~' || file.startsWith('~/') ? path.join(homedir(), file.slice(1)) : file)
}
