/**
 * Which hotkey signs: options, then the environment, then the configuration of btcli 11 and of
 * btcli 9, then the defaults.
 */

import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parseArguments } from '../../miner/cli/arguments.ts'
import { locateHotkey, type WalletChoice } from '../../miner/wallet/locate.ts'

let directory: string
beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'choice-'))
})
afterAll(() => rm(directory, { recursive: true }))

/** The files as the two btcli write them; undefined for none. */
async function locate(
  files: { readonly eleven?: string | undefined; readonly nine?: string | undefined },
  env: Readonly<Record<string, string>> = {},
  chosen: WalletChoice = {},
) {
  const folder = await mkdtemp(path.join(directory, 'home-'))
  const [eleven, nine] = [path.join(folder, 'btcli.json'), path.join(folder, 'config.yml')]
  if (files.eleven !== undefined) await writeFile(eleven, files.eleven)
  if (files.nine !== undefined) await writeFile(nine, files.nine)
  const { file } = await locateHotkey(chosen, { BTCLI_CONFIG: eleven, BTCLI_CONFIG_PATH: nine, ...env })
  return file.replace('/hotkeys/', '/').replace(/^.*\/\.bittensor\/wallets/, '~')
}

const NAMELESS = 'network: null\nwallet_hotkey: null\nwallet_name: null\nwallet_path: null\n'
const json = (fields: object) => JSON.stringify(fields, null, 2)

type Row = [
  name: string,
  eleven: string | undefined,
  nine: string | undefined,
  place: string,
  env?: Record<string, string>,
  chosen?: WalletChoice,
]
const PLACES: Row[] = [
  ['nothing said', undefined, undefined, '~/default/default'],
  ['btcli 11', json({ wallet: 'a', wallet_hotkey: 'h', wallet_path: '/w' }), undefined, '/w/a/h'],
  ['btcli 11, another key of it', json({ network: 'test', json: true }), undefined, '~/default/default'],
  ['btcli 9', undefined, 'wallet_name: a\nwallet_hotkey: h\nwallet_path: /w # mine\n', '/w/a/h'],
  ['btcli 9, quoted', undefined, 'wallet_name: "caf\\xE9"\nwallet_hotkey: \'1\'\n', '~/café/1'],
  ['btcli 9, folded', undefined, 'wallet_name: one\n  two\n', '~/one two/default'],
  ['btcli 9, nested', undefined, 'metagraph_cols:\n  wallet_hotkey: no\nwallet_name: a\n', '~/a/default'],
  ['btcli 9 with every name empty', json({ wallet: 'a' }), NAMELESS, '~/a/default'],
  ['an empty config.yml', json({ wallet: 'a' }), '', '~/a/default'],
  ['both, the same wallet', json({ wallet: 'a' }), 'wallet_name: a\n', '~/a/default'],
  [
    'both, the same in other words',
    json({ wallet: 'a', wallet_hotkey: 'default' }),
    'wallet_name: a\n',
    '~/a/default',
  ],
  ['both, decided by options', json({ wallet: 'a' }), 'wallet_name: b\n', '~/c/default', {}, { name: 'c' }],
  [
    'both, decided by the environment',
    json({ wallet: 'a' }),
    'wallet_name: b\n',
    '~/d/default',
    { BT_WALLET: 'd' },
  ],
  [
    'the environment of btcli 11',
    json({ wallet: 'a' }),
    undefined,
    '~/b/h',
    { BT_WALLET: 'b', BT_WALLET_HOTKEY: 'h' },
  ],
  [
    'the environment of btcli 9',
    undefined,
    'wallet_name: a\n',
    '/p/b/default',
    { BT_WALLET_NAME: 'b', BT_WALLET_PATH: '/p' },
  ],
  [
    'both environments, the same',
    undefined,
    undefined,
    '~/b/default',
    { BT_WALLET: 'b', BT_WALLET_NAME: 'b' },
  ],
  [
    'an empty environment',
    json({ wallet: 'a' }),
    undefined,
    '~/a/default',
    { BT_WALLET: '', BT_WALLET_HOTKEY: '' },
  ],
  [
    'options before the environment',
    undefined,
    undefined,
    '/p/o/default',
    { BT_WALLET: 'e' },
    { name: 'o', path: '/p' },
  ],
  ['a broken file that decides nothing', '{', 'a: [', '/p/o/h', {}, { name: 'o', hotkey: 'h', path: '/p' }],
]
test.each(PLACES)('%s', async (_, eleven, nine, place, env, chosen) => {
  expect(await locate({ eleven, nine }, env, chosen)).toBe(place)
})

