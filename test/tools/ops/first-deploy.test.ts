/**
 * A first deploy that Cloudflare refuses half way, with the real wrangler against a stand-in of
 * Cloudflare's API.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { type ApiError, type CloudflareApi, startCloudflareApi } from '../../support/cloudflare-api.ts'
import { runCommand } from '../../support/command.ts'

/** wrangler takes seconds to start, and one test deploys five times. */
vi.setConfig({ testTimeout: 240_000 })

const TOML = `name = "gateway"
main = "worker.js"
compatibility_date = "2026-09-01"
workers_dev = false
[triggers]
crons = ["*/5 * * * *"]
[env.production]
routes = [{ pattern = "gateway.subnet.dev", custom_domain = true }]
[[env.production.kv_namespaces]]
binding = "CACHE"
[env.production.vars.CHALLENGES.demo]
origin = "https://demo.tunnel.dev"
`

let directory: string
let config: string
let api: CloudflareApi
let refusal: ApiError | undefined

beforeEach(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'first-deploy-'))
  config = path.join(directory, 'wrangler.toml')
  await writeFile(config, TOML)
  await writeFile(path.join(directory, 'worker.js'), 'export default { fetch: () => new Response() }')
  api = await startCloudflareApi(() => refusal)
})
afterEach(async () => {
  api.close()
  await rm(directory, { recursive: true })
})

function deploy() {
  return runCommand('tools/ops/deploy.ts', ['--env', 'production', '--yes', '--config', config], {
    env: { ...process.env, ...api.env, WRANGLER_LOG_PATH: directory },
  })
}

const FREE_PLAN = { code: 100328, message: 'CPU limits are not supported for the Free plan.' }
const NO_SUBDOMAIN = { code: 10063, message: 'You need a workers.dev subdomain in order to proceed.' }
const TOO_LARGE = { code: 10054, message: 'Environment variable exceeds the size limit.' }

test('half a first deploy: each refusal says what to do, and with the id in place the next one passes', async () => {
  refusal = FREE_PLAN
  const first = await deploy()
  expect(first.code).not.toBe(0)
  expect(first.stderr).toMatch(/\[limits\] needs Workers Paid.* \(100328\)/)
  const id = '1'.padStart(32, '0')
  const block = `    [[env.production.kv_namespaces]]\n             binding = "CACHE"\n             id = "${id}"\n`
  expect(first.stderr).toContain(block)

  refusal = undefined
  const second = await deploy()
  expect(second.code).not.toBe(0)
  expect(second.stderr).toMatch(/there already, from an earlier deploy that was refused half way \(10014\)/)
  expect(second.stderr).toContain(block)

  await writeFile(config, TOML.replace('binding = "CACHE"', `binding = "CACHE"\nid = "${id}"`))
  refusal = NO_SUBDOMAIN
  expect((await deploy()).stderr).toMatch(/no workers\.dev subdomain yet: .* choose one, once .*\(10063\)\n$/)
  refusal = TOO_LARGE
  expect((await deploy()).stderr).toMatch(/5,120 bytes.* \(10054\)\n$/)

  refusal = undefined
  const last = await deploy()
  expect(last.stdout).toContain('Uploaded gateway-production')
  expect(last.stderr).not.toMatch(/^error:/m)
  expect(last.code).toBe(0)
})

test('a refusal without an entry in the table is left in its own words', async () => {
  refusal = { code: 10021, message: 'Uncaught SyntaxError' }
  const { stderr, code } = await deploy()
  expect(code).not.toBe(0)
  expect(stderr).toContain('[code: 10021]')
  expect(stderr).not.toMatch(/^error:/m)
})
