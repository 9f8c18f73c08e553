/**
 * The port: whatever the platform does, the answer is a Result, and nothing but 'reserved' admits.
 */

import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, test } from 'vitest'
import { createLedger, type LedgerNamespace, type LedgerStub } from '../../src/ledger/client.ts'
import { IN_FLIGHT_SECONDS, NOW, newKey, RETENTION_SECONDS, reservation, verdict } from './support.worker.ts'

const OPTIONS = { retentionSeconds: RETENTION_SECONDS, inFlightSeconds: IN_FLIGHT_SECONDS }

const WAITED = { milliseconds: expect.any(Number) }
const ORIGINAL = { request_id: 'r', reserved_at: NOW, body_matches: true, outcome: 'in_flight' }

/** Each entry is what one stub answers or, being an Error, throws; the last one repeats. */
function fakeNamespace(...answers: unknown[]) {
  const names: string[] = []
  const answer = async () => {
    const next = answers[Math.min(names.length, answers.length) - 1]
    if (next instanceof Error) throw next
    return next
  }
  const namespace: LedgerNamespace = {
    getByName(name) {
      names.push(name)
      return { reserve: answer, find: answer, free: answer, settle: answer }
    },
  }
  return { namespace, names }
}

function fault(message: string, flags: Record<string, boolean>): Error {
  return Object.assign(new Error(message), flags)
}

const LOST = fault('Network connection lost.', { retryable: true })
const OVERLOADED = fault('Durable Object is overloaded.', { retryable: true, overloaded: true })
const RESET = fault('Internal error while starting up Durable Object storage', { durableObjectReset: true })
const REMOTE = fault('no such table: nonces: SQLITE_ERROR', { remote: true })

describe('faults', () => {
  const FAULTS: [name: string, answers: unknown[], calls: number, cause: string][] = [
    ['lost twice', [LOST, LOST], 2, 'second attempt: Error: Network connection lost. (retryable)'],
    [
      'lost, then overloaded',
      [LOST, OVERLOADED],
      2,
      'second attempt: Error: Durable Object is overloaded. (retryable overloaded)',
    ],
    ['overloaded', [OVERLOADED], 1, 'Error: Durable Object is overloaded. (retryable overloaded)'],
    [
      'reset twice',
      [RESET, RESET],
      2,
      'second attempt: Error: Internal error while starting up Durable Object storage (durableObjectReset)',
    ],
    ['a bug in the object', [REMOTE], 1, 'Error: no such table: nonces: SQLITE_ERROR (remote)'],
    ['a message with the nonce', [fault('bad nonce-of-mine', {})], 1, 'message withheld ()'],
    ['a message without end', [fault('x'.repeat(1000), {})], 1, `Error: ${'x'.repeat(193)}`],
  ]
  test.each(FAULTS)('%s: refused', async (_, answers, calls, cause) => {
    const { namespace, names } = fakeNamespace(...answers)
    const ledger = createLedger(namespace, OPTIONS)
    const refusal = {
      ok: false,
      rejection: { code: 'nonce_store_unavailable', facts: { retry_after_seconds: 5 }, cause },
    }
    const asked = reservation({ nonce: 'nonce-of-mine' })
    expect(await ledger.reserve(newKey(), asked)).toEqual({ ...refusal, found: WAITED })
    expect(names).toHaveLength(calls)
    names.length = 0
    expect(await ledger.find(newKey(), asked)).toEqual({ ...refusal, found: WAITED })
    names.length = 0
    expect(await ledger.settle(newKey(), 'n', 'r', { outcome: 'unknown' })).toBe(undefined)
    expect(names).toHaveLength(calls)
  })

  test('a namespace that throws by itself: refused', async () => {
    const ledger = createLedger(
      {
        getByName() {
          throw new TypeError('no')
        },
      },
      OPTIONS,
    )
    expect(verdict(await ledger.reserve(newKey(), reservation()))).toBe('nonce_store_unavailable')
  })

  test.each([
    ['lost', LOST],
    ['reset', RESET],
  ])('%s once: the second stub answers', async (_, fault) => {
    const { namespace, names } = fakeNamespace(fault, 'reserved')
    const key = { netuid: 7, slug: 'prism', hotkey: '5F' }
    expect(verdict(await createLedger(namespace, OPTIONS).reserve(key, reservation()))).toBe('reserved')
    expect(names).toEqual(['7:prism:5F', '7:prism:5F'])
  })

  test('an object that never answers: refused', async () => {
    const silent = () => new Promise<never>(() => {})
    const namespace = { getByName: () => ({ reserve: silent, find: silent, free: silent, settle: silent }) }
    const ledger = createLedger(namespace, { ...OPTIONS, deadlineMs: 1 })
    expect(await ledger.reserve(newKey(), reservation())).toMatchObject({
      rejection: { code: 'nonce_store_unavailable', cause: 'no answer in time' },
    })
  })

  test('thrown things that are no errors: refused', async () => {
    for (const thrown of ['text', undefined, null, 7]) {
      const answer = () => Promise.reject(thrown)
      const ledger = createLedger(
        { getByName: () => ({ reserve: answer, find: answer, free: answer, settle: answer }) },
        OPTIONS,
      )
      expect(verdict(await ledger.reserve(newKey(), reservation()))).toBe('nonce_store_unavailable')
    }
  })
})

