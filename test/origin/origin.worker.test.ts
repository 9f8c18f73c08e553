import { describe, expect, test } from 'vitest'
import { createOrigin, type OriginAnswer } from '../../src/origin/origin.ts'

const ACCESS = { clientId: 'id', clientSecret: 'secret' }

interface Changes {
  readonly url?: string
  readonly marker?: string
  readonly timeoutMs?: number
  readonly answer?: Response | Error | 'hang'
}

async function call({ url = 'https://demo.example.com/x', marker, timeoutMs = 1000, answer }: Changes) {
  let sent: Request | undefined
  const origin = createOrigin({
    timeoutMs,
    access: ACCESS,
    fetch: async (to, init) => {
      sent = new Request(to, init)
      const { signal } = sent
      if (answer === 'hang') return await new Promise((_, reject) => signal.addEventListener('abort', reject))
      if (answer instanceof Error) throw answer
      return answer ?? new Response('ok')
    },
  })
  const result: OriginAnswer = await origin({ url, method: 'GET', headers: new Headers({ a: '1' }), marker })
  return { result, sent }
}

function answer(status: number, headers: Record<string, string> = {}): Response {
  return new Response(null, { status, headers })
}

describe('the way failed', () => {
  const FAILED: [name: string, changes: Changes, outcome: 'not_delivered' | 'unknown'][] = [
    ['fetch throws', { answer: new Error('Network connection lost to 10.0.0.1') }, 'unknown'],
    ['no headers in time', { answer: 'hang', timeoutMs: 5 }, 'unknown'],
    ['tunnel not connected', { answer: answer(530) }, 'not_delivered'],
    ['520', { answer: answer(520) }, 'unknown'],
    ['521', { answer: answer(521) }, 'not_delivered'],
    ['522', { answer: answer(522) }, 'unknown'],
    ['523', { answer: answer(523) }, 'not_delivered'],
    ['524', { answer: answer(524) }, 'unknown'],
    ['525', { answer: answer(525) }, 'not_delivered'],
    ['526', { answer: answer(526) }, 'not_delivered'],
    ['527', { answer: answer(527) }, 'unknown'],
    ["Cloudflare's own 502", { answer: answer(502, { 'cf-error-type': 'origin' }) }, 'unknown'],
    ["Cloudflare's own 403", { answer: answer(403, { 'cf-error-origin': 'cloudflare' }) }, 'unknown'],
    ['bot challenge', { answer: answer(403, { 'cf-mitigated': 'challenge' }) }, 'not_delivered'],
    [
      'Access login',
      { answer: answer(302, { location: 'https://team.cloudflareaccess.com/x' }) },
      'not_delivered',
    ],
    ['ingress catch-all, marker configured', { marker: 'X-Origin', answer: answer(404) }, 'unknown'],
  ]
  test.each(FAILED)('%s', async (_, changes, outcome) => {
    const { result } = await call(changes)
    expect(result).toMatchObject({ delivered: false, outcome })
    if (!result.delivered) expect(result.cause).not.toContain('10.0.0.1')
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
      access: ACCESS,
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
    expect([...(sent[0]?.headers ?? [])]).toEqual([])
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

describe('what is sent', () => {
  test('redirects are never followed', async () => {
    expect((await call({})).sent?.redirect).toBe('manual')
  })

  test('the Access token goes to tunnels, never to loopback', async () => {
    const secret = 'cf-access-client-secret'
    expect((await call({})).sent?.headers.get(secret)).toBe('secret')
    expect((await call({ url: 'http://127.0.0.1:9000/x' })).sent?.headers.has(secret)).toBe(false)
  })
})
