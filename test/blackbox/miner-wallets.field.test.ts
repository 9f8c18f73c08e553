/**
 * Wallets written by the real bittensor-wallet package, read by ours, and its own Keypair against
 * the gateway.
 */

import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { passwordVariable } from '../../miner/wallet/password.ts'
import { fieldTool } from '../support/field.ts'
import { CLI, cli, run } from '../support/miner.ts'
import { startWorld, type TestWorld } from '../support/world.ts'

const wallet = fieldTool('bittensor-wallet')
const python = wallet.program('python')
const PASSWORD = 'canary password'

/** Prints hotkey by name, and the variable the password is kept in. `enc` costs Argon2 once. */
const MAKE = `
import json, sys
from bittensor_wallet import Keypair, Wallet
made = {}
def make(name, keypair, **options):
    wallet = Wallet(name="miner", hotkey=name, path=sys.argv[1])
    wallet.set_hotkey(keypair=keypair, overwrite=True, encrypt=bool(options), **options)
    wallet.set_hotkeypub(keypair=keypair, overwrite=True)
    made[name] = keypair.ss58_address
phrase = Keypair.generate_mnemonic()
make("plain", Keypair.create_from_mnemonic(phrase))
make("ed25519", Keypair.create_from_mnemonic(phrase, crypto_type=0))
make("uri", Keypair.create_from_uri("//Miner//7"))
make("seed", Keypair.create_from_seed("0x" + "11" * 32))
make("enc", Keypair.create_from_mnemonic(Keypair.generate_mnemonic()), hotkey_password=sys.argv[2])
open(sys.argv[1] + "/phrase", "w").write(phrase)
keyfile = Wallet(name="miner", hotkey="enc", path=sys.argv[1]).hotkey_file
print(json.dumps([made, {keyfile.env_var_name(): keyfile.save_password_to_env(sys.argv[2])}]))
`

let world: TestWorld
let wallets: string
let file: string
let hotkeys: Readonly<Record<string, string>>
let scrambled: Readonly<Record<string, string>>

beforeAll(async () => {
  wallets = await mkdtemp(path.join(tmpdir(), 'wallets-'))
  file = path.join(wallets, 'agent.py')
  await writeFile(file, 'print(1)\n')
  const made = wallet.missing ? undefined : await run(python, ['-c', MAKE, wallets, PASSWORD])
  const [byName, variables] = JSON.parse(made?.stdout.split('\n').at(-2) ?? '[{}, {}]')
  hotkeys = byName
  scrambled = variables
  world = await startWorld({ vars: { EXTRA_REGISTERED_HOTKEYS: Object.values(hotkeys) } })
}, 90_000)

afterAll(async () => {
  await world.close()
  await rm(wallets, { recursive: true })
})

function upload(hotkey: string, env: Readonly<Record<string, string>> = {}) {
  const wallet = ['--wallet-path', wallets, '--wallet-name', 'miner', '--wallet-hotkey', hotkey]
  return cli(['upload', file, '--challenge', 'demo', '--json-output', ...wallet], {
    PLATFORM_EDGE_URL: world.gateway.url,
    ...env,
  })
}