const REFUSED: [
  name: string,
  eleven: string | undefined,
  nine: string | undefined,
  says: RegExp,
  env?: Record<string, string>,
][] = [
  [
    'two names',
    json({ wallet: 'a' }),
    'wallet_name: b\n',
    /btcli\.json \(btcli 11\) has wallet a, hotkey default in .*config\.yml \(btcli 9\) has wallet b/,
  ],
  [
    'two hotkeys',
    json({ wallet: 'a', wallet_hotkey: 'h' }),
    'wallet_name: a\n',
    /hotkey h in .* hotkey default in/,
  ],
  ['two paths', json({ wallet_path: '/a' }), 'wallet_path: /b\n', /in \/a; .* in \/b/],
  // btcli 11 ignores config.yml and takes "default" here.
  ['a btcli.json that names none', json({ network: 'test' }), 'wallet_name: b\n', /different wallets/],
  [
    'two names, the hotkey given',
    json({ wallet: 'a' }),
    'wallet_name: b\n',
    /different wallets/,
    { BT_WALLET_HOTKEY: 'h' },
  ],
  [
    'JSON that is none',
    '{',
    undefined,
    /cannot read \S+btcli\.json, the configuration of btcli 11 \(not a JSON object\)/,
  ],
  ['a list', '[]', undefined, /not a JSON object/],
  ['a number for a name', json({ wallet: 5 }), undefined, /wallet is not text/],
  [
    'YAML that is none',
    undefined,
    'wallet_name: [a\n',
    /cannot read \S+config\.yml, the configuration of btcli 9 \(not YAML\)/,
  ],
  ['a YAML number', undefined, 'wallet_name: 007\n', /wallet_name is not text/],
  [
    'two environments',
    undefined,
    undefined,
    /BT_WALLET \(a\) and BT_WALLET_NAME \(b\) name different wallets/,
    { BT_WALLET: 'a', BT_WALLET_NAME: 'b' },
  ],
]
test.each(REFUSED)('refused: %s', async (_, eleven, nine, says, env) => {
  await expect(locate({ eleven, nine }, env)).rejects.toThrow(says)
  await expect(locate({ eleven, nine }, env)).rejects.toMatchObject({
    exitCode: 3,
    hint: expect.stringContaining('--wallet-name'),
  })
})

test('a directory in place of the file is refused by name', async () => {
  const folder = path.join(directory, 'folder.json')
  await mkdir(folder)
  const located = locateHotkey({}, { BTCLI_CONFIG: folder, BTCLI_CONFIG_PATH: '/nonexistent' })
  await expect(located).rejects.toThrow(`cannot read ${folder}, the configuration of btcli 11 (EISDIR)`)
})

describe("both btcli's names of the options", () => {
  test.each([
    ['--wallet-name', '--name', '--wallet.name', '--wallet_name', '-w', '--wallet'],
    ['--wallet-hotkey', '--hotkey', '--wallet.hotkey', '--wallet_hotkey', '-H'],
    ['--wallet-path', '--wallet.path', '--wallet_path', '-p'],
  ])('%s', (...spellings) => {
    for (const spelling of spellings) {
      const { walletName, walletHotkey, walletPath } = parseArguments(['whoami', spelling, 'x'])
      expect([walletName, walletHotkey, walletPath].filter((value) => value === 'x')).toHaveLength(1)
    }
  })

  test.each(['--json-output', '--json-out', '--json'])('%s', (spelling) => {
    expect(parseArguments(['whoami', spelling]).json).toBe(true)
  })
})
