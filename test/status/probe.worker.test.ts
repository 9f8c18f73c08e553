/** The cron's probes: how many at a time, whose clock runs, and what counts as an answer. */

import { describe, expect, test } from 'vitest'
import type { CallOrigin, OriginAnswer } from '../../src/origin/origin.ts'
import { createOrigin, type Service } from '../../src/origin/origin.ts'
import { probeChallenges } from '../../src/status/probe.ts'
import { configOf } from '../support/gateway.worker.ts'

/**
 * Cloudflare's documented limit: of one invocation, connections that wait for response headers.
 */
const CONNECTIONS = 6

const challengesOf = (slugs: readonly string[], others: object = {}) =>
  configOf({
    CHALLENGES: Object.fromEntries(
      slugs.map((slug) => [slug, { origin: `https://${slug}.example.com`, ...others }]),
    ),
  }).challenges

const many = Array.from({ length: 160 }, (_, index) => `challenge-${index}`)

/**
 * fetch as the platform has it: a seventh stands in line, and its own time limit runs meanwhile.
 * `hang-…` never answers.
 */
function platformFetch() {
  let open = 0
  let asked = 0
  let most = 0
  const inLine: (() => void)[] = []
  const fetch: Service['fetch'] = async (url, { signal }) => {
    most = Math.max(most, ++asked)
    if (open >= CONNECTIONS) await Promise.race([new Promise<void>((go) => inLine.push(go)), aborted(signal)])
    open += 1
    try {
      return await (new URL(url).hostname.startsWith('hang')
        ? aborted(signal)
        : new Response('here', { status: 404 }))
    } finally {
      asked -= 1
      // A connection that was given up is not free in the same instant.
      setTimeout(() => {
        open -= 1
        inLine.shift()?.()
      }, 10)
    }
  }
  return { fetch, most: () => most }
}

function aborted(signal: AbortSignal | null | undefined): Promise<never> {
  return new Promise((_, reject) => {
    signal?.addEventListener('abort', () => reject(new Error('aborted')))
    if (signal?.aborted) reject(new Error('aborted'))
  })
}

test('six that hang take nothing from three that are well', async () => {
  const hung = Array.from({ length: 6 }, (_, index) => `hang-${index}`)
  const well = ['well-a', 'well-b', 'well-c']
  const platform = platformFetch()
  const call = createOrigin({ timeoutMs: 100, access: () => undefined, fetch: platform.fetch })
  const probes = await probeChallenges(call, challengesOf([...hung, ...well]), Date.now)
  const reachable = Object.entries(probes).flatMap(([slug, probe]) => (probe.reachable ? slug : []))
  expect(reachable.toSorted()).toEqual(well)
  expect(Object.keys(probes)).toHaveLength(9)
  expect(platform.most()).toBeLessThanOrEqual(4)
})

const down: OriginAnswer = { delivered: false, outcome: 'unknown', cause: 'timeout' }
const says = (status: number): OriginAnswer => ({ delivered: true, response: new Response('', { status }) })
const ANSWERS: [name: string, answer: OriginAnswer, reachable: boolean][] = [
  ['200', says(200), true],
  ['404, for a challenge without /health', says(404), true],
  ['499', says(499), true],
  ['500', says(500), false],
  ['no answer', down, false],
]
test.each(ANSWERS)('%s', async (_, answer, reachable) => {
  const probes = await probeChallenges(
    async () => answer,
    challengesOf(['demo']),
    () => 5500,
  )
  expect(probes).toEqual({ demo: { at: 5.5, reachable } })
})

test('the time of a probe is when its answer came', async () => {
  let now = 0
  const call: CallOrigin = async () => {
    now += 1000
    return down
  }
  const probes = await probeChallenges(call, challengesOf(many.slice(0, 5)), () => now)
  const times = Object.values(probes).map(({ at }) => at)
  expect(Math.max(...times)).toBe(5)
})

describe('who is asked', () => {
  const asked = async (challenges: Parameters<typeof probeChallenges>[1]) =>
    Object.keys(
      await probeChallenges(
        async () => down,
        challenges,
        () => 0,
      ),
    )

  test('active challenges only', async () => {
    expect(await asked(challengesOf(['demo'], { status: 'draft' }))).toEqual([])
  })

  test('as many as an invocation has subrequests for', async () => {
    expect(await asked(challengesOf(many))).toHaveLength(150)
    const origins = many.slice(0, 3).map((slug) => `https://${slug}.example.com`)
    expect(await asked(challengesOf(many, { origin: origins }))).toHaveLength(50)
  })
})
