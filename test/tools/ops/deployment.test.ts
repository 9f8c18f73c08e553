/** wrangler.toml: three places to run, none of which can take another's. */

import { readFile } from 'node:fs/promises'
import { describe, expect, test, vi } from 'vitest'
import { isSecretName, parseDeployment, readDeployment } from '../../../tools/ops/deployment.ts'
import { covers } from '../../../tools/ops/doctor/configuration.ts'
import {
  readWranglerToml,
  routePatterns,
  WRANGLER_TOML,
  type WranglerConfig,
} from '../../../tools/ops/wrangler-toml.ts'

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

test('only production has [limits], which the Free plan refuses', () => {
  const limited = ALL.filter(([, { limits }]) => limits !== undefined).map(([name]) => name)
  expect(limited).toEqual(['production'])
  expect(ALL.find(([name]) => name === 'production')?.[1].limits).toMatchObject({ subrequests: 200 })
})

describe.each(ALL)('%s', (name, config) => {
  test('has an address in its own zone only', () => {
    expect([config.workers_dev, config.preview_urls]).toEqual([false, false])
  })

  test('has the same migrations, crons and flags', () => {
    const { migrations, triggers, compatibility_date, compatibility_flags, observability } = TOP
    expect(config).toMatchObject({
      migrations,
      triggers,
      compatibility_date,
      compatibility_flags,
      observability,
      upload_source_maps: true,
      dependencies_instrumentation: { enabled: false },
    })
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
