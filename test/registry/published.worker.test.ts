/**
 * What the public sees of the master's registry, field by field, and what is no registry at all.
 */

import { describe, expect, test } from 'vitest'
import { parseRegistry } from '../../src/registry/published.ts'

const ENTRY = {
  slug: 'demo',
  name: 'Demo',
  image: 'ghcr.io/example/demo@sha256:00',
  version: '1.0.0',
  emission_percent: '40.0000',
  status: 'active',
  description: null,
  metadata: { tagline: 'x', category: 3, difficulty: null },
  internal_base_url: 'http://challenge-demo:8000',
  public_proxy_base_path: '/challenges/demo',
  required_capabilities: ['get_weights'],
  resources: { cpu: 2 },
  volumes: { sqlite: 'platform_demo_sqlite' },
  env: { OPENAI_API_KEY: 'canary-env-value', DEBUG: '' },
  secrets: ['WALLET'],
}
const REGISTRY = { network: 'platform', api_version: '1.0', master_uid: 0, challenges: [ENTRY] }

function publishedOf(entry: object): Record<string, unknown> | undefined {
  const parsed = parseRegistry({ ...REGISTRY, challenges: [entry] })
  return parsed && JSON.parse(parsed.text).challenges[0]
}

test('the keys of the master in their order, without values and addresses', () => {
  const { text, challenges } = parseRegistry(REGISTRY) ?? { text: '', challenges: [] }
  const published = {
    ...ENTRY,
    internal_base_url: '/challenges/demo',
    env: { OPENAI_API_KEY: '', DEBUG: '' },
  }
  expect(text).toBe(JSON.stringify({ ...REGISTRY, challenges: [published] }))
  expect(challenges).toEqual([{ slug: 'demo', name: 'Demo', status: 'active' }])
})

test('what was published is read again unchanged', () => {
  const once = parseRegistry(REGISTRY)
  expect(once && parseRegistry(JSON.parse(once.text))).toEqual(once)
})

test('an unknown field stays behind, at every level', () => {
  const chatty = {
    ...REGISTRY,
    database_url: 'canary',
    challenges: [
      {
        ...ENTRY,
        token_hint: 'canary',
        metadata: { internal_base_url: 'canary', tagline: ['canary'], docs_url: { a: 'canary' } },
      },
    ],
  }
  expect(parseRegistry(chatty)?.text).not.toContain('canary')
})

test('the public path is the slug’s, whatever the master says', () => {
  const published = publishedOf({ ...ENTRY, public_proxy_base_path: 'http://challenge-demo:8000' })
  expect(published).toMatchObject({ public_proxy_base_path: '/challenges/demo' })
})

test('an empty registry is one', () => {
  expect(parseRegistry({ ...REGISTRY, challenges: [] })?.challenges).toEqual([])
})

const TAKEN: [name: string, entry: object][] = [
  ['a number for the emission', { ...ENTRY, emission_percent: 40 }],
  ['a description', { ...ENTRY, description: 'Text' }],
  ...['inactive', 'disabled'].map((status): [string, object] => [status, { ...ENTRY, status }]),
]
test.each(TAKEN)('%s is taken', (_, entry) => {
  expect(publishedOf(entry)).toBeDefined()
})

describe('no registry', () => {
  const DAMAGED: [name: string, value: unknown][] = [
    ['nothing', undefined],
    ['null', null],
    ['a text', 'registry'],
    ['a list', [REGISTRY]],
    ['no challenges', { ...REGISTRY, challenges: undefined }],
    ['challenges as a table', { ...REGISTRY, challenges: {} }],
    ['no network', { ...REGISTRY, network: 1 }],
    ['no version', { ...REGISTRY, api_version: null }],
    ['a uid that is no number', { ...REGISTRY, master_uid: '0' }],
    ['one slug twice', { ...REGISTRY, challenges: [ENTRY, ENTRY] }],
    [
      '257 challenges',
      { ...REGISTRY, challenges: Array.from({ length: 257 }, (_, at) => ({ ...ENTRY, slug: `c${at}` })) },
    ],
  ]
  test.each(DAMAGED)('%s', (_, value) => {
    expect(parseRegistry(value)).toBeUndefined()
  })

  const ENTRIES: [field: string, value: unknown][] = [
    ['slug', 'Demo'],
    ['slug', '../internal'],
    ['slug', 'x'],
    ['slug', 'a'.repeat(65)],
    ['name', ''],
    ['name', undefined],
    ['status', 'paused'],
    ['image', null],
    ['version', 1],
    ['emission_percent', null],
    ['description', undefined],
    ['metadata', null],
    ['required_capabilities', 'get_weights'],
    ['required_capabilities', [1]],
    ['resources', []],
    ['volumes', 'x'],
    ['env', ['A=1']],
    ['secrets', { a: 'b' }],
  ]
  test.each(ENTRIES)('one entry with %s %j', (field, value) => {
    expect(
      parseRegistry({ ...REGISTRY, challenges: [ENTRY, { ...ENTRY, slug: 'other', [field]: value }] }),
    ).toBeUndefined()
  })
})
