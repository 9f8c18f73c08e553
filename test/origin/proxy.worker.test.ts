import { describe, expect, test } from 'vitest'
import type { Challenge } from '../../src/challenge/challenge.ts'
import { OPEN_POLICY } from '../../src/challenge/policy.ts'
import { createOrigin, type OriginAnswer } from '../../src/origin/origin.ts'
import { forwardRequest } from '../../src/origin/proxy.ts'
import type { OriginBody } from '../../src/origin/send.ts'
import type { ProtocolFamily } from '../../src/protocol/canonical.ts'
import { USER_AGENT } from '../../src/protocol/user-agent.ts'
import { heldBody } from '../support/held.ts'

const CHALLENGE: Challenge = {
  slug: 'demo',
  name: 'Demo Challenge',
  status: 'active',
  origins: [new URL('https://demo.example.com/base/')],
  marker: 'x-origin',
  policy: OPEN_POLICY,
}
const URL_SENT = 'https://gateway.example.com/challenges/Demo%20Challenge/asked?x=%2F&y=+'

interface Changes {
  readonly family?: ProtocolFamily
  readonly path?: string
  readonly keepsSignature?: boolean
  readonly timeoutMs?: number
  readonly body?: OriginBody
  readonly fetch?: (request: Request) => Promise<Response>
}

/** Forwards a client's request, and what the platform was asked to send. */
async function forward(client: Request, changes: Changes = {}) {
  let sent: Request | undefined
  const origin = createOrigin({
    timeoutMs: changes.timeoutMs ?? 1000,
    access: () => undefined,
    fetch: (url, init) => {
      sent = new Request(url, init)
      return changes.fetch?.(sent) ?? answerOnceRead(sent)
    },
  })
  const answer: OriginAnswer = await forwardRequest(origin, client, {
    family: changes.family ?? 'platform',
    challenge: CHALLENGE,
    plan: {
      path: changes.path ?? '/asked',
      keepsSignature: changes.keepsSignature ?? false,
      keepsAuthorization: false,
      isEnv: false,
    },
    requestId: 'request-1',
    body: changes.body,
  })
  return { answer, sent }
}

/** An origin that reads the whole request and says what the body was. */
async function answerOnceRead(request: Request): Promise<Response> {
  return new Response(await request.text(), { headers: { 'x-origin': '1' } })
}

/** An origin that takes nothing of the request and never answers. */
function deaf(request: Request): Promise<Response> {
  return new Promise((_, reject) =>
    request.signal.addEventListener('abort', () => reject(new Error('aborted'))),
  )
}

/** An origin that reads the whole request and never answers. */
function silent(request: Request): Promise<Response> {
  request.text().catch(() => {})
  return deaf(request)
}

const POST = new Request(URL_SENT, { method: 'POST' })
async function sendHello({ writable }: IdentityTransformStream): Promise<void> {
  const writer = writable.getWriter()
  await writer.write(new TextEncoder().encode('hello'))
  await writer.close()
}

const HELLO = (): OriginBody => heldBody(Uint8Array.from(new TextEncoder().encode('hello')))

describe('what is sent', () => {
  test('the planned path in its one form below the origin, and the query as it came', async () => {
    const { sent } = await forward(new Request(URL_SENT), { path: "/a b/é!'()*" })
    expect(sent?.url).toBe('https://demo.example.com/base/a%20b/%C3%A9%21%27%28%29%2A?x=%2F&y=+')
  })

  const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
  test.each(METHODS)('%s stays %s', async (method) => {
    const { sent } = await forward(new Request(URL_SENT, { method }))
    expect([sent?.method, sent?.redirect]).toEqual([method, 'manual'])
  })

  test.each(['platform', 'base'] as const)(
    'family %s: the gateway’s own headers replace those of the client',
    async (family) => {
      const spoofed = { 'x-platform-proxy': 'no', 'x-base-challenge-slug': 'other', 'x-request-id': 'mine' }
      const { sent } = await forward(
        new Request(URL_SENT, { headers: { ...spoofed, accept: 'text/html' } }),
        {
          family,
        },
      )
      expect(Object.fromEntries(sent?.headers ?? [])).toEqual({
        accept: 'text/html',
        'user-agent': USER_AGENT,
        [`x-${family}-proxy`]: 'true',
        [`x-${family}-challenge-slug`]: 'demo',
        'x-request-id': 'request-1',
      })
    },
  )

  test('signature headers travel only where the plan keeps them', async () => {
    const headers = { 'x-hotkey': '5Grw', 'x-signature': '0xab', 'x-nonce': 'n', 'x-timestamp': '1' }
    const names = async (keepsSignature: boolean) => {
      const { sent } = await forward(new Request(URL_SENT, { headers }), { keepsSignature })
      return Object.keys(headers).filter((name) => sent?.headers.has(name))
    }
    expect(await names(true)).toEqual(Object.keys(headers))
    expect(await names(false)).toEqual([])
  })
})

