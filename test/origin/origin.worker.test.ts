import { describe, expect, test } from 'vitest'
import { createOrigin, type OriginAnswer } from '../../src/origin/origin.ts'
import type { HeldBody } from '../../src/origin/send.ts'
import { USER_AGENT } from '../../src/protocol/user-agent.ts'
import { heldBody } from '../support/held.ts'

const ACCESS = { clientId: 'id', clientSecret: 'secret' }

interface Changes {
  readonly url?: string
  readonly marker?: string
  readonly timeoutMs?: number
  readonly answer?: Response | Error | 'hang'
  readonly isUpload?: true
}

async function call({ url = 'https://demo.example.com/x', timeoutMs = 1000, answer, ...changes }: Changes) {
  let sent: Request | undefined
  let init: RequestInit | undefined
  const origin = createOrigin({
    timeoutMs,
    access: () => ACCESS,
    fetch: async (to, given) => {
      init = given
      sent = new Request(to, given)
      const { signal } = sent
      if (answer === 'hang') return await new Promise((_, reject) => signal.addEventListener('abort', reject))
      if (answer instanceof Error) throw answer
      return answer ?? new Response('ok')
    },
  })
  const headers = new Headers({ a: '1' })
  const result: OriginAnswer = await origin({ url, method: 'GET', headers, marker: undefined, ...changes })
  return { result, sent, init }
}

function answer(status: number, headers: Record<string, string> = {}): Response {
  return new Response(null, { status, headers })
}

describe('the way failed', () => {
  const FAILED: [name: string, changes: Changes, outcome: 'not_delivered' | 'unknown'][] = [
    ['fetch throws', { answer: new Error('Network connection lost to 10.0.0.1') }, 'unknown'],
    ['no headers in time', { answer: 'hang', timeoutMs: 5 }, 'unknown'],
    ...[520, 521, 522, 523, 524, 525, 526, 527, 530].map((status): (typeof FAILED)[number] => [
      `a bare ${status}, which an origin can answer too`,
      { answer: answer(status) },
      'unknown',
    ]),
    ...['cf-error-type', 'cf-error-origin'].flatMap((sign) =>
      [520, 521, 522, 523, 524, 525, 526, 527, 530].map((status): (typeof FAILED)[number] => [
        `Cloudflare's own ${status}, by its ${sign}`,
        { answer: answer(status, { [sign]: 'origin' }) },
        [521, 523, 525, 526, 530].includes(status) ? 'not_delivered' : 'unknown',
      ]),
    ),
    ["Cloudflare's own 502", { answer: answer(502, { 'cf-error-type': 'origin' }) }, 'unknown'],
    ["Cloudflare's own 403", { answer: answer(403, { 'cf-error-origin': 'cloudflare' }) }, 'unknown'],
    ['bot challenge', { answer: answer(403, { 'cf-mitigated': 'challenge' }) }, 'unknown'],
    ['Access login', { answer: answer(302, { location: 'https://team.cloudflareaccess.com/x' }) }, 'unknown'],
    ['ingress catch-all, marker configured', { marker: 'X-Origin', answer: answer(404) }, 'unknown'],
  ]
  test.each(FAILED)('%s', async (_, changes, outcome) => {
    const { result } = await call(changes)
    expect(result).toMatchObject({ delivered: false, outcome })
    if (!result.delivered) expect(result.cause).not.toContain('10.0.0.1')
  })
})

describe('an answer to an upload that cloudflared makes by itself', () => {
  const lateBody = (text: string, status: number) => {
    const pipe = new IdentityTransformStream()
    const writer = pipe.writable.getWriter()
    if (text !== '') writer.write(new TextEncoder().encode(text)).then(() => writer.close())
    else writer.close()
    return new Response(pipe.readable, { status })
  }

  test.each([404, 502, 503, 504])('%i without a body and a content type is a failure', async (status) => {
    for (const bare of [answer(status), answer(status, { 'content-type': '' }), lateBody('', status)]) {
      const { result } = await call({ isUpload: true, answer: bare })
      expect(result).toEqual({ delivered: false, outcome: 'unknown', cause: `bare ${status}` })
    }
  })

  const OWN: [name: string, answer: Response, marker?: string][] = [
    ['502 with a body', lateBody('busy', 502)],
    [
      '502 with a body of a declared length',
      new Response('busy', { status: 502, headers: { 'content-length': '4' } }),
    ],
    ['503 with a content type', answer(503, { 'content-type': 'application/json' })],
    ['503 with the marker', answer(503, { 'x-origin': 'demo' }), 'X-Origin'],
    ['500', answer(500)],
    ['403', answer(403)],
    ['204', answer(204)],
  ]
  test.each(OWN)("a challenge's own %s passes", async (_, own, marker) => {
    const { status } = own
    const { result } = await call({ isUpload: true, answer: own, ...(marker && { marker }) })
    expect(result.delivered && result.response.status).toBe(status)
    if (status === 502) expect(result.delivered && (await result.response.text())).toBe('busy')
  })

  test.each([404, 502, 503, 504])('a bare %i to anything else passes', async (status) => {
    const { result } = await call({ answer: answer(status) })
    expect(result.delivered && result.response.status).toBe(status)
  })
})

