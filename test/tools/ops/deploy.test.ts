/** `npm run deploy`: what is refused before wrangler is asked, and what it is told. */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { judgeReadiness } from '../../../tools/ops/before-deploy.ts'
import { readDeployment } from '../../../tools/ops/deployment.ts'
import { readWranglerToml, readWritten } from '../../../tools/ops/wrangler-toml.ts'
import { runCommand } from '../../support/command.ts'
import { createFakeWrangler } from '../../support/fake-wrangler.ts'

vi.setConfig({ testTimeout: 60_000 })

describe('npm run deploy', () => {
  let directory: string
  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'deploy-'))
  })
  afterAll(() => rm(directory, { recursive: true }))

  /** As an operator at a terminal would, who says yes. */
  async function deploy(environment: string, ...args: readonly string[]) {
    return run(environment, [...args, '--yes'])
  }

  async function run(environment: string, args: readonly string[], top = '') {
    const config = path.join(directory, 'wrangler.toml')
    const good = 'name = "gateway"\nworkers_dev = false\n[triggers]\ncrons = ["*/5 * * * *"]\n'
    await writeFile(config, `${good}${top}[env.production]\n${environment}`)
    const wrangler = await createFakeWrangler({})
    const outcome = await runCommand('tools/ops/deploy.ts', ['--config', config, ...args], {
      env: wrangler.env,
    })
    const calls = await wrangler.calls()
    await wrangler.remove()
    return { ...outcome, calls: calls.map(({ args: each }) => each.slice(0, -2)) }
  }

  const READY = 'routes = [{ pattern = "gateway.subnet.dev", custom_domain = true }]\n'
  const DEMO = '[env.production.vars.CHALLENGES.demo]\norigin = "https://demo.tunnel.dev"\n'

  test('deploys what is ready, and hands on what it does not know', async () => {
    const { code, calls } = await deploy(READY + DEMO, '--env', 'production', '--message', 'first', '--tag=1')
    expect(calls).toEqual([['deploy', '--env', 'production', '--message', 'first', '--tag=1']])
    expect(code).toBe(0)
  })

  test('without --env the top level, said explicitly', async () => {
    expect((await deploy(READY)).calls).toEqual([['deploy', '--env', '']])
  })

  test('a dry run of every environment', async () => {
    const { calls } = await deploy(READY, '--dry-run', '--every')
    expect(calls.map(([, , env, dry]) => [env, dry])).toEqual([
      ['', '--dry-run'],
      ['production', '--dry-run'],
    ])
  })

  test('a chain node behind Access: its secrets are taken as there', async () => {
    const own =
      '[env.production.vars]\nCHAIN_ENDPOINTS = [{ url = "https://node.subnet.net", access = true }]\n'
    expect(await deploy(READY + own + DEMO, '--env', 'production')).toMatchObject({ code: 0, stderr: '' })
  })

  test('an origin behind a VPC binding of the environment', async () => {
    const vpc =
      '[[env.production.vpc_services]]\nbinding = "DEMO_VPC"\nservice_id = "x"\n[env.production.vars.CHALLENGES.demo]\norigin = "vpc:DEMO_VPC"'
    expect(await deploy(READY + vpc, '--env', 'production')).toMatchObject({ code: 0, stderr: '' })
    const missing = vpc.replace('"DEMO_VPC"', '"OTHER_VPC"')
    expect(await deploy(READY + missing, '--env', 'production')).toMatchObject({ code: 1 })
  })

  const PLACEHOLDERS: [name: string, toml: string][] = [
    ['CHALLENGES.demo', 'CHALLENGES = { demo = { origin = "https://demo.origin.example.net" } }'],
    ['MASTER_ORIGIN', 'MASTER_ORIGIN = "https://master.example.com"'],
    ['ORIGIN_TEMPLATE', 'ORIGIN_TEMPLATE = "https://{slug}.origin.example.com"'],
    ['CHAIN_ENDPOINTS', 'CHAIN_ENDPOINTS = ["https://node.example.org"]'],
  ]
  const UNREADY: [name: string, toml: string, says: RegExp[]][] = [
    ['a placeholder in a route', 'routes = ["https://*.example.net/*"]', [/routes: \*\.example\.net is/]],
    [
      'an origin template on this machine',
      `${READY}[env.production.vars]\nORIGIN_TEMPLATE = "http://127.0.0.1:9/{slug}"`,
      [/loopback in ORIGIN_TEMPLATE/],
    ],
    [
      'a placeholder domain',
      'routes = [{ pattern = "gateway.example.com", custom_domain = true }]',
      [/placeholder/],
    ],
    ...PLACEHOLDERS.map(([name, toml]): [string, string, RegExp[]] => [
      `a placeholder in ${name}`,
      `${READY}[env.production.vars]\n${toml}`,
      [new RegExp(`${name}: \\S+\\.example\\.(com|net|org) is a placeholder`)],
    ]),
    [
      'every fault at once',
      `${READY}[env.production.vars]\nNETUID = "x"\nNONCE_TTL_SECONDS = 300`,
      [/NETUID must be/, /NONCE_TTL_SECONDS must be/],
    ],
    [
      'an origin on this machine',
      `${READY}[env.production.vars.CHALLENGES.demo]\norigin = "http://127.0.0.1:9000"`,
      [/loopback in CHALLENGES.demo/],
    ],
    [
      "an origin behind the gateway's own route",
      'routes = ["*.subnet.dev/*"]\n[env.production.vars.CHALLENGES.demo]\norigin = "https://demo.subnet.dev"',
      [/in circles/],
    ],
    ['an open second address', `${READY}workers_dev = true`, [/workers_dev/]],
    [
      'any key may upload',
      `${READY}[env.production.vars]\nREQUIRE_REGISTERED_HOTKEY = false`,
      [/REQUIRE_REGISTERED/],
    ],
    [
      'a development key on the allow-list',
      `${READY}[env.production.vars]\nEXTRA_REGISTERED_HOTKEYS = ["5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"]`,
      [/\/\/Alice/],
    ],
    [
      'a secret in clear text',
      `${READY}[env.production.vars]\nADMIN_TOKEN = "canary"`,
      [/ADMIN_TOKEN stands in/],
    ],
  ]
  test.each(UNREADY)('refuses %s', async (_, toml, says) => {
    const { code, calls, stderr } = await deploy(toml, '--env', 'production')
    expect([code, calls]).toEqual([1, []])
    for (const each of says) expect(stderr).toMatch(each)
    expect(stderr).not.toContain('canary')
  })

  const EDGE = 5120
  const listOf = (bytes: number) => `CORS_ORIGINS = [${JSON.stringify(`https://${'x'.repeat(bytes - 12)}`)}]`
  const UNDEPLOYABLE: [name: string, toml: string, says: RegExp][] = [
    [
      'no challenge and no master',
      READY,
      /neither CHALLENGES nor MASTER_ORIGIN is set.*\[env\.production\.vars\.CHALLENGES\./,
    ],
    [
      'a challenge under the wrong head',
      `${READY}[env.production.CHALLENGES.demo]\norigin = "https://demo.tunnel.dev"`,
      /CHALLENGES stands under \[env\.production\], .*move it to \[env\.production\.vars\]/,
    ],
    [
      'a setting below the table of another',
      `${READY}${DEMO}[env.production.version_metadata]\nbinding = "CF_VERSION"\nMASTER_ORIGIN = "https://master.tunnel.dev"`,
      /MASTER_ORIGIN stands under \[env\.production\.version_metadata\]/,
    ],
    [
      'a name nearly ours',
      `${READY}[env.production.vars]\nBLOCKED_HOTKEY = []\n${DEMO}`,
      /BLOCKED_HOTKEY is no setting: rename it to BLOCKED_HOTKEYS/,
    ],
    [
      'a list that is a byte too long',
      `${READY}[env.production.vars]\n${listOf(EDGE + 1)}\n${DEMO}`,
      /CORS_ORIGINS has 5121 bytes and Cloudflare takes 5120/,
    ],
  ]
  test.each(UNDEPLOYABLE)('refuses %s; a dry run warns', async (_, toml, says) => {
    const { code, calls, stderr } = await deploy(toml, '--env', 'production')
    expect([code, calls]).toEqual([1, []])
    expect(stderr).toMatch(says)
    const dry = await deploy(toml, '--env', 'production', '--dry-run')
    expect([dry.code, dry.calls.length]).toEqual([0, 1])
    expect(dry.stderr).toMatch(new RegExp(`^warning: production: .*${says.source}`, 'm'))
  })

  test('a list that just fits is taken', async () => {
    const toml = `${READY}[env.production.vars]\n${listOf(EDGE)}\n${DEMO}`
    expect(await deploy(toml, '--env', 'production')).toMatchObject({ code: 0, stderr: '' })
  })

  test('a master alone will do, and so does the top level without anything: the Deploy button', async () => {
    const master = `${READY}[env.production.vars]\nMASTER_ORIGIN = "https://master.tunnel.dev"`
    expect(await deploy(master, '--env', 'production')).toMatchObject({ code: 0, stderr: '' })
    const { code, stderr } = await deploy(READY)
    expect(code).toBe(0)
    expect(stderr).toMatch(/^warning: the top level: neither CHALLENGES nor MASTER_ORIGIN/)
  })

  test('without a terminal a custom domain is taken from no other service unasked', async () => {
    const unasked = await run(READY + DEMO, ['--env', 'production'])
    expect([unasked.code, unasked.calls]).toEqual([1, []])
    expect(unasked.stderr).toMatch(/gateway\.subnet\.dev: .*overrides an existing DNS record.*--yes/)
    const dry = await run(READY + DEMO, ['--env', 'production', '--dry-run'])
    expect([dry.code, dry.calls.length]).toEqual([0, 1])
    expect(dry.stderr).toMatch(/^warning: production: gateway\.subnet\.dev/)
    const route = 'routes = ["gateway.subnet.dev/*"]\n'
    expect((await run(route + DEMO, ['--env', 'production'])).code).toBe(0)
  })

  test('on a terminal wrangler asks by itself', async () => {
    const config = path.join(directory, 'wrangler.toml')
    await writeFile(
      config,
      `name = "gateway"\nworkers_dev = false\n[triggers]\ncrons = ["* * * * *"]\n[env.production]\n${READY}${DEMO}`,
    )
    const plan = {
      deployment: await readDeployment('production', { config, withoutDevVars: true }),
      config: await readWranglerToml(config, 'production'),
      written: await readWritten(config),
      agreed: false,
    }
    expect(judgeReadiness({ ...plan, hasTerminal: true }).unready).toEqual([])
    expect(judgeReadiness({ ...plan, hasTerminal: false }).unready).toHaveLength(1)
  })

  test('a placeholder is a warning of the dry run', async () => {
    const { code, stderr } = await run(
      'routes = [{ pattern = "gateway.example.com", custom_domain = true }]',
      ['--dry-run', '--env', 'production'],
    )
    expect(code).toBe(0)
    expect(stderr).toMatch(/^warning: production: routes: gateway\.example\.com is a placeholder/m)
  })

  test('a fault of the configuration ends the dry run too', async () => {
    const { code, calls } = await deploy(
      `${READY}${DEMO}[env.production.vars]\nNETUID = "x"`.replace(DEMO, ''),
      '--dry-run',
      '--env',
      'production',
    )
    expect([code, calls]).toEqual([1, []])
  })

  test('never every environment at once', async () => {
    expect(await deploy(READY, '--every')).toMatchObject({ code: 2, calls: [] })
  })
})
