/** Each invariant of the soak, broken on purpose. */

import { expect, test } from 'vitest'
import type { Reply } from './client.ts'
import { type Case, judge } from './judge.ts'
import type { Arrival } from './witness.ts'

const NOW = 1_800_000_000
const HASH = 'aa'
const ARRIVED: Arrival = { requestId: 'first', bodyHash: HASH, status: 202 }
const ORIGINAL = {
  request_id: 'first',
  reserved_at: NOW,
  body_matches: true,
  outcome: 'delivered',
  status: 202,
}

const answered = (status: number, body: object = {}, type = 'application/json'): Reply => ({
  kind: 'answered',
  status,
  type,
  text: JSON.stringify(body),
})
const refused = (code: string, facts = {}) => answered(409, { code, ...facts }, 'application/problem+json')
const replayed = (changes: object) => refused('nonce_already_used', { original: { ...ORIGINAL, ...changes } })
const caseOf = (...replies: Reply[]): Case => ({
  planned: { nonce: 'n', hotkey: 'h', behaviour: 'well', course: 'once' },
  startedAt: NOW,
  told: replies.map((reply) => ({ reply, bodyHash: HASH })),
})

const ROWS: [name: string, replies: Reply[], arrivals: Arrival[], fault: string | undefined][] = [
  ['delivered once', [answered(202)], [ARRIVED], undefined],
  ['a true 409', [answered(202), replayed({})], [ARRIVED], undefined],
  ['lost, and never delivered', [{ kind: 'lost' }, refused('challenge_unavailable')], [], undefined],
  ['delivered twice', [answered(202)], [ARRIVED, ARRIVED], 'delivered 2 times'],
  ['two successes', [answered(202), answered(202)], [ARRIVED], '2 answers of success'],
  ['a success out of nowhere', [answered(202)], [], 'never asked'],
  ['other bytes', [answered(202)], [{ ...ARRIVED, bodyHash: 'bb' }], 'for other bytes'],
  ['cut off, yet a success', [answered(202)], [{ ...ARRIVED, bodyHash: undefined }], 'for other bytes'],
  ['another status', [answered(200)], [ARRIVED], '200 for 202'],
  ['409: never delivered', [replayed({})], [], 'says delivered'],
  ['409: delivered after all', [replayed({ outcome: 'not_delivered' })], [ARRIVED], 'not delivered'],
  ['409: another request', [replayed({ request_id: 'x' })], [ARRIVED], 'request id'],
  ['409: another body', [replayed({ body_matches: false })], [ARRIVED], 'untrue match'],
  ['409: another status', [replayed({ status: 503 })], [ARRIVED], 'another status'],
  ['409: before its time', [replayed({ reserved_at: NOW - 60 })], [ARRIVED], 'untrue time'],
  ['a bug', [refused('internal_error')], [], 'refused: internal_error'],
]
test.each(ROWS)('%s', (_, replies, arrivals, fault) => {
  const faults = judge(caseOf(...replies), arrivals, NOW + 10)
  if (fault === undefined) expect(faults).toEqual([])
  else expect(faults.join()).toContain(fault)
})
