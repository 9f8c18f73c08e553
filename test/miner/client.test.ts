/** The SDK against a fetch that answers from a script: what is retried, when, and with what. */

import { describe, expect, test } from 'vitest'
import {
  type Answer,
  type ClientEvent,
  createClient,
  type Fetch,
  firstArrived,
  type HotkeySigner,
  MAX_RETRIES,
  parseProblem,
  seedSigner,
} from '../../src/miner/client.ts'
import { signatureHex } from '../../src/miner/signer.ts'
import { PROBLEMS, problemResponse, type Rejection, rejected } from '../../src/protocol/problem.ts'

const NOW = 1_700_000_000
const SIGNER = seedSigner(new Uint8Array(32).fill(7))
const BODY = Uint8Array.from(new TextEncoder().encode('zip-bytes'))

type Reply = Response | 'reset'

/** Answers one after the other, the last one for ever. */
async function submit(replies: readonly Reply[], signer: HotkeySigner = SIGNER, nonce?: string) {
  const sent: Headers[] = []
  const waits: number[] = []
  const events: ClientEvent[] = []
  const fetch: Fetch = async (_url, init) => {
    const reply = replies[Math.min(sent.length, replies.length - 1)] ?? 'reset'
    sent.push(new Headers(init.headers))
    if (reply === 'reset')
      throw new TypeError('fetch failed', { cause: Object.assign(new Error(), { code: 'ECONNRESET' }) })
    return reply.clone()
  }
  const client = createClient({
    gateway: 'https://gateway.example.com/',
    signer,
    protocol: { netuid: 100, family: 'platform' },
    fetch,
    now: () => NOW * 1000,
    sleep: async (ms) => waits.push(ms / 1000),
    onEvent: (event) => events.push(event),
  })
  const upload = { challenge: 'demo', body: BODY, ...(nonce === undefined ? {} : { nonce }) }
  return { answer: await client.submitUpload(upload), sent, waits, events }
}

const refuse = (rejection: { rejection: Rejection }) => problemResponse(rejection.rejection, 'request-1')
const STALE = { server_time: NOW + 400, request_time: NOW, skew_seconds: -400, max_skew_seconds: 300 }
const OK = Response.json({ id: '1' }, { status: 201 })

describe('retries', () => {
  const TEMPORARY: [name: string, reply: Reply][] = [
    ['a reset connection', 'reset'],
    ['429', refuse(rejected('rate_limited', { retry_after_seconds: 2 }))],
    ['502', refuse(rejected('challenge_unavailable', {}))],
    ['503', refuse(rejected('over_capacity', { retry_after_seconds: 1 }))],
    ["504 of the challenge's", new Response('late', { status: 504 })],
  ]
  test.each(TEMPORARY)('%s: once more, with a fresh nonce', async (_, reply) => {
    const { answer, sent, waits } = await submit([reply, OK])
    expect(answer).toMatchObject({ ok: true, status: 201, value: { id: '1' } })
    expect(new Set(sent.map((headers) => headers.get('x-nonce'))).size).toBe(2)
    expect(waits).toHaveLength(1)
  })

  test.each(TEMPORARY)('%s for ever: at most five', async (_, reply) => {
    const { answer, sent } = await submit([reply])
    expect(answer.ok).toBe(false)
    expect(sent).toHaveLength(1 + MAX_RETRIES)
    expect(MAX_RETRIES).toBe(5)
  })

  test('Retry-After is honoured, waits grow, and an hour is too long', async () => {
    const { waits } = await submit([
      refuse(rejected('rate_limited', { retry_after_seconds: 40 })),
      'reset',
      'reset',
      OK,
    ])
    expect(waits[0]).toBe(40)
    expect(waits[2]).toBeGreaterThan(waits[1] ?? 0)
    const date = new Date((NOW + 20) * 1000).toUTCString()
    expect(
      (await submit([new Response('', { status: 503, headers: { 'retry-after': date } }), OK])).waits,
    ).toEqual([20])
    expect(
      (await submit([refuse(rejected('rate_limited', { retry_after_seconds: 3600 })), OK])).sent,
    ).toHaveLength(1)
  })

  const FINAL: [name: string, reply: Response][] = [
    [
      '401',
      refuse(
        rejected('unknown_hotkey', { metagraph_block: 1, metagraph_age_seconds: 1, retry_after_seconds: 9 }),
      ),
    ],
    ['404', refuse(rejected('challenge_not_found', {}))],
    [
      '409',
      refuse(
        rejected('nonce_already_used', {
          original: {
            request_id: 'r',
            reserved_at: 1,
            body_matches: true,
            outcome: 'delivered',
            status: 201,
          },
        }),
      ),
    ],
    ['413', refuse(rejected('submission_too_large', { max_bytes: 1 }))],
    ["422 of the challenge's", new Response('no', { status: 422 })],
    ["500 of the challenge's", new Response('no', { status: 500 })],
  ]
  test.each(FINAL)('%s: never', async (_, reply) => {
    expect((await submit([reply, OK])).sent).toHaveLength(1)
  })

  test('a clock that is off is corrected once', async () => {
    const { answer, sent, events, waits } = await submit([refuse(rejected('stale_signature', STALE)), OK])
    expect(answer.ok).toBe(true)
    expect(sent.map((headers) => headers.get('x-timestamp'))).toEqual([String(NOW), String(NOW + 400)])
    expect([events, waits]).toEqual([[{ event: 'clock', offsetSeconds: 400 }], []])
    expect((await submit([refuse(rejected('stale_signature', STALE))])).sent).toHaveLength(2)
  })

  test('a nonce that was given is kept', async () => {
    const { sent } = await submit(['reset', OK], SIGNER, 'mine')
    expect(sent.map((headers) => headers.get('x-nonce'))).toEqual(['mine', 'mine'])
  })
})

