/** `GET /upload.py` as miners use it: with each of the wallet packages, by Python and by uv. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { FIELD } from '../../tools/dev/field.ts'
import { fieldTool } from '../support/field.ts'
import { run } from '../support/miner.ts'
import { startWorld, type TestWorld } from '../support/world.ts'

/** Writes a wallet with the package's own code and prints its hotkey. */
const MAKE: Readonly<Record<string, string>> = {
  'bittensor-wallet': `
import sys
from bittensor_wallet import Keypair, Wallet
keypair = Keypair.create_from_mnemonic(Keypair.generate_mnemonic())
Wallet(name="miner", hotkey="hot", path=sys.argv[1]).set_hotkey(keypair=keypair, encrypt=False)
print(keypair.ss58_address)
`,
  bittensor: `
import sys
from bittensor import Wallet
wallet = Wallet("miner", "hot", sys.argv[1])
wallet.create_new_hotkey(use_password=False)
print(wallet.hotkey.ss58_address)
`,
}
const PACKAGES = Object.keys(MAKE) as ('bittensor-wallet' | 'bittensor')[]
const uv = fieldTool('uv')
const wheels = fieldTool('wheels')

let world: TestWorld
let directory: string
let file: string
const hotkeys = new Map<string, string>()

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'served-'))
  file = path.join(directory, 'agent.py')
  await writeFile(file, 'print(1)\n')
  for (const name of PACKAGES.filter((each) => !fieldTool(each).missing)) {
    const python = fieldTool(name).program('python')
    const { stdout } = await run(python, ['-c', MAKE[name] ?? '', path.join(directory, name)])
    hotkeys.set(name, stdout.trim().split('\n').at(-1) ?? '')
  }
  world = await startWorld({ vars: { EXTRA_REGISTERED_HOTKEYS: [...hotkeys.values()] } })
  const served = await fetch(`${world.gateway.url}/upload.py`)
  await writeFile(path.join(directory, 'upload.py'), await served.text())
})

afterAll(async () => {
  await world.close()
  await rm(directory, { recursive: true })
})

const wallet = (name: string) => ['-p', path.join(directory, name), '-w', 'miner', '-H', 'hot']

describe.each(PACKAGES)('%s', (name) => {
  const tool = fieldTool(name)
  const upload = (...args: string[]) =>
    run(tool.program('python'), [path.join(directory, 'upload.py'), file, ...wallet(name), ...args], {
      HOME: directory,
    })

  describe.skipIf(tool.missing)(`miner/upload.py with ${name}${tool.note}`, () => {
    test('uploads to the gateway that served it, under the name of the file', async () => {
      const { code, stdout } = await upload('--challenge', 'demo')
      expect([code, JSON.parse(stdout).hotkey]).toEqual([0, hotkeys.get(name)])
      const headers = new Map(
        world.received.at(-1)?.headers.map(([key, value]) => [key.toLowerCase(), value]),
      )
      expect(headers.get('x-submission-filename')).toBe('agent.py')
      expect(Buffer.from(world.received.at(-1)?.content ?? []).toString()).toBe('print(1)\n')
    })

    test('the same nonce again counts once, and says what became of the first', async () => {
      const before = world.received.length
      const first = await upload('--challenge', 'demo', '--nonce', `twice-${name}`)
      const second = await upload('--challenge', 'demo', '--nonce', `twice-${name}`)
      expect([first.code, second.code, world.received.length]).toEqual([0, 0, before + 1])
      expect(second.stdout).toMatch(
        /^the first attempt arrived: the challenge answered 201 \(request \S+\)$/m,
      )
    })

    test('a challenge that does not exist: the gateway names those that do', async () => {
      const { code, stderr } = await upload('--challenge', 'nope')
      expect(code).toBe(1)
      expect(stderr).toMatch(/^error: Challenge not found \(404 challenge_not_found, request \S+\)$/m)
      expect(stderr).toMatch(/^hint: {2}.*\bdemo\b/m)
    })

    test('no wallet: one line and what to do', async () => {
      const { code, stderr } = await upload('--challenge', 'demo', '-H', 'absent')
      expect(code).toBe(3)
      expect(stderr).toMatch(/^error: cannot open the hotkey \(.*absent.*\)\nhint: {2}.+\n$/)
    })
  })
})

describe.skipIf(uv.missing || wheels.missing)(`uv run URL/upload.py${uv.note || wheels.note}`, () => {
  test('is the whole installation', async () => {
    const url = `${world.gateway.url}/upload.py`
    const local = ['--no-index', '--find-links', path.join(FIELD, 'wheels'), '--python', uv.program('python')]
    const args = ['run', '--quiet', ...local, url, file, ...wallet('bittensor-wallet'), '--challenge', 'demo']
    const env = { HOME: directory, UV_CACHE_DIR: path.join(directory, 'uv-cache') }
    const { code, stdout, stderr } = await run(uv.program('uv'), args, env)
    expect([code, stderr]).toEqual([0, expect.stringMatching(/^uploading 9 bytes to demo as .*\n$/)])
    expect(JSON.parse(stdout).hotkey).toBe(hotkeys.get('bittensor-wallet'))
  })
})
