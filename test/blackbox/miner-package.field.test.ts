/**
 * The package as a miner installs it: the command, the SDK in Node and in Chromium, its types, its
 * size.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { build } from 'esbuild'
import { chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { NPM_CACHE } from '../../tools/dev/field.ts'
import { DEV_KEYS } from '../../tools/dev/keys.ts'
import { fieldTool } from '../support/field.ts'
import { run } from '../support/miner.ts'
import { startWorld, type TestWorld } from '../support/world.ts'

const registry = fieldTool('dependencies')
const browsers = fieldTool('chromium')
const SEED = DEV_KEYS.find(({ name, scheme }) => name === 'bob' && scheme === 'sr25519')?.seed ?? ''

let world: TestWorld
/** An empty folder with the package installed. */
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'installed-'))
  // The machine's own Node, as a miner has it: what it trusts (a company's CA) the project's Node
  // may not know.
  const own = (process.env['PATH'] ?? '')
    .split(path.delimiter)
    .filter((part) => !part.includes('node_modules'))
  const npm = { PATH: own.join(path.delimiter), npm_config_update_notifier: 'false' }
  const packed = await run('npm', ['pack', '--json', '--pack-destination', folder], npm)
  const tarball = /[\w.-]+\.tgz/.exec(packed.stdout)?.[0] ?? ''
  await writeFile(path.join(folder, 'package.json'), '{"type":"module"}')
  const installed = await run(
    'npm',
    ['install', '--no-audit', '--no-fund', '--offline', '--cache', NPM_CACHE, `./${tarball}`],
    npm,
    folder,
  )
  if (installed.code !== 0) throw new Error(`${packed.stderr}${installed.stderr}`)
  world = await startWorld()
}, 90_000)

afterAll(async () => {
  await world.close()
  await rm(folder, { recursive: true })
})

describe.skipIf(registry.missing)(`installed${registry.note}`, () => {
  test('platform-edge uploads', async () => {
    const command = path.join(folder, 'node_modules/.bin/platform-edge')
    const env = { PLATFORM_EDGE_URL: world.gateway.url, PLATFORM_EDGE_SEED: SEED }
    await writeFile(path.join(folder, 'agent.py'), 'print(1)\n')
    const { code, stdout } = await run(
      command,
      ['upload', 'agent.py', '--challenge', 'demo', '--json-output'],
      { ...env, PATH: `${path.dirname(process.execPath)}:${process.env['PATH']}` },
      folder,
    )
    expect([code, JSON.parse(stdout).answer.uid]).toEqual([0, 2])
  })

  test('encrypted wallets and mnemonics find their libraries', async () => {
    const script = "import 'libsodium-wrappers-sumo'; import '@noble/curves/ed25519.js'"
    await writeFile(path.join(folder, 'libraries.js'), script)
    expect(await run(process.execPath, ['libraries.js'], {}, folder)).toMatchObject({ code: 0 })
    const words = 'tag must shine oval day hazard radar purity settle island bachelor foam'
    const cli = path.join(folder, 'node_modules/platform-edge-gateway/dist-miner/cli.js')
    const { stdout } = await run(process.execPath, [cli, 'whoami'], { PLATFORM_EDGE_MNEMONIC: words })
    expect(stdout).toContain('5CyoQ6R2cEAiEHwuXcxcEDmqf9FBBP5uUchD8H2yZ8Mj4NXR')
  })

  test('proxies and the configuration of btcli 9 find theirs', async () => {
    const cli = path.join(folder, 'node_modules/platform-edge-gateway/dist-miner/cli.js')
    await writeFile(path.join(folder, 'config.yml'), 'wallet_name: from yaml\n')
    const env = { BTCLI_CONFIG_PATH: path.join(folder, 'config.yml'), BTCLI_CONFIG: '/nonexistent' }
    const configured = await run(process.execPath, [cli, 'whoami'], env)
    expect(configured.stderr).toContain('/from yaml/hotkeys/default')
    for (const url of ['http://192.0.2.1', 'https://192.0.2.1']) {
      const proxied = { ALL_PROXY: 'http://127.0.0.1:1', PLATFORM_EDGE_SEED: SEED, PLATFORM_EDGE_URL: url }
      const { stdout } = await run(process.execPath, [cli, 'doctor'], proxied)
      expect(stdout).toContain(`no answer from ${url} through the proxy http://127.0.0.1:1 (ECONNREFUSED)`)
    }
  })

  test('the SDK in Node', async () => {
    await writeFile(
      path.join(folder, 'sdk.js'),
      `${SDK}\nconsole.log(JSON.stringify(await submit(process.argv[2])))`,
    )
    const { stdout } = await run(process.execPath, ['sdk.js', world.gateway.url], {}, folder)
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, value: { uid: 2 } })
  })

  test('its types: a problem is told apart by its code', async () => {
    await writeFile(path.join(folder, 'typed.ts'), TYPED)
    const flags = [
      '--noEmit',
      '--strict',
      '--target',
      'es2024',
      '--module',
      'nodenext',
      '--lib',
      'es2024,dom',
      '--types',
      '',
    ]
    const tsc = path.resolve('node_modules/typescript/bin/tsc')
    const { stdout } = await run(process.execPath, [tsc, ...flags, 'typed.ts'], {}, folder)
    expect(stdout).toBe('')
  })

  test('a bundle takes only what it uses', async () => {
    const size = async (contents: string) => {
      const bundled = await build({
        stdin: { contents, resolveDir: folder },
        bundle: true,
        minify: true,
        format: 'esm',
        write: false,
      })
      return bundled.outputFiles[0]?.contents.length ?? 0
    }
    const all = await size("export * from 'platform-edge-gateway/client'")
    const one = await size("export { parseProblem } from 'platform-edge-gateway/client'")
    expect(one).toBeLessThan(all / 4)
  })
})

