/** Own entries and registered ones, and when the master is asked again. */

import { describe, expect, test } from 'vitest'
import { findChallenge } from '../../src/challenge/challenge.ts'
import { OPEN_POLICY } from '../../src/challenge/policy.ts'
import { createChallengeSource } from '../../src/registry/challenge-source.ts'
import type { Registry } from '../../src/registry/kv-registry.ts'
import { configOf } from '../support/gateway.worker.ts'

const TEMPLATE = 'https://{slug}.origin.example.com/base'
const OWN = configOf({
  CHALLENGES: {
    own: { name: 'Own', origin: 'https://own.example.com' },
    asleep: { name: 'Asleep', origin: 'https://asleep.example.com', status: 'inactive' },
  },
}).challenges

function registryOf(...challenges: Registry['challenges']): Registry {
  return { challenges, text: '', fetchedAt: 0, etag: '' }
}

/** `later` is what the master says when it is asked. */
function sourceOf(now: Registry | undefined, later = now, template: string | undefined = TEMPLATE) {
  const asked: string[] = []
  const registry = {
    current: async () => now,
    afterMiss: async () => {
      asked.push('master')
      return later
    },
  }
  const source = createChallengeSource(OWN, registry, { originTemplate: template, family: 'platform' })
  const find = async (text: string) => findChallenge(await source.listFor(text, 0), text)
  return { find, asked, source }
}

test('without a registry the list is the operator’s, whatever is asked for', async () => {
  const source = createChallengeSource(OWN)
  expect(await source.listFor('own', 0)).toBe(OWN)
  expect(await source.listFor('nope', 0)).toBe(OWN)
})

test('a registered one has its origin from the template and its peculiarities by slug', async () => {
  const { find } = sourceOf(
    registryOf(
      { slug: 'demo', name: 'Demo', status: 'active' },
      { slug: 'prism', name: 'Prism', status: 'active' },
    ),
  )
  expect(await find('demo')).toEqual({
    slug: 'demo',
    name: 'Demo',
    status: 'active',
    origins: [new URL('https://demo.origin.example.com/base')],
    marker: undefined,
    policy: OPEN_POLICY,
  })
  expect((await find('dEMO'))?.slug).toBe('demo')
  expect((await find('prism'))?.policy.remap).toHaveLength(9)
})

test('what is known is told without a question to the master', async () => {
  const { asked, source } = sourceOf(undefined, registryOf({ slug: 'demo', name: 'Demo', status: 'active' }))
  expect((await source.known(0)).map(({ slug }) => slug)).toEqual(['own', 'asleep'])
  expect(asked).toEqual([])
})

describe('who is found', () => {
  const ROWS: [name: string, text: string, slug: string | undefined, asked: number][] = [
    ['an own one', 'own', 'own', 0],
    ['an own one the master turned off', 'own', 'own', 0],
    ['an own one that is off, though the master has it on', 'asleep', undefined, 0],
    ['a registered one', 'demo', 'demo', 0],
    ['a registered one that is off', 'off', undefined, 1],
    ['an unknown one', 'nope', undefined, 1],
    ['a name an own and a registered one share', 'Twin', undefined, 1],
  ]
  test.each(ROWS)('%s', async (_, text, slug, asked) => {
    const source = sourceOf(
      registryOf(
        { slug: 'own', name: 'Other', status: 'inactive' },
        { slug: 'asleep', name: 'Asleep', status: 'active' },
        { slug: 'demo', name: 'Twin', status: 'active' },
        { slug: 'second', name: 'Twin', status: 'active' },
        { slug: 'off', name: 'Off', status: 'inactive' },
      ),
    )
    expect((await source.find(text))?.slug).toBe(slug)
    expect(source.asked).toHaveLength(asked)
  })
})

test('one that was registered since is found by the request that missed it', async () => {
  const later = registryOf({ slug: 'new', name: 'New', status: 'active' })
  expect((await sourceOf(undefined, later).find('new'))?.slug).toBe('new')
})

test('without a template only own entries are routed', async () => {
  const registry = {
    current: async () => registryOf({ slug: 'demo', name: 'Demo', status: 'active' }),
    afterMiss: async () => undefined,
  }
  expect(await createChallengeSource(OWN, registry).listFor('demo', 0)).toBe(OWN)
})
