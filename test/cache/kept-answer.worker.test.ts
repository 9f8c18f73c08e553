/** Kept answers: bounded memory, and nothing believed of the cache that was not written by us. */

import { expect, test } from 'vitest'
import { createMemory, fromEntry, type Kept, toEntry, toResponse } from '../../src/cache/kept-answer.ts'

const KEPT: Kept = {
  body: Uint8Array.from(new TextEncoder().encode('text')),
  headers: new Headers({ etag: '"1"', 'cache-control': 'public, max-age=10' }),
  fetchedAt: 1000,
  lifetime: { freshSeconds: 10, staleSeconds: 20, errorSeconds: 30 },
}

test('memory holds what fits, and begins anew when it is full', () => {
  const memory = createMemory(10_000)
  const large = { ...KEPT, body: 'x'.repeat(2000) }
  for (const key of ['a', 'a', 'a', 'b']) memory.set(key, large)
  expect([memory.get('a'), memory.get('b'), memory.get('c')]).toEqual([large, large, undefined])
  memory.set('c', large)
  expect([memory.get('a'), memory.get('b'), memory.get('c')]).toEqual([undefined, undefined, large])
})

test('an entry comes back as it was written, and lives as long as it is of use', async () => {
  const entry = toEntry(KEPT)
  expect(entry.headers.get('cache-control')).toBe('max-age=40')
  const { body, headers, ...rest } = (await fromEntry(entry)) ?? KEPT
  expect(new TextDecoder().decode(body instanceof Uint8Array ? body : undefined)).toBe('text')
  expect(Object.fromEntries(headers)).toEqual(Object.fromEntries(KEPT.headers))
  expect(rest).toEqual({ fetchedAt: 1000, lifetime: KEPT.lifetime })
})

test.each(['', '1000', '1000 10 20', 'x 10 20 30', '1.5 10 20 30'])(
  'an entry marked %j is none',
  async (mark) => {
    expect(await fromEntry(new Response('text', { headers: { 'x-edge-kept': mark } }))).toBeUndefined()
  },
)

test('its age is never below zero', () => {
  expect(toResponse(KEPT, 1007).headers.get('age')).toBe('7')
  expect(toResponse(KEPT, 990).headers.get('age')).toBe('0')
})
