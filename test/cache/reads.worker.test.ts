/**
 * Reads through the real Cache API: what is served when, how often the origin is asked, and with
 * what age.
 */

import { beforeEach, describe, expect, test, vi } from 'vitest'
import { conditional, createReads, type Fetched, type Read, type ReadCache } from '../../src/cache/reads.ts'

const LIFETIME = { freshSeconds: 10, staleSeconds: 20, errorSeconds: 100 }

let cache: Cache
let clock = 0
let key = ''
beforeEach(async () => {
  cache = await caches.open('test')
  clock = 1_700_000_000
  key = `https://gateway.example.com/${crypto.randomUUID()}`
})

function keep(body: string, headers: Record<string, string> = {}): Fetched {
  return {
    kind: 'keep',
    body: Uint8Array.from(new TextEncoder().encode(body)),
    headers: new Headers({ 'cache-control': 'max-age=10', ...headers }),
    lifetime: LIFETIME,
  }
}

/** One isolate of a data centre. `origin.say` is what the origin says now. */
function isolate(say: () => Fetched | Promise<Fetched>, { of = cache }: { of?: ReadCache } = {}) {
  const origin = { say, asked: 0 }
  const background: Promise<unknown>[] = []
  const reads = createReads(
    async () => of,
    () => clock,
  )
  const read = async (oneAtATime = false) => {
    const request: Read = {
      key,
      oneAtATime,
      fetch: async () => {
        origin.asked += 1
        return origin.say()
      },
      waitUntil: (work) => background.push(work),
    }
    const answer = await reads.through(request)
    if (answer.kind === 'failed') return { failed: answer.cause }
    const { status, headers } = answer.response
    return { status, text: await answer.response.text(), age: headers.get('age'), headers }
  }
  /** What is waited for may itself leave something to wait for. */
  const settle = async () => {
    while (background.length > 0) await background.shift()
  }
  return { origin, read, settle, isUncacheable: () => reads.isUncacheable(key) }
}

const failed: Fetched = { kind: 'failed', cause: 'gone' }
const pass = (status: number): Fetched => ({ kind: 'pass', response: new Response('own', { status }) })

describe('in time', () => {
  const STEPS: [after: number, text: string, age: string, asked: number][] = [
    [0, 'first', '0', 1],
    [9, 'first', '9', 1],
    [10, 'first', '10', 2],
    [29, 'first', '29', 2],
    [30, 'second', '0', 2],
    [109, 'second', '0', 2],
  ]
  test.each(STEPS)('%i s after it was fetched', async (after, text, age, asked) => {
    const one = isolate(() => keep('first'))
    await one.read()
    await one.settle()
    one.origin.say = () => keep('second')
    clock += after
    expect(await one.read()).toMatchObject({ text, age })
    await one.settle()
    expect(one.origin.asked).toBe(after === 0 ? 1 : asked)
    if (after >= 10) expect(await one.read()).toMatchObject({ text: 'second', age: '0' })
  })

  test('another isolate finds it, with the headers it was kept with', async () => {
    const one = isolate(() =>
      keep('first', { etag: '"1"', 'content-type': 'text/plain', 'x-edge-kept': 'forged' }),
    )
    await one.read()
    await one.settle()
    const other = isolate(() => failed)
    clock += 5
    const answer = await other.read()
    expect(Object.fromEntries(answer.headers ?? [])).toEqual({
      age: '5',
      'cache-control': 'max-age=10',
      'content-length': '5',
      'content-type': 'text/plain',
      etag: '"1"',
    })
    expect(other.origin.asked).toBe(0)
  })

  test('a younger one of another isolate displaces what this one holds, as soon as that is stale', async () => {
    const [one, other] = [isolate(() => keep('first')), isolate(() => keep('second'))]
    await one.read()
    await one.settle()
    clock += 30
    await other.read()
    await other.settle()
    expect(await one.read()).toMatchObject({ text: 'second', age: '0' })
    expect(one.origin.asked).toBe(1)
  })

  test('while it is fresh the cache is not even looked at', async () => {
    let looks = 0
    const counting: ReadCache = {
      match: async (at) => {
        looks += 1
        return cache.match(at)
      },
      put: (at, entry) => cache.put(at, entry),
    }
    const one = isolate(() => keep('first'), { of: counting })
    for (const _ of [1, 2, 3]) expect(await one.read()).toMatchObject({ text: 'first' })
    expect(looks).toBe(1)
  })

  test('an age it came with counts', async () => {
    const one = isolate(() => keep('first', { age: '7' }))
    expect(await one.read()).toMatchObject({ age: '7' })
    await one.settle()
    clock += 2
    expect(await one.read()).toMatchObject({ age: '9' })
  })
})

