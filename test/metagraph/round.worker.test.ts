/** Whom a round leaves alone afterwards, and for how long. */

import { describe, expect, test } from 'vitest'
import { fault } from '../../src/metagraph/fault.ts'
import { startRound } from '../../src/metagraph/round.ts'
import { NETUID, NOW } from '../support/chain-fetch.ts'

const HALF_LIFE = 600
const ONE = { url: new URL('https://node.example/key-one') }
const OTHER = { url: new URL('https://node.example/key-two') }
const ELSEWHERE = { url: new URL('https://else.example/') }

const roundAt = (now: number, coolDowns = {}) =>
  startRound(
    {
      netuid: NETUID,
      genesisHash: '',
      fetch: () => Promise.reject(new Error('not asked')),
      endpoints: [ONE, OTHER, ELSEWHERE],
      maxAgeSeconds: 2 * HALF_LIFE,
    },
    { coolDowns, now, limitMs: 1000 },
  )

/** Cool-downs after the first endpoint failed at `NOW`. */
async function after(reason: Parameters<typeof fault>[0], seconds?: number) {
  const round = roundAt(NOW)
  await round.attempt(ONE, 1, async () => fault(reason, seconds))
  round.end()
  return round.coolDowns
}

function readyAt(now: number, coolDowns: object) {
  const round = roundAt(now, coolDowns)
  round.end()
  return round.ready
}

test('rationing is the host’s, whatever the path', async () => {
  const coolDowns = await after('rate_limited', 60)
  expect(readyAt(NOW + 59, coolDowns)).toEqual([ELSEWHERE])
  expect(readyAt(NOW + 60, coolDowns)).toEqual([ONE, OTHER, ELSEWHERE])
})

test.each(['html_page', 'http_error'] as const)('%s is that URL’s alone', async (reason) => {
  const coolDowns = await after(reason, 60)
  expect(readyAt(NOW + 59, coolDowns)).toEqual([OTHER, ELSEWHERE])
  expect(readyAt(NOW + 60, coolDowns)).toEqual([ONE, OTHER, ELSEWHERE])
})

test('without a word about waiting it may be asked in the next round, but not again in this one', async () => {
  const round = roundAt(NOW)
  await round.attempt(ONE, 1, async () => fault('network_error'))
  expect([ONE, OTHER].map(round.mayAsk)).toEqual([false, true])
  round.end()
  expect(readyAt(NOW, round.coolDowns)).toEqual([ONE, OTHER, ELSEWHERE])
})

describe('half the snapshot’s life at most', () => {
  test.each(['rate_limited', 'http_error'] as const)('after %s', async (reason) => {
    const coolDowns = await after(reason, 10_000)
    expect(Object.values(coolDowns)).toEqual([NOW + HALF_LIFE])
  })

  test('a longer one from before, or from a clock that was set back, counts as none', () => {
    expect(readyAt(NOW, { 'node.example': NOW + HALF_LIFE })).toEqual([ELSEWHERE])
    expect(readyAt(NOW, { 'node.example': NOW + HALF_LIFE + 1 })).toEqual([ONE, OTHER, ELSEWHERE])
  })
})

test('no name shows a path', async () => {
  expect(JSON.stringify(await after('html_page', 60))).not.toContain('key')
})
