/** Kept answers: bounded memory, and nothing believed of the cache that was not written by us. */

import { describe, expect, test } from 'vitest'
import { createMemory, fromEntry, type Kept, toEntry, toResponse } from '../../src/cache/kept-answer.ts'

const KEPT: Kept = {
  body: Uint8Array.from(new TextEncoder().encode('text')),
  headers: new Headers({ etag: '"1"', 'cache-control': 'public, max-age=10' }),
  fetchedAt: 1000,
  lifetime: { freshSeconds: 10, staleSeconds: 20, errorSeconds: 30 },
}

test('memory holds what fits, and forgets everything when it is full', () => {
  const memory = createMemory(10_000)
  const large = { ...KEPT, body: new Uint8Array(4000) }
  for (const key of ['a', 'a', 'a', 'b']) memory.set(key, large)
  expect([memory.get('a'), memory.get('b'), memory.get('c')]).toEqual([large, large, undefined])
  memory.set('c', large)
  expect([memory.get('a'), memory.get('b'), memory.get('c')]).toEqual([undefined, undefined, large])
})

describe('what is kept is counted to within a tenth', () => {
  const MOST = 8_000_000
  const SIZES: [name: string, keyBytes: number, headerBytes: number, headers: number, bodyBytes: number][] = [
    ['large bodies', 100, 200, 3, 900_000],
    ['long keys', 15_000, 200, 3, 10],
    ['long headers', 100, 60_000, 1, 10],
    ['many headers', 100, 2000, 30, 10],
    ['all of them', 8000, 4000, 8, 20_000],
  ]
  test.each(SIZES)('%s', (_, keyBytes, headerBytes, count, bodyBytes) => {
    const memory = createMemory(MOST)
    const keys: string[] = []
    const each = keyBytes + bodyBytes + count * (headerBytes + 'x-header-000'.length)
    const isFull = () => keys.length > 0 && memory.get(keys[0] ?? '') === undefined
    while (!isFull() && keys.length * each < 2 * MOST) {
      const headers = new Headers()
      for (let at = 0; at < count; at += 1) headers.set(`x-header-${100 + at}`, 'v'.repeat(headerBytes))
      const key = String(keys.length).padEnd(keyBytes, 'k')
      keys.push(key)
      memory.set(key, { ...KEPT, headers, body: new Uint8Array(bodyBytes) })
    }
    // The last one found no room beside the others.
    const held = (keys.length - 1) * each
    expect(held).toBeLessThanOrEqual(MOST)
    expect(held).toBeGreaterThan(MOST - each - MOST / 10)
  })
})

test('an entry comes back as it was written, and lives as long as it is of use', async () => {
  const entry = toEntry(KEPT)
  expect(entry.headers.get('cache-control')).toBe('max-age=40')
  const { body, headers, ...rest } = (await fromEntry(entry)) ?? KEPT
  expect(new TextDecoder().decode(body)).toBe('text')
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