describe('the challenge answered', () => {
  const ANSWERED: [name: string, changes: Changes][] = [
    ['200', {}],
    ['its own 404', { answer: answer(404) }],
    ['its own 502', { answer: answer(502) }],
    ['its own 503', { answer: answer(503) }],
    ['519', { answer: answer(519) }],
    ['528', { answer: answer(528) }],
    ['redirect', { answer: answer(302, { location: 'https://elsewhere.example.com/' }) }],
    ['marked', { marker: 'X-Origin', answer: answer(404, { 'x-origin': 'demo' }) }],
  ]
  test.each(ANSWERED)('%s', async (_, changes) => {
    const { result } = await call(changes)
    expect(result).toMatchObject({ delivered: true })
    if (result.delivered)
      expect(result.response.status).toBe(changes.answer instanceof Response ? changes.answer.status : 200)
  })
})

describe('through a VPC binding', () => {
  /** A stub whose method needs its `this`, as the platform's does. */
  function service(answer: Response | Error) {
    const sent: Request[] = []
    const stub = {
      answer,
      async fetch(url: string, init: RequestInit) {
        sent.push(new Request(url, init))
        if (this.answer instanceof Error) throw this.answer
        return this.answer
      },
    }
    const ask = createOrigin({
      timeoutMs: 1000,
      access: () => ACCESS,
      fetch: () => Promise.reject(new Error('not through the binding')),
      services: new Map([['ORIGIN_VPC', stub]]),
    })
    const call = { url: 'vpc:ORIGIN_VPC/v1/x%20y?z=%2F', method: 'GET', headers: new Headers() }
    return { sent, ask: (marker?: string) => ask({ ...call, marker }) }
  }

  test('path and query arrive; the Access token is for hostnames', async () => {
    const { ask, sent } = service(new Response('ok'))
    expect(await ask()).toMatchObject({ delivered: true })
    expect(sent[0]?.url).toBe('http://challenge/v1/x%20y?z=%2F')
    expect([...(sent[0]?.headers ?? [])]).toEqual([['user-agent', USER_AGENT]])
    expect(sent[0]?.redirect).toBe('manual')
  })

  const thrown = (message: string, name = 'ProxyError') => Object.assign(new Error(message), { name })
  const FAILED: [name: string, answer: Response | Error, outcome: string, cause: string, marker?: string][] =
    [
      ['refused', thrown('connection_refused'), 'not_delivered', 'vpc connection_refused'],
      [
        'refused, by the text',
        thrown('ProxyError: connection_refused', 'Error'),
        'not_delivered',
        'vpc connection_refused',
      ],
      ['no such name', thrown('dns_error'), 'not_delivered', 'vpc dns_error'],
      ['broke off', thrown('connection_terminated'), 'unknown', 'thrown ProxyError'],
      ['too slow', thrown('connection_timeout'), 'unknown', 'thrown ProxyError'],
      ['anything else', thrown('internal error; reference = x', 'Error'), 'unknown', 'thrown Error'],
      ['error 1101 in place of a throw', answer(500), 'unknown', 'no marker, 500', 'X-Origin'],
    ]
  test.each(FAILED)('%s', async (_, thrownOrAnswered, outcome, cause, marker) => {
    expect(await service(thrownOrAnswered).ask(marker)).toEqual({ delivered: false, outcome, cause })
  })

  test('the same words from anywhere else prove nothing', async () => {
    const { result } = await call({ answer: thrown('connection_refused') })
    expect(result).toMatchObject({ delivered: false, outcome: 'unknown' })
  })
})