describe.skipIf(wallet.missing)(`wallets of bittensor-wallet${wallet.note}`, () => {
  test.each(['plain', 'ed25519', 'uri', 'seed'])('%s', async (name) => {
    const { code, stdout } = await upload(name)
    expect([code, JSON.parse(stdout).answer.hotkey]).toEqual([0, hotkeys[name]])
  })

  test('encrypted, the password where the wallet software keeps it', async () => {
    const name = passwordVariable(`${wallets}/miner/hotkeys/enc`)
    const { code, stdout } = await upload('enc', { [name]: scrambled[name] ?? '' })
    expect([code, JSON.parse(stdout).answer.hotkey]).toEqual([0, hotkeys['enc']])
  })

  test('encrypted, without a terminal to ask for the password', async () => {
    const { code, stdout } = await upload('enc')
    expect(code).toBe(3)
    expect(JSON.parse(stdout).hint).toContain('BT_WALLET_PASSWORD')
  })

  test('encrypted, a wrong password typed at a terminal, without echo', async () => {
    const command = [process.execPath, CLI, 'whoami']
    const wallet = ['--wallet-path', wallets, '--wallet-name', 'miner', '--wallet-hotkey', 'enc']
    const typed = await run(python, ['-c', TYPE, 'canary wrong', ...command, ...wallet])
    expect(typed.stdout).toContain(`Password of ${wallets}/miner/hotkeys/enc: `)
    expect(typed.stdout).toContain(`wrong password for ${wallets}/miner/hotkeys/enc`)
    expect(typed.stdout).not.toContain('canary')
  })

  test('a name that is not there, a public half, a file open to others', async () => {
    const absent = await upload('absent')
    expect(JSON.parse(absent.stdout)).toMatchObject({
      exit_code: 3,
      hint: 'Wallet "miner" has: ed25519, enc, plain, seed, uri. Choose with --wallet-hotkey.',
    })
    expect(JSON.parse((await upload('plainpub.txt')).stdout).error).toContain('public half')
    await chmod(path.join(wallets, 'miner', 'hotkeys', 'plain'), 0o644)
    const { code, stderr } = await upload('plain')
    expect(code).toBe(0)
    expect(stderr).toMatch(/^warning: .*can be read by others \(mode 644\); chmod 600/m)
  })

  test('the same mnemonic from a file and from the environment', async () => {
    const phrase = path.join(wallets, 'phrase')
    await chmod(phrase, 0o600)
    const fromFile = await cli(['whoami', '--mnemonic-file', phrase, '--json-output'])
    expect(JSON.parse(fromFile.stdout).hotkey).toBe(hotkeys['plain'])
    const words = (await run('cat', [phrase])).stdout
    const fromEnv = await cli(['whoami', '--scheme', 'ed25519', '--json-output'], {
      PLATFORM_EDGE_MNEMONIC: words,
    })
    expect(JSON.parse(fromEnv.stdout).hotkey).toBe(hotkeys['ed25519'])
  })
})

/** Types the first argument when asked, at a terminal of its own. */
const TYPE = `
import os, pty, sys
typed = False
def read(fd):
    global typed
    data = os.read(fd, 4096)
    if b"Password" in data and not typed:
        typed = True
        os.write(fd, sys.argv[1].encode() + b"\\r")
    return data
pty.spawn(sys.argv[2:], read)
`

describe('docs/upload.sh', () => {
  test.skipIf(wallet.missing)(`with the wallet package${wallet.note}`, async () => {
    const sign = `${python} -c 'import sys; from bittensor_wallet import Wallet; print(Wallet(name="miner", hotkey="plain", path="${wallets}").hotkey.sign(sys.stdin.buffer.read()).hex())'`
    const { code, stdout } = await shell(hotkeys['plain'] ?? '', sign)
    expect([code, JSON.parse(stdout).hotkey]).toEqual([0, hotkeys['plain']])
  })

  test('with any signer, here Alice', async () => {
    const script = path.join(wallets, 'sign.ts')
    await writeFile(script, SIGN_AS_ALICE)
    const alice = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY'
    const { code, stdout } = await shell(alice, `${process.execPath} ${script}`)
    expect([code, JSON.parse(stdout).hotkey]).toEqual([0, alice])
  })

  const shell = (hotkey: string, sign: string) =>
    run('sh', ['docs/upload.sh', file], {
      GATEWAY: world.gateway.url,
      CHALLENGE: 'demo',
      HOTKEY: hotkey,
      SIGN: sign,
    })
})

const SIGN_AS_ALICE = `
import { readFileSync } from 'node:fs'
import { devSigner } from '${path.resolve('test/support/world.ts')}'
const signature = devSigner('alice').sign(readFileSync(0), crypto.getRandomValues(new Uint8Array(32)))
console.log(Buffer.from(signature).toString('hex'))
`
