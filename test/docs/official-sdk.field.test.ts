/**
 * The ten lines of docs/miners.md for the official SDK, run by it with real wallets through the
 * running gateway.
 */

import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { RECEIVER } from '../support/btauth.ts'
import { fieldTool } from '../support/field.ts'
import { run } from '../support/miner.ts'
import { sha256 } from '../support/upload.ts'
import { startWorld, type TestWorld } from '../support/world.ts'

const sdk = fieldTool('bittensor')
const python = sdk.program('python')
const LINES =
  /## With the official SDK\n[\s\S]*?```python\n([\s\S]*?)```/.exec(
    readFileSync('docs/miners.md', 'utf8'),
  )?.[1] ?? ''
const BODY = 'def agent(task):\n    return task\n'

/** One hotkey of each scheme, made by the SDK; prints their addresses. */
const MAKE = `
import sys, json
from bittensor import wallets
made = {}
for name, crypto_type in (("sr", 1), ("ed", 0)):
    wallet = wallets.new_hotkey(name="default", hotkey=name, path=sys.argv[1], crypto_type=crypto_type)
    made[name] = wallet.hotkey.ss58_address
print(json.dumps(made))
`

let world: TestWorld
let directory: string
let hotkeys: Readonly<Record<string, string>>

test('they are about ten', () => {
  expect(LINES.trim().split('\n').length).toBeLessThanOrEqual(11)
})

describe.skipIf(sdk.missing)(`the official SDK${sdk.note}`, () => {
  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'sdk-'))
    await writeFile(path.join(directory, 'agent.py'), BODY)
    const made = await run(python, ['-c', MAKE, directory])
    hotkeys = JSON.parse(made.stdout.trim().split('\n').at(-1) ?? '{}')
    const vars = { GATEWAY_HOTKEY: RECEIVER, EXTRA_REGISTERED_HOTKEYS: Object.values(hotkeys) }
    world = await startWorld({ vars })
  }, 90_000)

  afterAll(async () => {
    await world?.close()
    await rm(directory, { recursive: true, force: true })
  })

  /** The page's lines with this test's gateway, wallet and file. */
  function script(hotkey: string, changes: (lines: string) => string = (lines) => lines): string {
    return changes(
      LINES.replace('https://gateway.example.com', world.gateway.url)
        .replace(
          'name="default", hotkey="default"',
          `name="default", hotkey="${hotkey}", path=${JSON.stringify(directory)}`,
        )
        .replace('"demo", "agent.py"', `"demo", ${JSON.stringify(path.join(directory, 'agent.py'))}`)
        .replace('"X-Submission-Filename": file', '"X-Submission-Filename": "agent.py"'),
    )
  }

  test.each(['sr', 'ed'])('a wallet of the scheme %s25519', { timeout: 60_000 }, async (name) => {
    const { code, stdout, stderr } = await run(python, ['-c', script(name)])
    expect([code, stderr]).toEqual([0, ''])
    expect(JSON.parse(stdout)).toMatchObject({
      hotkey: hotkeys[name],
      filename: 'agent.py',
      code_hash: sha256(new TextEncoder().encode(BODY)),
    })
  })

  test('a query is signed as it is sent', { timeout: 60_000 }, async () => {
    const withQuery = (lines: string) => lines.replace('/submissions"', '/submissions?epoch=7&note=%C3%A9"')
    const { code } = await run(python, ['-c', script('sr', withQuery)])
    expect(code).toBe(0)
    expect(world.received.at(-1)?.target).toBe('/internal/v1/bridge/submissions?epoch=7&note=%C3%A9')
  })

  test('signed for another receiver', { timeout: 60_000 }, async () => {
    const other = (lines: string) => lines.replace(RECEIVER, hotkeys['ed'] ?? '')
    const { code, stderr } = await run(python, ['-c', script('sr', other)])
    expect([code, stderr.includes('401')]).toEqual([1, true])
  })
})