test.each([
  ["the client's own", 'miner/1', 'miner/1'],
  ['ours for none', undefined, USER_AGENT],
  ['ours for an empty one', '', USER_AGENT],
])('User-Agent: %s', async (_, own, sentAgent) => {
  const headers = own === undefined ? {} : { 'user-agent': own }
  const { sent } = await forward(new Request(URL_SENT, { headers }))
  expect(sent?.headers.get('user-agent')).toBe(sentAgent)
})

describe('the wait for headers', () => {
  test('begins when the body has been sent, however long that took', async () => {
    const upload = new IdentityTransformStream()
    const order: string[] = []
    const slow = forward(POST, { body: { stream: upload.readable, bytes: 5 }, timeoutMs: 5, fetch: silent })
    const settled = slow.then(({ answer }) => order.push(answer.delivered ? 'answered' : answer.cause))
    await forward(new Request(URL_SENT), { timeoutMs: 5, fetch: silent })
    order.push('a later read timed out')
    await sendHello(upload)
    await settled
    expect(order).toEqual(['a later read timed out', 'timeout'])
  })

  test('ends with the headers: a body may take longer', async () => {
    const stream = new TransformStream<Uint8Array, Uint8Array>()
    const { answer, sent } = await forward(POST, {
      body: HELLO(),
      timeoutMs: 5,
      fetch: async (request) => {
        await request.text()
        return new Response(stream.readable, { headers: { 'x-origin': '1' } })
      },
    })
    await forward(new Request(URL_SENT), { timeoutMs: 5, fetch: silent })
    expect([answer.delivered, sent?.signal.aborted]).toEqual([true, false])
  })

  test('does not begin when the answer came before the body was sent', async () => {
    const upload = new IdentityTransformStream()
    let read: Promise<string> | undefined
    const { answer, sent } = await forward(POST, {
      body: { stream: upload.readable, bytes: 5 },
      timeoutMs: 5,
      fetch: async (request) => {
        read = request.text()
        return new Response('early', { headers: { 'x-origin': '1' } })
      },
    })
    await sendHello(upload)
    await read
    for (let waited = 0; waited < 2; waited += 1)
      await forward(new Request(URL_SENT), { timeoutMs: 5, fetch: silent })
    expect([answer.delivered, sent?.signal.aborted]).toEqual([true, false])
  })

  test('is given up when the origin takes nothing of the body', async () => {
    // A body of one piece shows no progress, so nothing tells why there are no headers.
    const bodies: [body: OriginBody, cause: string][] = [
      [HELLO(), 'timeout'],
      [heldBody(new Uint8Array(65_536)), 'timeout'],
      [heldBody(new Uint8Array(65_537)), 'body not taken'],
    ]
    for (const [body, cause] of bodies) {
      const { answer } = await forward(POST, { body, timeoutMs: 5, fetch: deaf })
      expect(answer).toEqual({ delivered: false, outcome: 'unknown', cause })
    }
  })

  test('an answer that comes before the origin stops reading is the answer', async () => {
    const { answer } = await forward(POST, {
      body: HELLO(),
      fetch: async (request) => {
        await request.body?.cancel()
        return new Response('too much', { status: 413, headers: { 'x-origin': '1' } })
      },
    })
    expect(answer.delivered && answer.response.status).toBe(413)
  })

  test('is given up when the body breaks off', async () => {
    const upload = new IdentityTransformStream()
    const slow = forward(POST, {
      body: { stream: upload.readable, bytes: 5 },
      timeoutMs: 60_000,
      fetch: silent,
    })
    await upload.writable.abort(new Error('reset'))
    const { answer } = await slow
    expect(answer).toEqual({ delivered: false, outcome: 'unknown', cause: 'body broke off' })
  })
})
