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
} from '../../miner/client.ts'
import { signatureHex } from '../../miner/signer.ts'
import { PROBLEMS, problemResponse, type Rejection, rejected } from '../../src/protocol/problem.ts'

const NOW = 1_700_000_000
const SIGNER = seedSigner(new Uint8Array(32).fill(7))
const BODY = Uint8Array.from(new TextEncoder().encode('zip-bytes'))

type Reply = Response | 'reset' | 'refused'

/** Answers one after the other, the last one for ever. */
async function submit(replies: readonly Reply[], signer: HotkeySigner = SIGNER, nonce?: string) {
  const sent: Headers[] = []
  const waits: number[] = []
  const events: ClientEvent[] = []
  const fetch: Fetch = async (_url, init) => {
    const reply = replies[Math.min(sent.length, replies.length - 1)] ?? 'reset'
    sent.push(new Headers(init.headers))
    if (reply instanceof Response) return reply.clone()
    const code = reply === 'reset' ? 'ECONNRESET' : 'ECONNREFUSED'
    throw new TypeError('fetch failed', { cause: Object.assign(new Error(), { code }) })
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

const refuse = (rejection: { rejection: Rejection }) => {
  const response = problemResponse(rejection.rejection, 'request-1')
  response.headers.set('x-request-id', 'request-1')
  return response
}
/** The challenge's own answer, through the gateway. */
const own = (status: number, headers: Readonly<Record<string, string>> = {}, text = 'busy') =>
  new Response(text, { status, headers: { 'x-request-id': 'r', ...headers } })
/** 409 for an upload whose first attempt ended so. */
const replay = (
  outcome: 'delivered' | 'not_delivered' | 'unknown' | 'in_flight',
  status?: number,
  body_matches = true,
) =>
  refuse(
    rejected('nonce_already_used', {
      original: {
        request_id: 'first',
        reserved_at: 1,
        body_matches,
        outcome,
        ...(status === undefined ? {} : { status }),
      },
    }),
  )
const STALE = { server_time: NOW + 400, request_time: NOW, skew_seconds: -400, max_skew_seconds: 300 }
const GATEWAY = { headers: { 'x-request-id': 'r' } }
const OK = Response.json({ id: '1' }, { status: 201, ...GATEWAY })

/** 401 of a hotkey that is not in the snapshot. */
const notLookedUp = (looked_up: boolean) =>
  refuse(
    rejected('unknown_hotkey', {
      hotkey: '5F',
      netuid: 100,
      looked_up,
      metagraph_block: 1,
      metagraph_age_seconds: 1,
      retry_after_seconds: 9,
    }),
  )

describe('retries', () => {
  const TEMPORARY: [name: string, reply: Reply][] = [
    ['a refused connection', 'refused'],
    [
      '429',
      refuse(
        rejected('rate_limited', {
          limit: 'uploads',
          limit_requests: 60,
          limit_seconds: 3600,
          retry_after_seconds: 2,
        }),
      ),
    ],
    ['502 before the nonce', refuse(rejected('challenge_token_unavailable', {}))],
    ['503', refuse(rejected('over_capacity', { retry_after_seconds: 1 }))],
    ["503 of the challenge's with Retry-After", own(503, { 'retry-after': '1' })],
    ["429 of the challenge's with Retry-After", own(429, { 'retry-after': '1' })],
    ['401 that did not ask the chain', notLookedUp(false)],
    ['408', refuse(rejected('request_timeout', { idle_seconds: 20 }))],
    ['401 without a metagraph', refuse(rejected('metagraph_unavailable', { retry_after_seconds: 3 }))],
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
    expect('mayHaveArrived' in answer).toBe(false)
    expect(sent).toHaveLength(1 + MAX_RETRIES)
    expect(MAX_RETRIES).toBe(5)
  })

  const DOUBTFUL: [name: string, reply: Reply][] = [
    ['a reset connection', 'reset'],
    ['502', refuse(rejected('challenge_unavailable', {}))],
    ["504 of the challenge's", own(504)],
    ['503 of something on the way', new Response('<html>', { status: 503 })],
    [
      '429 of something on the way, with Retry-After',
      new Response('', { status: 429, headers: { 'retry-after': '1' } }),
    ],
  ]
  describe.each(DOUBTFUL)('%s: the upload may have arrived, and goes out again as it was', (_, reply) => {
    const distinct = (sent: readonly Headers[]) =>
      new Set(sent.map((headers) => headers.get('x-signature'))).size

    test('it had not', async () => {
      const { answer, sent, waits } = await submit([reply, OK])
      expect(answer).toMatchObject({ ok: true, status: 201, value: { id: '1' } })
      expect([sent.length, distinct(sent), waits.length]).toEqual([2, 1, 1])
    })

    test('it had, and was accepted', async () => {
      const { answer, sent } = await submit([reply, replay('delivered', 201)])
      expect(answer).toMatchObject({ ok: true, status: 201, requestId: 'first', arrivedBefore: true })
      expect([sent.length, distinct(sent)]).toEqual([2, 1])
    })

    test('it had, and was refused', async () => {
      const { answer, sent } = await submit([reply, replay('delivered', 422)])
      expect(answer).toMatchObject({ ok: false, kind: 'challenge', status: 422, requestId: 'first' })
      expect([sent.length, 'mayHaveArrived' in answer]).toEqual([2, false])
    })

    test('it is still on its way', async () => {
      const { answer, sent, waits } = await submit([reply, replay('in_flight'), replay('delivered', 201)])
      expect([answer.ok, sent.length, distinct(sent)]).toEqual([true, 3, 1])
      expect(waits[1]).toBe(10)
      const endless = await submit([reply, replay('in_flight')])
      expect([endless.sent.length, distinct(endless.sent)]).toEqual([1 + MAX_RETRIES, 1])
      expect(endless.answer).toMatchObject({ mayHaveArrived: true, sent: { nonce: expect.any(String) } })
    })

    test('it stays unknown', async () => {
      const { answer, sent } = await submit([reply, replay('unknown'), OK])
      expect(answer).toMatchObject({ ok: false, status: 409, mayHaveArrived: true })
      expect([sent.length, distinct(sent)]).toEqual([2, 1])
    })

    test('only when the gateway says that it did not arrive does it get a fresh nonce', async () => {
      const { answer, sent, events } = await submit([reply, replay('not_delivered'), OK])
      expect([answer.ok, sent.length, distinct(sent)]).toEqual([true, 3, 2])
      expect(events.filter(({ event }) => event === 'retry')).toMatchObject([
        { sameNonce: true },
        { sameNonce: false },
      ])
      const gone = replay('not_delivered')
      const endless = await submit([reply, gone, reply, gone, reply, gone])
      expect(endless.sent).toHaveLength(1 + MAX_RETRIES)
      // What kept it from arriving, and not the 409 that says so.
      expect(endless.answer).not.toMatchObject({ status: 409 })
      expect('mayHaveArrived' in endless.answer).toBe(false)
    })

    test('for ever: one nonce, and the answer says that it may have arrived', async () => {
      const { answer, sent } = await submit([reply])
      expect([sent.length, distinct(sent)]).toEqual([1 + MAX_RETRIES, 1])
      expect(answer).toMatchObject({ mayHaveArrived: true, sent: { nonce: sent[0]?.get('x-nonce') } })
    })

    test('a refusal afterwards does not settle it', async () => {
      const { answer, sent } = await submit([
        reply,
        refuse(rejected('over_capacity', { retry_after_seconds: 1 })),
      ])
      expect(distinct(sent)).toBe(1)
      expect(answer).toMatchObject({ status: 503, mayHaveArrived: true })
    })

    test('a clock that is off is corrected under the same nonce', async () => {
      const { answer, sent } = await submit([reply, refuse(rejected('stale_signature', STALE)), OK])
      expect([answer.ok, distinct(sent)]).toEqual([true, 2])
      expect(new Set(sent.map((headers) => headers.get('x-nonce'))).size).toBe(1)
    })
  })

  test('a nonce that was given is not replaced by another', async () => {
    const { answer, sent } = await submit(['reset', replay('not_delivered'), OK], SIGNER, 'mine')
    expect([sent.length, answer]).toMatchObject([2, { ok: false, status: 409 }])
    const other = await submit(['reset', replay('delivered', 201, false), OK], SIGNER, 'mine')
    expect(other.answer).toMatchObject({ ok: false, status: 409 })
    expect('mayHaveArrived' in other.answer).toBe(false)
  })

  test('a dry run is never in doubt', async () => {
    const sent: Headers[] = []
    const client = createClient({
      gateway: 'https://gateway.example.com/',
      signer: SIGNER,
      protocol: { netuid: 100, family: 'platform' },
      sleep: async () => {},
      fetch: async (_url, init) => {
        sent.push(new Headers(init.headers))
        return sent.length === 1 ? own(502) : Response.json({}, GATEWAY)
      },
    })
    expect(await client.verifyUpload({ challenge: 'demo', body: BODY })).toMatchObject({ ok: true })
    expect(new Set(sent.map((headers) => headers.get('x-nonce'))).size).toBe(2)
  })

  test('Retry-After is honoured, waits grow, and an hour is too long', async () => {
    const { waits } = await submit([
      refuse(
        rejected('rate_limited', {
          limit: 'uploads',
          limit_requests: 60,
          limit_seconds: 3600,
          retry_after_seconds: 40,
        }),
      ),
      'refused',
      'refused',
      OK,
    ])
    expect(waits[0]).toBe(40)
    expect(waits[2]).toBeGreaterThan(waits[1] ?? 0)
    const date = new Date((NOW + 20) * 1000).toUTCString()
    expect(
      (await submit([new Response('', { status: 503, headers: { 'retry-after': date } }), OK])).waits,
    ).toEqual([20])
    expect(
      (
        await submit([
          refuse(
            rejected('rate_limited', {
              limit: 'uploads',
              limit_requests: 60,
              limit_seconds: 3600,
              retry_after_seconds: 3600,
            }),
          ),
          OK,
        ])
      ).sent,
    ).toHaveLength(1)
  })

  const FINAL: [name: string, reply: Response][] = [
    ['401 of a hotkey that the chain does not know', notLookedUp(true)],
    ['404', refuse(rejected('challenge_not_found', { challenges: [] }))],
    ['409', replay('delivered', 201)],
    ['409 of an upload that did not arrive', replay('not_delivered')],
    ['413', refuse(rejected('submission_too_large', { max_bytes: 1 }))],
    ["422 of the challenge's", own(422)],
    ["500 of the challenge's", own(500)],
    ["429 of the challenge's", own(429)],
    ["503 of the challenge's", own(503)],
    ['429 of something on the way', new Response('', { status: 429 })],
    ['403 of something on the way', new Response('error code: 1010', { status: 403 })],
    ['a page', new Response('<html>', { headers: { 'content-type': 'text/html' } })],
  ]
  test.each(FINAL)('%s: never', async (_, reply) => {
    expect((await submit([reply, OK])).sent).toHaveLength(1)
  })

  test('a clock that is off is corrected once', async () => {
    const { answer, sent, events, waits } = await submit([refuse(rejected('stale_signature', STALE)), OK])
    expect(answer.ok).toBe(true)
    expect(sent.map((headers) => headers.get('x-timestamp'))).toEqual([String(NOW), String(NOW + 400)])
    const nonces = sent.map((headers) => ({ event: 'send', nonce: headers.get('x-nonce') }))
    expect([events, waits]).toEqual([[nonces[0], { event: 'clock', offsetSeconds: 400 }, nonces[1]], []])
    expect((await submit([refuse(rejected('stale_signature', STALE))])).sent).toHaveLength(2)
  })

  const DAY = 86_400
  const FALSE_CLOCKS: [name: string, server_time: number, correction: number | undefined][] = [
    ['a day ahead', NOW + DAY, DAY],
    ['a day behind', NOW - DAY, -DAY],
    ['a day and a second ahead', NOW + DAY + 1, undefined],
    ['a day and a second behind', NOW - DAY - 1, undefined],
    ['next year', NOW + 365 * DAY, undefined],
    ['half a second', NOW + 400.5, undefined],
    ['no time at all', Number.NaN, undefined],
  ]
  test.each(FALSE_CLOCKS)('a gateway whose clock is %s', async (_, server_time, correction) => {
    const { sent, answer } = await submit([
      refuse(rejected('stale_signature', { ...STALE, server_time })),
      OK,
    ])
    const stamps = sent.map((headers) => Number(headers.get('x-timestamp')))
    expect(stamps).toEqual(correction === undefined ? [NOW] : [NOW, NOW + correction])
    expect(answer.ok).toBe(correction !== undefined)
  })

  test('a nonce that was given is kept', async () => {
    const { sent } = await submit(['reset', OK], SIGNER, 'mine')
    expect(sent.map((headers) => headers.get('x-nonce'))).toEqual(['mine', 'mine'])
  })
})

describe('netuid and family', () => {
  const ASKED: [given: object, fields: string[], asked: boolean][] = [
    [{}, ['base', '7'], true],
    [{ netuid: 5 }, ['base', '5'], true],
    [{ family: 'platform' }, ['platform', '7'], true],
    [{ netuid: 5, family: 'platform' }, ['platform', '5'], false],
  ]
  test.each(ASKED)(
    '%j: only what is missing is asked of the gateway',
    async (protocol, [family, netuid], asked) => {
      const paths: string[] = []
      const client = createClient({
        gateway: 'https://gateway.example.com',
        signer: SIGNER,
        protocol,
        fetch: async (url) => {
          paths.push(new URL(url).pathname)
          return Response.json({ netuid: 7, protocol_family: 'base' }, GATEWAY)
        },
      })
      const signed = await client.signUpload({ challenge: 'demo', body: BODY })
      expect(signed.ok && signed.value?.message).toMatch(`${family}-upload-v1:${netuid}:demo:`)
      expect(paths).toEqual(asked ? ['/version'] : [])
    },
  )
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
    const text = '{"type":"about:blank","code":"rate_limited","status":400}'
    expect((await submit([own(400, {}, text)])).answer).toMatchObject({
      ok: false,
      kind: 'challenge',
      status: 400,
    })
  })

  test('no answer at all', async () => {
    const answer: Answer<unknown> = (await submit(['reset'])).answer
    expect(answer).toMatchObject({ ok: false, kind: 'unreachable', cause: 'ECONNRESET' })
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