describe('answers of other code', () => {
  const UNKNOWN: [name: string, answer: unknown][] = [
    ['nothing', undefined],
    ['null', null],
    ['true', true],
    ['another word', 'ok'],
    ['reserved in a list', ['reserved']],
    ['reserved in an object', { reserved: true }],
    ['no request id', { ...ORIGINAL, request_id: undefined }],
    ['no time', { ...ORIGINAL, reserved_at: '0' }],
    ['no comparison', { ...ORIGINAL, body_matches: 1 }],
    ['a new outcome', { ...ORIGINAL, outcome: 'queued' }],
    ['delivered without a status', { ...ORIGINAL, outcome: 'delivered' }],
  ]
  test.each(UNKNOWN)('%s: refused', async (_, answer) => {
    const ledger = createLedger(fakeNamespace(answer).namespace, OPTIONS)
    const rejection = { code: 'nonce_store_unavailable', cause: 'unknown answer from the ledger object' }
    expect(await ledger.reserve(newKey(), reservation())).toMatchObject({ ok: false, rejection })
    expect(await ledger.find(newKey(), reservation())).toMatchObject({ ok: false, rejection })
  })

  test('free is no reservation, reserved is no finding', async () => {
    const free = createLedger(fakeNamespace('free').namespace, OPTIONS)
    const reserved = createLedger(fakeNamespace('reserved').namespace, OPTIONS)
    expect(verdict(await free.reserve(newKey(), reservation()))).toBe('nonce_store_unavailable')
    expect(verdict(await reserved.find(newKey(), reservation()))).toBe('nonce_store_unavailable')
  })

  test('of a replay only the known facts are passed on', async () => {
    const ledger = createLedger(fakeNamespace({ ...ORIGINAL, status: 200, secret: 1 }).namespace, OPTIONS)
    expect(await ledger.find(newKey(), reservation())).toEqual({ ok: true, value: ORIGINAL, found: WAITED })
  })
})

describe('with a real object', () => {
  test('an object that is reset in the middle of a call is asked once more, and that is no replay', async () => {
    const stubs: LedgerStub[] = []
    const losing: LedgerNamespace = {
      getByName(name, options) {
        const stub = env.NONCES.getByName(name, options)
        const first: LedgerStub = {
          find: (call) => stub.find(call),
          free: (...call) => stub.free(...call),
          settle: (...call) => stub.settle(...call),
          reserve: (call) =>
            runInDurableObject(stub, async (object, state) => {
              await object.reserve(call)
              await state.storage.sync()
              state.abort('a new version of the code')
            }),
        }
        stubs.push(stub)
        return stubs.length === 1 ? first : stub
      },
    }
    const key = newKey()
    expect(verdict(await createLedger(losing, OPTIONS).reserve(key, reservation()))).toBe('reserved')
    expect(stubs).toHaveLength(2)
    expect(verdict(await createLedger(env.NONCES, OPTIONS).reserve(key, reservation()))).toBe('in_flight')
  })

  test('a fault of the object itself is a refusal', async () => {
    const key = newKey()
    const ledger = createLedger(env.NONCES, OPTIONS)
    const odd = reservation({ reservedAt: Number.NaN })
    expect(verdict(await ledger.reserve(key, odd))).toBe('nonce_store_unavailable')
  })
})