const SDK = `
import { createClient, seedSigner } from 'platform-edge-gateway/client'
const seed = Uint8Array.from('${SEED}'.match(/../g), (hex) => parseInt(hex, 16))
export async function submit(gateway) {
  const client = createClient({ gateway, signer: seedSigner(seed) })
  return client.submitUpload({ challenge: 'demo', body: new TextEncoder().encode('print(1)') })
}
`

const TYPED = `
import { createClient, type Problem } from 'platform-edge-gateway/client'
export function cure(problem: Problem): number | string {
  switch (problem.code) {
    case 'stale_signature': return problem.server_time
    case 'nonce_already_used': return problem.original.request_id
    case 'submission_too_large': return problem.max_bytes
    case 'other': return problem.originalCode
    // @ts-expect-error only stale_signature has a clock
    default: return problem.server_time
  }
}
export async function send(): Promise<string> {
  const client = createClient({ gateway: 'https://g.example' })
  const answer = await client.submitUpload<{ id: string }>({ challenge: 'demo', body: new Uint8Array(1) })
  if (answer.ok) return answer.value?.id ?? answer.text
  if (answer.kind === 'foreign') return answer.hint
  return answer.kind === 'problem' ? answer.problem.hint : answer.kind === 'challenge' ? answer.text : answer.cause
}
`

describe.skipIf(registry.missing || browsers.missing)(
  `the SDK in Chromium${registry.note || browsers.note}`,
  () => {
    test('the SDK signs and submits in a page', async () => {
      const bundled = await build({
        stdin: { contents: `${SDK}\nglobalThis.submit = submit`, resolveDir: folder },
        bundle: true,
        format: 'iife',
        write: false,
      })
      const page = `<!doctype html><script>${bundled.outputFiles[0]?.text}</script>`
      const site = await serve(page, world.gateway.url)
      const browser = await chromium.launch({
        executablePath: browsers.program('chromium'),
        args: ['--no-sandbox'],
      })
      try {
        const tab = await browser.newPage()
        await tab.goto(site.url)
        const answer = await tab.evaluate('submit(location.origin)')
        expect(answer).toMatchObject({ ok: true, status: 201, value: { uid: 2 } })
        expect(Buffer.from(world.received.at(-1)?.content ?? []).toString()).toBe('print(1)')
      } finally {
        await browser.close()
        site.close()
      }
    })
  },
)

/**
 * The page at /, the gateway behind everything else: one origin, as where a site has its gateway
 * under its own name.
 */
async function serve(page: string, gateway: string) {
  const server = createServer((incoming, outgoing) => {
    if (incoming.url === '/') return outgoing.setHeader('content-type', 'text/html').end(page)
    const { method, headers } = incoming
    const passed = request(gateway + incoming.url, { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers)
      answer.pipe(outgoing)
    })
    return incoming.pipe(passed)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${port}/`, close: () => server.close() }
}
