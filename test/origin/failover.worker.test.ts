/** Which of several origins is asked, in what order, and when no other may be asked. */

import { describe, expect, test } from 'vitest'
import { createFailover } from '../../src/origin/failover.ts'
import type { OriginAnswer, OriginCall } from '../../src/origin/origin.ts'
import { heldBody } from '../support/held.ts'

const [A, B, C] = ['https://a.example.com/base/x', 'vpc:ORIGIN_B/x', 'https://c.example.com/x'] as const

type Word = 'ok' | 'not_delivered' | 'unknown' | 'broke off'

const UPLOAD = heldBody(new Uint8Array(3))
const STREAM = { stream: new ReadableStream<Uint8Array>(), bytes: 3 }

interface Asked {
  readonly method?: string
  readonly body?: NonNullable<OriginCall['body']>
  readonly urls?: readonly string[]
}

/** Origins by URL; `words` may be changed between questions, and so may the time. */
function origins(words: Record<string, Word>) {
  const clock = { now: 1000 }
  const calls: OriginCall[] = []
  const ask = createFailover(
    async (call) => {
      calls.push(call)
      return answerOf(words[call.url] ?? 'ok')
    },
    () => clock.now,
  )
  return {
    clock,
    calls,
    /** What was asked for one question, and the answer. */
    async question({ method = 'GET', body, urls = [A, B, C] }: Asked = {}) {
      calls.length = 0
      const [url = '', ...otherUrls] = urls
      const headers = new Headers({ a: '1' })
      const answer = await ask({ url, otherUrls, method, headers, marker: 'm', ...(body && { body }) })
      return { asked: calls.map((call) => call.url), answer }
    },
  }
}

function answerOf(word: Word): OriginAnswer {
  if (word === 'ok') return { delivered: true, response: new Response('ok') }
  if (word === 'broke off') return { delivered: false, outcome: 'unknown', cause: 'body broke off' }
  return { delivered: false, outcome: word, cause: word }
}

describe('after a failure', () => {
  const ROWS: [name: string, asked: Asked, first: Word, another: boolean][] = [
    ['GET that was not delivered', {}, 'not_delivered', true],
    ['GET that may have arrived', {}, 'unknown', true],
    ['HEAD that may have arrived', { method: 'HEAD' }, 'unknown', true],
    ['upload that was not delivered', { method: 'POST', body: UPLOAD }, 'not_delivered', true],
    ['upload that may have arrived', { method: 'POST', body: UPLOAD }, 'unknown', false],
    ['streamed body that was not delivered', { method: 'POST', body: STREAM }, 'not_delivered', false],
    ['streamed body that may have arrived', { method: 'PUT', body: STREAM }, 'unknown', false],
    ['POST without a body that was not delivered', { method: 'POST' }, 'not_delivered', true],
    ['POST without a body that may have arrived', { method: 'POST' }, 'unknown', false],
    ['DELETE that may have arrived', { method: 'DELETE' }, 'unknown', false],
    ['OPTIONS that may have arrived', { method: 'OPTIONS' }, 'unknown', false],
  ]
  test.each(ROWS)('%s', async (_, asked, first, another) => {
    const { question } = origins({ [A]: first })
    expect((await question(asked)).asked).toEqual(another ? [A, B] : [A])
  })

  test('an upload stops at the first that may have it', async () => {
    const { question } = origins({ [A]: 'not_delivered', [B]: 'unknown' })
    const { asked, answer } = await question({ method: 'POST', body: UPLOAD })
    expect([asked, answer]).toEqual([[A, B], { delivered: false, outcome: 'unknown', cause: 'unknown' }])
  })

  test('when all failed, the last failure is the answer', async () => {
    const { question } = origins({ [A]: 'unknown', [B]: 'unknown', [C]: 'not_delivered' })
    const { asked, answer } = await question()
    expect([asked, answer]).toMatchObject([[A, B, C], { delivered: false, cause: 'not_delivered' }])
  })
})

test('the request is the same everywhere', async () => {
  const { question, calls } = origins({ [A]: 'not_delivered' })
  await question({ method: 'POST', body: UPLOAD })
  const [first, second] = calls.map(({ url: _, ...rest }) => rest)
  expect(second).toEqual(first)
  expect(second).toMatchObject({ method: 'POST', body: UPLOAD, marker: 'm' })
})

describe('memory', () => {
  const AFTER: [seconds: number, asked: readonly string[]][] = [
    [0, [B]],
    [9, [B]],
    [10, [A, B]],
  ]
  test.each(AFTER)('%i s after a failure', async (seconds, asked) => {
    const one = origins({ [A]: 'not_delivered' })
    await one.question()
    one.clock.now += seconds
    expect((await one.question()).asked).toEqual(asked)
  })

  test('one that is down is still asked when the others are too', async () => {
    const words: Record<string, Word> = { [A]: 'not_delivered', [B]: 'not_delivered' }
    const one = origins(words)
    await one.question({ urls: [A, B] })
    words[B] = 'ok'
    expect((await one.question({ urls: [A, B] })).asked).toEqual([A, B])
    words[A] = 'ok'
    expect((await one.question({ urls: [A, B] })).asked).toEqual([B])
  })

  test('paths of one host are down together', async () => {
    const one = origins({ [A]: 'not_delivered' })
    await one.question()
    expect((await one.question({ urls: ['https://a.example.com/other', B] })).asked).toEqual([B])
  })

  test("a client's own failure is none of the origin's", async () => {
    const words: Record<string, Word> = { [A]: 'broke off' }
    const one = origins(words)
    await one.question({ method: 'POST', body: STREAM })
    words[A] = 'ok'
    expect((await one.question()).asked).toEqual([A])
  })

  test('a single origin is asked however often it fails', async () => {
    const one = origins({ [A]: 'unknown' })
    for (let times = 0; times < 3; times += 1) expect((await one.question({ urls: [A] })).asked).toEqual([A])
  })
})
