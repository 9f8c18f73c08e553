/** wrangler.toml: three places to run, none of which can take another's. */

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { isSecretName, parseDeployment, readDeployment } from '../../../tools/ops/deployment.ts'
import { covers } from '../../../tools/ops/doctor/configuration.ts'
import {
  readWranglerToml,
  routePatterns,
  WRANGLER_TOML,
  type WranglerConfig,
} from '../../../tools/ops/wrangler-toml.ts'
import { runCommand } from '../../support/command.ts'
import { createFakeWrangler } from '../../support/fake-wrangler.ts'

vi.setConfig({ testTimeout: 30_000 })

const TOP = await readWranglerToml(WRANGLER_TOML, undefined)
const NAMES = TOP.definedEnvironments ?? []
const ALL: (readonly [name: string, config: WranglerConfig])[] = [['top level', TOP]]
for (const name of NAMES) ALL.push([name, await readWranglerToml(WRANGLER_TOML, name)])

/** Names of every kind of binding the configuration has, as the Worker's Env will. */
function bindingsOf(config: WranglerConfig): string[] {
  return [
    ...config.kv_namespaces.map(({ binding }) => binding),
    ...config.durable_objects.bindings.map(({ name, class_name }) => `${name}:${class_name}`),
    ...config.ratelimits.map(({ name, simple }) => `${name}:${simple.limit}/${simple.period}`),
    ...config.analytics_engine_datasets.map(({ binding }) => binding),
    ...config.r2_buckets.map(({ binding }) => binding),
    ...config.d1_databases.map(({ binding }) => binding),
    ...config.services.map(({ binding }) => binding),
    ...config.vpc_services.map(({ binding }) => binding),
    config.version_metadata?.binding ?? 'no version_metadata',
  ].sort()
}

test('staging and production are there', () => {
  expect(NAMES).toEqual(expect.arrayContaining(['staging', 'production']))
})

test('every environment has a Worker of its own', () => {
  const names = ALL.map(([, { name }]) => name)
  expect(new Set(names).size).toBe(names.length)
})

test('no environment can take the domain of another', () => {
  for (const [name, config] of ALL) {
    const others = ALL.filter(([other]) => other !== name).flatMap(([, other]) => routePatterns(other))
    for (const route of routePatterns(config))
      for (const host of others) {
        expect(covers(route, host.replaceAll('*', 'x')), `${name}: ${route} covers ${host}`).toBe(false)
      }
  }
})

describe.each(ALL.slice(1))('%s', (name, config) => {
  test('sets its own routes', async () => {
    const text = await readFile(WRANGLER_TOML, 'utf8')
    const section = text.split(`\n[env.${name}]\n`)[1]?.split('\n[')[0] ?? ''
    expect(section).toMatch(/^routes = /m)
    expect(routePatterns(config).length).toBeGreaterThan(0)
  })

  test('has every binding of the top level', () => {
    expect(bindingsOf(config)).toEqual(bindingsOf(TOP))
  })

  test('has every var of the top level', () => {
    expect(Object.keys(config.vars).sort()).toEqual(expect.arrayContaining(Object.keys(TOP.vars).sort()))
  })

  test('shares its rate-limit counters with no other', () => {
    const ids = ({ ratelimits }: WranglerConfig) => ratelimits.map(({ namespace_id }) => namespace_id)
    const others = ALL.filter(([other]) => other !== name).flatMap(([, other]) => ids(other))
    expect(ids(config).filter((id) => others.includes(id))).toEqual([])
  })
})

