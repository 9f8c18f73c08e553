/** What is logged of many requests, and what a dataset and a client are told. */

import { afterEach, expect, test, vi } from 'vitest'
import { createLog, type RequestEntry, serverTiming } from '../src/log.ts'

const ENTRY: RequestEntry = {
  request_id: '80000000-0000-4000-8000-000000000000',
  method: 'POST',
  route: '/v1/challenges/:challenge/submissions',
  status: 201,
  outcome: 'ok',
  slug: 'demo',
  hotkey: '5Canary',
  origin_ms: 12,
  ledger_ms: 3,
  bytes: 9,
  ms: 20,
}

afterEach(() => vi.restoreAllMocks())

const SAMPLED: [share: number, changes: Partial<RequestEntry>, logged: boolean][] = [
  [1, {}, true],
  [1, { request_id: 'ffffffff-' }, true],
  [0, { request_id: '00000000-' }, false],
  [0.5, {}, false],
  [0.500001, {}, true],
  [0.5, { status: 429, outcome: 'rate_limited' }, false],
  [0.5, { status: 503, outcome: 'ok' }, false],
  [0.5, { status: 502, outcome: 'challenge_unavailable' }, true],
  [0, { status: 500, outcome: 'internal_error' }, true],
]
test.each(SAMPLED)('share %d: %j', (share, changes, logged) => {
  const line = vi.spyOn(console, 'log').mockImplementation(() => {})
  createLog(share, undefined)({ ...ENTRY, ...changes })
  expect(line).toHaveBeenCalledTimes(logged ? 1 : 0)
})

test('events are logged all, and a dataset gets every request without a name', () => {
  const line = vi.spyOn(console, 'log').mockImplementation(() => {})
  const points: object[] = []
  const log = createLog(0, { writeDataPoint: (point) => points.push(point) })
  log({ event: 'metagraph_refresh' })
  log(ENTRY)
  expect(line).toHaveBeenCalledTimes(1)
  expect(points).toEqual([
    { blobs: [ENTRY.route, 'demo', 'ok'], doubles: [201, 20, 12, 3, 9], indexes: ['demo'] },
  ])
})

test('timing names what was waited for', () => {
  expect(serverTiming(ENTRY)).toBe('origin;dur=12, ledger;dur=3, total;dur=20')
  expect(serverTiming({ request_id: '', method: 'GET', route: '', status: 200, outcome: 'ok', ms: 0 })).toBe(
    'total;dur=0',
  )
})