describe('what comes back', () => {
  test('a refusal of the gateway is typed by its code', async () => {
    const { answer } = await submit([refuse(rejected('submission_too_large', { max_bytes: 7 }))])
    if (answer.ok || answer.kind !== 'problem' || answer.problem.code !== 'submission_too_large')
      throw new Error()
    expect(answer.problem.max_bytes satisfies number).toBe(7)
    expect(answer).toMatchObject({
      status: 413,
      problem: { detail: 'Submission too large', instance: 'request-1' },
    })
  })

  test("the challenge's own problem document is not the gateway's", async () => {
    const own = new Response('{"type":"about:blank","code":"rate_limited","status":400}', { status: 400 })
    expect((await submit([own])).answer).toMatchObject({ ok: false, kind: 'challenge', status: 400 })
  })

  test('no answer at all', async () => {
    const answer: Answer<unknown> = (await submit(['reset'])).answer
    expect(answer).toEqual({ ok: false, kind: 'unreachable', cause: 'ECONNRESET' })
  })

  test.each(Object.keys(PROBLEMS))('%s is a known problem', (code) => {
    const document = { type: `urn:platform-edge:problem:${code}`, code, detail: 'd', hint: 'h', status: 1 }
    expect(parseProblem(document)).toMatchObject({ code })
  })

  test('a code from the future is not lost', () => {
    const document = { type: 'urn:platform-edge:problem:new', code: 'new', detail: 'd', hint: 'h', status: 1 }
    expect(parseProblem(document)).toMatchObject({ code: 'other', originalCode: 'new' })
  })

  test.each([
    ['delivered', true],
    ['not_delivered', false],
    ['in_flight', undefined],
    ['unknown', undefined],
  ] as const)('a replay of an upload that is %s', (outcome, arrived) => {
    const original = { request_id: 'r', reserved_at: 1, body_matches: true, outcome }
    const problem = parseProblem({
      type: 'urn:platform-edge:problem:nonce_already_used',
      code: 'nonce_already_used',
      detail: 'd',
      hint: 'h',
      status: 409,
      original,
    })
    if (problem?.code !== 'nonce_already_used') throw new Error()
    expect(firstArrived(problem)).toBe(arrived)
  })
})

describe('signers', () => {
  const hex = 'ab'.repeat(64)
  test.each([hex, `0x${hex}`, hex.toUpperCase(), `0x01${hex}`])('%s', (text) => {
    expect(signatureHex(text)).toBe(hex)
  })

  test.each(['', 'ab', `02${hex}`, 'zz'.repeat(64)])('"%s" is no signature', (text) => {
    expect(() => signatureHex(text)).toThrow('did not return a signature')
  })

  test('a challenge that cannot be one, and no signer, are bugs of the caller', async () => {
    const client = createClient({ gateway: 'https://g.example', protocol: { netuid: 1, family: 'base' } })
    await expect(client.submitUpload({ challenge: 'Demo Name', body: BODY })).rejects.toThrow('slug')
    await expect(client.signUpload({ challenge: 'demo', body: BODY })).rejects.toThrow('signer')
  })
})
