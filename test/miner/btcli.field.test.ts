/**
 * The files of both generations of btcli, written by the real tools: the same wallet, or a
 * refusal.
 */

import { cp, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { Keyring } from '@polkadot/keyring'
import { cryptoWaitReady } from '@polkadot/util-crypto'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { fieldTool } from '../support/field.ts'
import { cli, run } from '../support/miner.ts'

vi.setConfig({ testTimeout: 180_000, hookTimeout: 180_000 })

const nine = fieldTool('bittensor-cli')
const eleven = fieldTool('bittensor')
const BOTH = { missing: nine.missing || eleven.missing, note: nine.note || eleven.note }

let directory: string
/**
 * A home for each set of files; its wallets are empty, so that the place that was looked at is
 * named.
 */
const homes: Record<'nine' | 'eleven' | 'unused' | 'both', string> = {
  nine: '',
  eleven: '',
  unused: '',
  both: '',
}

const btcli9 = (home: string, ...args: string[]) => run(nine.program('btcli'), args, { HOME: home })
const btcli11 = (home: string, ...args: string[]) => run(eleven.program('btcli'), args, { HOME: home })
const place = (home: string, wallet: string, hotkey: string) =>
  `there is no hotkey at ${home}/.bittensor/wallets/${wallet}/hotkeys/${hotkey}`

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'btcli-'))
  if (BOTH.missing) return
  for (const name of ['nine', 'eleven', 'unused', 'both'] as const)
    homes[name] = await mkdtemp(path.join(directory, `${name}-`))
  await btcli9(homes.nine, 'config', 'set', '--wallet-name', 'my wallet', '--wallet-hotkey', 'h9')
  await btcli11(homes.eleven, 'config', 'set', 'wallet', 'el')
  await btcli11(homes.eleven, 'config', 'set', 'wallet_hotkey', 'h11')
  // btcli 9 writes its file the first time that it runs.
  await btcli9(homes.unused, 'config', 'get')
  for (const home of [homes.unused, homes.both])
    await cp(path.join(homes.eleven, '.bittensor'), path.join(home, '.bittensor'), { recursive: true })
  await cp(path.join(homes.nine, '.bittensor/config.yml'), path.join(homes.both, '.bittensor/config.yml'))
})
afterAll(() => rm(directory, { recursive: true }))

describe.skipIf(BOTH.missing)(`configurations of both${BOTH.note}`, () => {
  test('btcli 9', async () => {
    const { code, stderr } = await cli(['whoami'], { HOME: homes.nine })
    expect([code, stderr]).toEqual([3, expect.stringContaining(place(homes.nine, 'my wallet', 'h9'))])
  })

  test('btcli 11, and one that btcli 9 never used', async () => {
    for (const home of [homes.eleven, homes.unused]) {
      const { stderr } = await cli(['whoami'], { HOME: home })
      expect(stderr).toContain(place(home, 'el', 'h11'))
      // What btcli 11 itself takes.
      const shown = await btcli11(home, '--json', 'config', 'get')
      expect(JSON.parse(shown.stdout)).toMatchObject({ wallet: 'el', wallet_hotkey: 'h11' })
    }
  })

  test('both, and they differ', async () => {
    const { code, stderr } = await cli(['whoami'], { HOME: homes.both })
    expect(code).toBe(3)
    expect(stderr).toContain('has wallet el, hotkey h11')
    expect(stderr).toContain('has wallet my wallet, hotkey h9')
    const chosen = await cli(['whoami', '-w', 'w', '-H', 'h'], { HOME: homes.both })
    expect(chosen.stderr).toContain(place(homes.both, 'w', 'h'))
    const named = await cli(['whoami'], { HOME: homes.both, BT_WALLET: 'v', BT_WALLET_HOTKEY: 'h' })
    expect(named.stderr).toContain(place(homes.both, 'v', 'h'))
  })
})

test.skipIf(nine.missing)(
  `the remedy for a polkadot.js keystore is one: btcli 9 writes it as a hotkey${nine.note}`,
  async () => {
    await cryptoWaitReady()
    const home = await mkdtemp(path.join(directory, 'keystore-'))
    // As the extension exports it: btcli 9 wants these three fields.
    const meta = { genesisHash: null, name: 'miner', whenCreated: 1727395683981 }
    const pair = new Keyring({ type: 'sr25519', ss58Format: 42 }).addFromUri('//Miner//7', meta)
    const keystore = path.join(home, 'keystore.json')
    await writeFile(keystore, JSON.stringify(pair.toJson('canary')), { mode: 0o600 })
    const refused = await cli(['whoami', '--secret-file', keystore], { HOME: home })
    expect(refused).toMatchObject({
      code: 3,
      stderr: expect.stringContaining('btcli wallet regen-hotkey --json FILE --json-password PASSWORD'),
    })
    const wallets = path.join(home, '.bittensor/wallets')
    const wallet = ['--wallet-name', 'w', '--wallet-path', wallets, '--no-use-password']
    await btcli9(home, 'wallet', 'new-coldkey', ...wallet, '--n-words', '12')
    const made = await btcli9(
      home,
      'wallet',
      'regen-hotkey',
      ...wallet,
      '--wallet-hotkey',
      'h',
      '--json',
      keystore,
      '--json-password',
      'canary',
    )
    expect(made).toMatchObject({ code: 0 })
    const read = await cli(['whoami', '-w', 'w', '-H', 'h'], { HOME: home })
    expect(read.stdout).toContain(`hotkey ${pair.address}\nscheme sr25519`)
  },
)