describe('when the origin fails', () => {
  const FAILURES: [name: string, say: () => Fetched, last: string][] = [
    ['on the way', () => failed, 'gone'],
    ['with 500', () => pass(500), 'own'],
    ['with 503', () => pass(503), 'own'],
  ]
  test.each(FAILURES)('%s: the last good answer, until it is of no use', async (_, say, expected) => {
    const one = isolate(() => keep('first'))
    await one.read()
    await one.settle()
    one.origin.say = say
    clock += 109
    expect(await one.read()).toMatchObject({ status: 200, text: 'first', age: '109' })
    clock += 1
    const last = await one.read()
    expect('failed' in last ? last.failed : last.text).toBe(expected)
  })

  test('with 404: that is an answer', async () => {
    const one = isolate(() => keep('first'))
    await one.read()
    await one.settle()
    one.origin.say = () => pass(404)
    clock += 30
    expect(await one.read()).toMatchObject({ status: 404 })
  })

  test('a renewal behind an answer that fails leaves the answer', async () => {
    const one = isolate(() => keep('first'))
    await one.read()
    await one.settle()
    one.origin.say = () => failed
    clock += 10
    for (const asked of [2, 3]) {
      expect(await one.read()).toMatchObject({ text: 'first' })
      await one.settle()
      expect(one.origin.asked).toBe(asked)
    }
  })
})

describe('one at a time', () => {
  test('an isolate has one renewal under way', async () => {
    const one = isolate(() => keep('first'))
    await one.read()
    await one.settle()
    let release = (_: Fetched) => {}
    one.origin.say = () => new Promise((resolve) => (release = resolve))
    clock += 10
    for (let at = 0; at < 5; at += 1) expect(await one.read()).toMatchObject({ text: 'first' })
    expect(one.origin.asked).toBe(2)
    release(keep('second'))
    await one.settle()
    expect(await one.read()).toMatchObject({ text: 'second' })
  })

  test('a renewal that never ends counts as lost after a minute', async () => {
    const one = isolate(() => keep('first', {}))
    await one.read()
    await one.settle()
    one.origin.say = () => new Promise(() => {})
    clock += 12
    await one.read()
    clock += 15
    await one.read()
    expect(one.origin.asked).toBe(2)
    clock += 60
    one.origin.say = () => keep('second')
    expect(await one.read()).toMatchObject({ text: 'second' })
  })

  test('of many cold readers of an isolate one asks and all have its answer', async () => {
    let answer = (_: Fetched) => {}
    const one = isolate(() => new Promise((resolve) => (answer = resolve)))
    const reading = Array.from({ length: 5 }, () => one.read(true))
    await vi.waitFor(() => expect(one.origin.asked).toBe(1))
    answer(keep('first'))
    expect((await Promise.all(reading)).map(({ text }) => text)).toEqual(Array(5).fill('first'))
    expect(one.origin.asked).toBe(1)
  })

  test('when the origin fails one reader, the waiting ones hear the same', async () => {
    const one = isolate(() => new Promise((resolve) => setTimeout(() => resolve(failed), 100)))
    expect(await Promise.all([one.read(true), one.read(true)])).toEqual([
      { failed: 'gone' },
      { failed: 'another request got no answer' },
    ])
    expect(one.origin.asked).toBe(1)
    one.origin.say = () => keep('first')
    expect(await one.read(true)).toMatchObject({ text: 'first' })
  })

  test('while one asks again, the others have the last good one', async () => {
    const one = isolate(() => keep('first'))
    await one.read(true)
    clock += 50
    one.origin.say = () => new Promise((resolve) => setTimeout(() => resolve(keep('second')), 100))
    const answers = await Promise.all([one.read(true), one.read(true)])
    expect(answers.map((answer) => answer.text)).toEqual(['second', 'first'])
  })
})

