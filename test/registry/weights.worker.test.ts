/** Which weights may be handed on, until when, and what is kept out of them. */

import { describe, expect, test } from 'vitest'
import { parseWeights } from '../../src/registry/weights.ts'

/** 2030-01-01T00:00:00Z */
const NOW = 1_893_456_000
const SOURCE = { slug: 'demo', emission_percent: 40, weights: { '5Grw': 1 }, ok: true, error: null }
const WEIGHTS = {
  netuid: 100,
  chain_endpoint: '',
  uids: [1, 5],
  weights: [0.25, 0.75],
  hotkey_weights: { '5Grw': 1 },
  computed_at: '2030-01-01T00:00:00Z',
  expires_at: '2030-01-01T00:12:00Z',
  source_challenges: [SOURCE],
  metagraph_updated_at: '2030-01-01T00:00:00Z',
}

function parse(changes: object, now = NOW) {
  return parseWeights(JSON.stringify({ ...WEIGHTS, ...changes }), 100, now)
}

test('good ones pass to the byte, whatever way their numbers are written', () => {
  const text = JSON.stringify(WEIGHTS).replace('0.25', '2.5e-1').replace('[1,5]', '[1,\n 5]')
  expect(parseWeights(text, 100, NOW)).toEqual({ text, expiresAt: NOW + 720 })
})

test('an error of a source says nothing of the inside', () => {
  const error = "Client error '401' for url 'http://challenge-x:8000/internal/v1/get_weights'"
  const parsed = parse({ source_challenges: [SOURCE, { ...SOURCE, ok: false, error }] })
  const errors = JSON.parse(parsed?.text ?? '{}').source_challenges.map(
    (each: { error: unknown }) => each.error,
  )
  expect(errors).toEqual([null, 'Challenge unavailable'])
  expect(parsed?.text).not.toContain('challenge-x')
})

const TIMES: [expiresAt: unknown, valid: number | undefined][] = [
  ['2030-01-01T00:00:01Z', NOW + 1],
  ['2030-01-01T00:00:01.999999Z', NOW + 1],
  ['2030-01-01T01:00:01+01:00', NOW + 1],
  ['2030-01-01T00:00:00Z', undefined],
  ['2030-01-01T00:00:00.999Z', undefined],
  ['2029-12-31T23:59:59Z', undefined],
  ['2030-01-01T00:12:00', undefined],
  ['2030-01-01', undefined],
  ['tomorrow', undefined],
  [NOW + 720, undefined],
  [null, undefined],
]
test.each(TIMES)('expires_at %j', (expires_at, valid) => {
  expect(parse({ expires_at })?.expiresAt).toBe(valid)
})

describe('no weights', () => {
  const DAMAGED: [name: string, changes: object][] = [
    ['another subnet', { netuid: 1 }],
    ['more uids than weights', { uids: [1, 5, 6] }],
    ['a uid that is none', { uids: [1, -5] }],
    ['a uid as text', { uids: ['1', '5'] }],
    ['a weight below zero', { weights: [-0.25, 1.25] }],
    ['a weight as text', { weights: ['0.25', '0.75'] }],
    ['no weights at all', { weights: undefined }],
    ['no hotkeys', { hotkey_weights: [] }],
    ['sources as a table', { source_challenges: {} }],
    ['a source that is a text', { source_challenges: ['demo'] }],
    ['no expiry', { expires_at: undefined }],
  ]
  test.each(DAMAGED)('%s', (_, changes) => {
    expect(parse(changes)).toBeUndefined()
  })

  test.each(['', '{', '[]', 'null', '"text"', '<html>', '{"detail":"Not Found"}'])('%j', (text) => {
    expect(parseWeights(text, 100, NOW)).toBeUndefined()
  })
})
