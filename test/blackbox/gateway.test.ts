/**
 * The gateway beside the upload: its own routes over real HTTP, and how it stands when something
 * it needs is missing.
 */

import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { encodeSs58 } from '../../src/crypto/ss58.ts'
import { startGateway } from '../../tools/dev/gateway.ts'
import { openRaw } from '../support/raw.ts'
import {
  ADMIN_TOKEN,
  devSigner,
  headerLines,
  sign,
  startWorld,
  type TestWorld,
  TOKEN,
} from '../support/world.ts'

const UPLOADS = '/v1/challenges/demo/submissions'
const BODY = new TextEncoder().encode('work')
const ALICE = encodeSs58(devSigner('alice').publicKey)

async function post(
  url: string,
): Promise<{ status: number; problem: Record<string, unknown>; retryAfter: string | null }> {
  const response = await fetch(url + UPLOADS, { method: 'POST', headers: sign(BODY).headers, body: BODY })
  return {
    status: response.status,
    problem: await response.json(),
    retryAfter: response.headers.get('retry-after'),
  }
}

describe('running', () => {
  let world: TestWorld

  beforeAll(async () => {
    world = await startWorld()
  })
  afterAll(() => world.close())

  const OWN = ['/health', '/ready', '/version', '/v1/time', '/v1/limits', '/v1/metagraph']
  test.each(OWN)('GET and HEAD %s', async (path) => {
    const got = await fetch(world.gateway.url + path)
    expect(got.status).toBe(200)
    expect(got.headers.get('content-type')).toBe('application/json')
    const head = await fetch(world.gateway.url + path, { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
    expect((await fetch(world.gateway.url + path, { method: 'DELETE' })).status).toBe(405)
  })

  test('a miner can check a registration', async () => {
    const ask = async (hotkey: string) =>
      (await fetch(`${world.gateway.url}/v1/metagraph?hotkey=${hotkey}`)).json()
    expect(await ask(ALICE)).toMatchObject({ netuid: 100, hotkey: ALICE, uid: 1 })
    expect(await ask('5C4hrfjw9DjXZTzV3MwzrrAr9P1MJhSrvWGWqi1eSuyUpnhM')).toMatchObject({ uid: null })
  })

  test('the cron refreshes, and says so in one line', async () => {
    expect(await world.gateway.runCron()).toBe('ok')
    await expect.poll(() => world.logs.filter((line) => line.includes('"trigger":"cron"')).length).toBe(1)
  })

  test('status is read from the challenge', async () => {
    const response = await fetch(world.gateway.url + UPLOADS, {
      method: 'POST',
      headers: sign(BODY).headers,
      body: BODY,
    })
    const { id } = (await response.json()) as { id: string }
    const status = await fetch(`${world.gateway.url}${UPLOADS}/${id}`)
    expect(await status.json()).toMatchObject({ id, hotkey: ALICE })
    expect((await fetch(`${world.gateway.url}${UPLOADS}/nope`)).status).toBe(404)
  })

  test('more bytes in flight than an isolate can hold: 503, and room again afterwards', async () => {
    const body = randomBytes(7_500_000)
    const held = await Promise.all(
      Array.from({ length: 8 }, async () => {
        const connection = await openRaw(world.gateway.url)
        const lines = [
          `POST ${UPLOADS} HTTP/1.1`,
          'Host: gateway',
          ...headerLines(sign(body).headers),
          'Content-Length: 7500000',
        ]
        connection.send(`${lines.join('\r\n')}\r\n\r\n`)
        await new Promise<void>((resolve) =>
          connection.socket.write(body.subarray(0, 7_499_000), () => resolve()),
        )
        return connection
      }),
    )
    const refused = async () => {
      const response = await fetch(world.gateway.url + UPLOADS, {
        method: 'POST',
        headers: sign(body).headers,
        body,
      })
      return response.status === 503 ? await response.json() : response.status
    }
    await expect.poll(refused).toMatchObject({ code: 'over_capacity', retry_after_seconds: 1 })
    for (const connection of held) connection.close()
    await expect.poll(async () => (await post(world.gateway.url)).status).toBe(201)
  })

  describe('a pushed metagraph', () => {
    const push = (headers: Record<string, string>, body = '{}') =>
      fetch(`${world.gateway.url}/v1/admin/metagraph`, { method: 'PUT', headers, body })

    test.each([
      ['no token', {}],
      ['a wrong token', { 'X-Admin-Token': 'nope' }],
      [
        'a wrong token and a right bearer',
        { 'X-Admin-Token': 'nope', Authorization: `Bearer ${ADMIN_TOKEN}` },
      ],
      ['a token as another scheme', { Authorization: `Basic ${ADMIN_TOKEN}` }],
    ])('%s: 401', async (_, headers) => {
      const answer = await push(headers)
      expect(answer.status).toBe(401)
      expect(await answer.json()).toMatchObject({ code: 'unauthorized', detail: 'Unauthorized' })
    })

    test.each([
      ['X-Admin-Token', { 'X-Admin-Token': ADMIN_TOKEN }],
      ['bearer', { Authorization: `bearer ${ADMIN_TOKEN}` }],
      ['an empty token and a bearer', { 'X-Admin-Token': '', Authorization: `Bearer ${ADMIN_TOKEN}` }],
    ])('%s: rubbish is refused with its reason', async (_, headers) => {
      const answer = await push(headers)
      expect(answer.status).toBe(400)
      expect(await answer.json()).toMatchObject({ reason: 'the recording was refused: malformed_answer' })
    })
  })

  test('no secret in any log line', () => {
    const everything = world.logs.join('\n')
    for (const secret of [TOKEN, ADMIN_TOKEN]) expect(everything).not.toContain(secret)
  })
})

describe('without a chain', () => {
  test('members are unknown, so uploads are refused and /ready says so; the allow-list passes', async () => {
    const world = await startWorld({
      vars: { CHAIN_ENDPOINTS: ['http://127.0.0.1:1'], EXTRA_REGISTERED_HOTKEYS: [ALICE] },
    })
    try {
      expect((await fetch(`${world.gateway.url}/ready`)).status).toBe(503)
      expect((await fetch(`${world.gateway.url}/v1/metagraph`)).status).toBe(503)
      expect((await post(world.gateway.url)).status).toBe(201)
      expect(world.received[0]?.submission.uid).toBeNull()
      const headers = sign(BODY, { signer: devSigner('bob') }).headers
      const response = await fetch(world.gateway.url + UPLOADS, { method: 'POST', headers, body: BODY })
      expect([response.status, response.headers.has('retry-after')]).toEqual([401, true])
      expect(await response.json()).toMatchObject({
        code: 'metagraph_unavailable',
        detail: 'metagraph unavailable',
      })
    } finally {
      await world.close()
    }
  })
})

describe('with faults in its configuration', () => {
  test('only /health answers, and the log names every fault without a value', async () => {
    const logs: string[] = []
    const gateway = await startGateway({
      vars: { NETUID: 'canary-value', MAX_UPLOAD_BYTES: 0 },
      onLog: ({ message }) => logs.push(message),
    })
    try {
      expect((await fetch(`${gateway.url}/health`)).status).toBe(200)
      expect((await post(gateway.url)).problem).toMatchObject({ code: 'internal_error', status: 500 })
      expect((await fetch(`${gateway.url}/nope`)).status).toBe(500)
      await expect.poll(() => logs.join()).toContain('MAX_UPLOAD_BYTES')
      expect(logs.join()).toContain('NETUID')
      expect(logs.join()).not.toContain('canary-value')
    } finally {
      await gateway.close()
    }
  })
})

describe('values as text, the way .dev.vars has them', () => {
  test('mean the same', async () => {
    const world = await startWorld({
      vars: { NETUID: '100', PROTOCOL_FAMILY: 'platform', BLOCKED_UIDS: '[0,1]' },
    })
    try {
      expect((await post(world.gateway.url)).problem).toMatchObject({ code: 'blocked_uid', uid: 1 })
    } finally {
      await world.close()
    }
  })
})