describe.each(ALL)('%s', (name, config) => {
  test('has an address in its own zone only', () => {
    expect([config.workers_dev, config.preview_urls]).toEqual([false, false])
  })

  test('has the same migrations, crons, limits and flags', () => {
    const { migrations, triggers, limits, compatibility_date, compatibility_flags, observability } = TOP
    expect(config).toMatchObject({
      migrations,
      triggers,
      limits,
      compatibility_date,
      compatibility_flags,
      observability,
      upload_source_maps: true,
      dependencies_instrumentation: { enabled: false },
    })
    expect(limits).toMatchObject({ subrequests: 200 })
    const migrated = migrations.flatMap(({ new_sqlite_classes = [] }) => new_sqlite_classes)
    const classes = config.durable_objects.bindings.map(({ class_name }) => class_name)
    expect(classes.filter((each) => !migrated.includes(each))).toEqual([])
  })

  test('has a configuration the worker accepts, and no secret in clear text', async () => {
    const deployment = await readDeployment(name === 'top level' ? undefined : name, { withoutDevVars: true })
    expect(parseDeployment(deployment)).toMatchObject({ ok: true })
    expect(Object.keys(deployment.env).filter(isSecretName)).toEqual([])
  })
})

test('every binding of the generated types is in wrangler.toml', async () => {
  const types = await readFile('src/env.d.ts', 'utf8')
  const typed = [...(types.split('\n}')[0] ?? '').matchAll(/^\t(\w+)\??:/gm)].map(([, name]) => name)
  const named = [...bindingsOf(TOP).map((each) => each.split(':')[0]), ...Object.keys(TOP.vars)]
  expect(typed.sort()).toEqual(named.sort())
})

describe('routes', () => {
  const ROUTES: [route: string, host: string, covered: boolean][] = [
    ['gateway.example.com', 'gateway.example.com', true],
    ['gateway.example.com/*', 'GATEWAY.example.com', true],
    ['*.example.com/*', 'demo.origin.example.com', true],
    ['*example.com', 'example.com', true],
    ['gateway.example.com', 'gatewayxexample.com', false],
    ['gateway.example.com', 'gateway-staging.example.com', false],
    ['*.example.com', 'example.org', false],
  ]
  test.each(ROUTES)('%s and %s', (route, host, covered) => {
    expect(covers(route, host)).toBe(covered)
  })
})

describe('npm run deploy', () => {
  let directory: string
  beforeAll(async () => {
    directory = await mkdtemp(path.join(tmpdir(), 'deploy-'))
  })
  afterAll(() => rm(directory, { recursive: true }))

  async function deploy(environment: string, ...args: readonly string[]) {
    const config = path.join(directory, 'wrangler.toml')
    const good = 'name = "gateway"\nworkers_dev = false\n[triggers]\ncrons = ["*/5 * * * *"]\n'
    await writeFile(config, `${good}[env.production]\n${environment}`)
    const wrangler = await createFakeWrangler({})
    const outcome = await runCommand('tools/ops/deploy.ts', ['--config', config, ...args], {
      env: wrangler.env,
    })
    const calls = await wrangler.calls()
    await wrangler.remove()
    return { ...outcome, calls: calls.map(({ args: each }) => each.slice(0, -2)) }
  }

  const READY = 'routes = [{ pattern = "gateway.subnet.dev", custom_domain = true }]\n'

  test('deploys what is ready, and hands on what it does not know', async () => {
    const { code, calls } = await deploy(READY, '--env', 'production', '--message', 'first', '--tag=1')
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
      '[env.production.vars]\nCHAIN_ENDPOINTS = [{ url = "https://node.subnet.net", access = true }]'
    expect(await deploy(READY + own, '--env', 'production')).toMatchObject({ code: 0, stderr: '' })
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
      'anybody may upload',
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
      [/ADMIN_TOKEN is written/],
    ],
  ]
  test.each(UNREADY)('refuses %s', async (_, toml, says) => {
    const { code, calls, stderr } = await deploy(toml, '--env', 'production')
    expect([code, calls]).toEqual([1, []])
    for (const each of says) expect(stderr).toMatch(each)
    expect(stderr).not.toContain('canary')
  })

  test('never every environment at once', async () => {
    expect(await deploy(READY, '--every')).toMatchObject({ code: 2, calls: [] })
  })
})