describe('what is not kept', () => {
  test('is not looked for again for ten seconds', async () => {
    let looks = 0
    const counting: ReadCache = {
      match: async () => {
        looks += 1
        return undefined
      },
      put: async () => {},
    }
    const one = isolate(() => pass(200), { of: counting })
    expect(one.isUncacheable()).toBe(false)
    for (const _ of [1, 2, 3]) expect(await one.read()).toMatchObject({ status: 200 })
    clock += 9
    expect(one.isUncacheable()).toBe(true)
    clock += 1
    expect(one.isUncacheable()).toBe(false)
    await one.read()
    expect([looks, one.origin.asked]).toEqual([2, 4])
  })

  test.each([304, 404])('is another thing than a %i while there is a kept answer', async (status) => {
    const one = isolate(() => keep('first'))
    await one.read()
    await one.settle()
    clock += 30
    one.origin.say = () => ({ kind: 'pass', response: new Response(null, { status }) })
    expect(await one.read()).toMatchObject({ status })
    one.origin.say = () => failed
    expect(await one.read()).toMatchObject({ text: 'first', age: '30' })
  })

  test('does not hide what another read keeps meanwhile', async () => {
    const one = isolate(() => pass(406))
    let answer = (_: Fetched) => {}
    one.origin.say = () =>
      new Promise((resolve) => {
        answer = resolve
      })
    const slow = one.read()
    await vi.waitFor(() => expect(one.origin.asked).toBe(1))
    one.origin.say = () => keep('first')
    await one.read()
    answer(pass(406))
    expect(await slow).toMatchObject({ status: 406 })
    expect(one.isUncacheable()).toBe(false)
  })

  test('is let go of when it was asked for behind an answer', async () => {
    const one = isolate(() => keep('first'))
    await one.read()
    await one.settle()
    clock += 15
    let cancelled = false
    const body = new ReadableStream({
      cancel: () => {
        cancelled = true
      },
    })
    one.origin.say = () => ({ kind: 'pass', response: new Response(body) })
    expect(await one.read()).toMatchObject({ text: 'first' })
    await one.settle()
    expect(cancelled).toBe(true)
  })

  test('becomes so as soon as an answer may be kept', async () => {
    const one = isolate(() => pass(200))
    await one.read()
    one.origin.say = () => keep('first')
    await one.read()
    expect(one.isUncacheable()).toBe(false)
    await one.settle()
    await one.read()
    expect(one.origin.asked).toBe(2)
  })
})

test('a cache out of order costs nothing but the origin’s work', async () => {
  const broken = () => Promise.reject(new Error('cache'))
  const one = isolate(() => keep('first'), { of: { match: broken, put: broken } })
  expect(await one.read()).toMatchObject({ text: 'first' })
  clock += 200
  expect(await one.read(true)).toMatchObject({ text: 'first', age: '0' })
  expect(one.origin.asked).toBe(2)
})

test('304 for what the client has', async () => {
  const answer = () =>
    new Response('text', { headers: { etag: '"1"', 'content-type': 'text/plain', age: '3' } })
  const unchanged = conditional(new Headers({ 'if-none-match': '"1"' }), answer())
  expect([unchanged.status, await unchanged.text()]).toEqual([304, ''])
  expect(Object.fromEntries(unchanged.headers)).toEqual({ etag: '"1"', age: '3' })
  for (const others of [{ 'if-none-match': '"2"' }, {}])
    expect(conditional(new Headers(others as Record<string, string>), answer()).status).toBe(200)
})