describe('the time limit of an upload', () => {
  const LIMIT_MS = 500
  const PIECES = 14
  const BYTES = 65_536 * PIECES

  /**
   * Sends as much as an origin takes piece by piece, with a pause before each, and what became of
   * it.
   */
  async function sendTo(
    origin: (body: ReadableStream<Uint8Array>) => Promise<Response>,
    body: HeldBody = heldBody(new Uint8Array(BYTES)),
  ) {
    const call = createOrigin({
      timeoutMs: LIMIT_MS,
      access: () => undefined,
      fetch: (url, init) => {
        const sent = new Request(url, init)
        const gaveUp = new Promise<Response>((_, reject) => sent.signal.addEventListener('abort', reject))
        return Promise.race([origin(sent.body ?? new Blob().stream()), gaveUp])
      },
    })
    return call({
      url: 'https://demo.example.com/x',
      method: 'POST',
      headers: new Headers(),
      body,
      marker: undefined,
    })
  }

  const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
  const never = () => new Promise<never>(() => {})

  test('begins when all of it has been sent, however slow the link is', async () => {
    let bytes = 0
    const answer = await sendTo(async (body) => {
      const started = Date.now()
      for await (const piece of body) {
        const pieces = Math.floor(bytes / 65_536)
        bytes += piece.byteLength
        if (Math.floor(bytes / 65_536) > pieces) await pause(LIMIT_MS / 10)
      }
      return new Response(String(Date.now() - started > LIMIT_MS))
    })
    expect(bytes).toBe(BYTES)
    expect(answer.delivered && (await answer.response.text())).toBe('true')
  })

  test('the room is confirmed when the body is begun and with each piece, not by time', async () => {
    for (const [bytes, times] of [
      [1, 1],
      [65_536, 1],
      [65_537, 1 + 3],
      [BYTES, 1 + PIECES + 1],
    ] as const) {
      const confirmed: number[] = []
      const held = { grow: (more: number) => confirmed.push(more) > 0, release: () => {} }
      await sendTo(async (body) => new Response(await new Response(body).text()), {
        content: new Uint8Array(bytes),
        held,
      })
      expect(confirmed).toEqual(Array(times).fill(0))
    }
  })

  test('an origin that takes it all and says nothing is given up', async () => {
    const answer = await sendTo(async (body) => {
      await new Response(body).arrayBuffer()
      return never()
    })
    expect(answer).toEqual({ delivered: false, outcome: 'unknown', cause: 'timeout' })
  })

  test('an origin that takes a part and no more is given up', async () => {
    const answer = await sendTo(async (body) => {
      await body.getReader().read()
      return never()
    })
    expect(answer).toEqual({ delivered: false, outcome: 'unknown', cause: 'body not taken' })
  })
})

describe('what is sent', () => {
  test('redirects are never followed', async () => {
    expect((await call({})).sent?.redirect).toBe('manual')
  })

  test("nothing goes through the tunnel zone's cache, and the gateway says who asks", async () => {
    const { sent, init } = await call({})
    expect([init?.cache, sent?.headers.get('user-agent')]).toEqual(['no-store', USER_AGENT])
  })

  test('the Access token goes to tunnels, never to loopback', async () => {
    const secret = 'cf-access-client-secret'
    expect((await call({})).sent?.headers.get(secret)).toBe('secret')
    expect((await call({ url: 'http://127.0.0.1:9000/x' })).sent?.headers.has(secret)).toBe(false)
  })

  test("each challenge's tunnel is opened with its own Access token", async () => {
    const sent: (string | null)[] = []
    const origin = createOrigin({
      timeoutMs: 1000,
      access: (slug) => (slug === undefined ? ACCESS : { clientId: slug, clientSecret: `${slug}-secret` }),
      fetch: async (_, init) => {
        sent.push(new Headers(init.headers).get('cf-access-client-secret'))
        return new Response('ok')
      },
    })
    for (const slug of ['demo', undefined, 'other']) {
      const url = 'https://demo.example.com/x'
      await origin({ url, method: 'GET', headers: new Headers(), marker: undefined, ...(slug && { slug }) })
    }
    expect(sent).toEqual(['demo-secret', 'secret', 'other-secret'])
  })
})
