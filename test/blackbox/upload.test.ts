/**
 * One upload from a miner's socket to the challenge, and all the ways it is refused, over real
 * HTTP.
 */

import { randomBytes, randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Keyring } from '@polkadot/keyring'
import { cryptoWaitReady } from '@polkadot/util-crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createSigner } from '../../src/crypto/sign.ts'
import { encodeSs58 } from '../../src/crypto/ss58.ts'
import { USER_AGENT } from '../../src/protocol/user-agent.ts'
import { chunked, openRaw, rawRequest } from '../support/raw.ts'
import { sha256 } from '../support/upload.ts'
import {
  devSigner,
  headerLines,
  MAX_UPLOAD_BYTES,
  type Signing,
  sign,
  startWorld,
  type TestWorld,
  TOKEN,
} from '../support/world.ts'

const PATH = '/v1/challenges/demo/submissions'
const BODY = new TextEncoder().encode('canary-body-bytes')

let world: TestWorld

beforeAll(async () => {
  world = await startWorld()
})

afterAll(() => world.close())

interface Sent {
  readonly body?: Uint8Array
  readonly headers?: Readonly<Record<string, string>>
  readonly path?: string
  readonly signing?: Signing
}

/** Uploads as a well-behaved client does. */
async function upload({ body = BODY, headers = {}, path, signing = {} }: Sent = {}) {
  const url = world.gateway.url + (path ?? `/v1/challenges/${signing.slug ?? 'demo'}/submissions`)
  const response = await fetch(url, {
    method: 'POST',
    headers: { ...sign(body, signing).headers, ...headers },
    body: Uint8Array.from(body),
    redirect: 'manual',
  })
  const text = await response.text()
  const problem =
    response.headers.get('content-type') === 'application/problem+json' ? JSON.parse(text) : undefined
  return { status: response.status, text, problem, headers: response.headers }
}

/** A raw POST with the signed headers of `body`, `lines` after them. */
function head(body: Uint8Array, lines: readonly string[], signing: Signing = {}, path = PATH): string[] {
  return [`POST ${path} HTTP/1.1`, 'Host: gateway', ...headerLines(sign(body, signing).headers), ...lines]
}

/**
 * Of the upload that docs/challenges.md shows; workerd adds its own name, and no record has the
 * token.
 */
function documentedNames(): string[] {
  const lines =
    /```http\nPOST [^\n]*\n([\s\S]*?)\n\n/.exec(readFileSync('docs/challenges.md', 'utf8'))?.[1] ?? ''
  const names = lines.split('\n').map((line) => line.replace(/:.*/, '').toLowerCase())
  return ['cf-worker', ...names].filter((name) => name !== 'authorization').sort()
}

describe('delivered', () => {
  test('the exact bytes, with the identity and nothing of the client', async () => {
    const nonce = randomUUID()
    const headers = {
      'Content-Type': 'application/zip',
      'X-Submission-Filename': 'agent.zip',
      'X-Platform-Verified-Uid': '0',
      X_Platform_Verified_Uid: '0',
      Cookie: 'a=1',
      Authorization: 'Bearer mine',
      'User-Agent': 'miner/1',
    }
    const answer = await upload({ headers, signing: { nonce }, path: `${PATH}?tag=a%2Fb&x='%5B]` })
    expect(answer.status).toBe(201)
    expect(JSON.parse(answer.text)).toMatchObject({ uid: 1, bytes: BODY.byteLength, code_hash: sha256(BODY) })
    const got = world.received.at(-1)
    expect(Buffer.from(got?.content ?? []).equals(BODY)).toBe(true)
    // The platform's URL parser writes an apostrophe in one way only.
    expect(got?.target).toBe('/internal/v1/bridge/submissions?tag=a%2Fb&x=%27%5B]')
    const names = new Map(got?.headers.map(([name, value]) => [name.toLowerCase(), value]))
    expect(Object.fromEntries(names)).toMatchObject({
      'content-length': String(BODY.byteLength),
      'content-type': 'application/zip',
      accept: 'application/json',
      'user-agent': USER_AGENT,
      'cache-control': 'no-cache',
      'x-platform-challenge-slug': 'demo',
      'x-platform-verified-hotkey': encodeSs58(devSigner('alice').publicKey),
      'x-platform-verified-nonce': nonce,
      'x-platform-verified-uid': '1',
      'x-platform-request-hash': sha256(BODY),
      'x-submission-filename': 'agent.zip',
      'x-request-id': answer.headers.get('x-request-id'),
    })
    const fromClient = [
      'cookie',
      'x_platform_verified_uid',
      'x-signature',
      'x-timestamp',
      'x-hotkey',
      'x-nonce',
    ]
    expect(fromClient.filter((name) => names.has(name))).toEqual([])
    expect([...names.keys()].sort()).toEqual(documentedNames())
  })

  test.each([0, 1, 131_071, 131_072, 1_000_000, MAX_UPLOAD_BYTES])('%i bytes', async (size) => {
    const body = randomBytes(size)
    expect(await upload({ body })).toMatchObject({ status: 201 })
    expect(Buffer.from(world.received.at(-1)?.content ?? []).equals(body)).toBe(true)
  })

  test('blanks behind a header’s value are no part of it: one nonce, however it is sent', async () => {
    const nonce = randomUUID()
    const statuses = []
    for (const blanks of ['', ' ', ' \t ']) {
      const lines = head(BODY, [`Content-Length: ${BODY.byteLength}`], { nonce })
      const sent = lines.map((line) => (/^x-nonce:/i.test(line) ? line + blanks : line))
      statuses.push((await rawRequest(world.gateway.url, sent, BODY)).status)
    }
    expect(statuses).toEqual([201, 409, 409])
  })

  test('chunked, without a declared length', async () => {
    const answer = await rawRequest(
      world.gateway.url,
      head(BODY, ['Transfer-Encoding: chunked']),
      chunked(BODY.subarray(0, 3), BODY.subarray(3)),
    )
    expect(answer.status).toBe(201)
    expect(world.received.at(-1)?.headers.map(([name]) => name.toLowerCase())).toContain('content-length')
  })

  test('a body that arrives byte by byte', async () => {
    const connection = await openRaw(world.gateway.url)
    connection.send(`${head(BODY, [`Content-Length: ${BODY.byteLength}`]).join('\r\n')}\r\n\r\n`)
    for (const byte of BODY) {
      connection.send(Uint8Array.of(byte))
      await new Promise((resolve) => setImmediate(resolve))
    }
    expect((await connection.answer()).status).toBe(201)
    connection.close()
  })

  const ADDRESSED: [name: string, path: string, signedPath: string][] = [
    ['percent-encoded slug', '/v1/challenges/d%65mo/submissions', PATH],
    [
      'display name',
      '/v1/challenges/Demo%20Challenge/submissions',
      '/v1/challenges/Demo Challenge/submissions',
    ],
    [
      'display name in other case',
      '/v1/challenges/dEMO%20challenge/submissions',
      '/v1/challenges/dEMO challenge/submissions',
    ],
  ]
  test.each(ADDRESSED)('by %s, signed as decoded', async (_, path, signedPath) => {
    expect(await upload({ path, signing: { path: signedPath } })).toMatchObject({ status: 201 })
  })

  test.each(['alice', 'bob'])('ed25519, %s', async (name) => {
    expect(await upload({ signing: { signer: devSigner(name, 'ed25519') } })).toMatchObject({ status: 201 })
  })

  test.each(['sr25519', 'ed25519'] as const)(
    'signed by @polkadot/keyring, %s, also as a browser wallet does',
    async (type) => {
      await cryptoWaitReady()
      const pair = new Keyring({ type, ss58Format: 42 }).addFromUri('//Alice')
      for (const wrap of [false, true]) {
        const { message, headers } = sign(BODY, { signer: devSigner('alice', type) })
        const signature = pair.sign(wrap ? `<Bytes>${message}</Bytes>` : message)
        const answer = await upload({
          headers: { ...headers, 'X-Signature': `0x${Buffer.from(signature).toString('hex')}` },
        })
        expect(answer.status).toBe(201)
      }
    },
  )

  test('a hotkey that registered after the snapshot', async () => {
    const signer = createSigner(randomBytes(32), 'sr25519')
    const { uid } = world.chain.register(encodeSs58(signer.publicKey))
    let answer = await upload({ signing: { signer } })
    // It is on the chain from the next block on.
    for (let tries = 0; answer.status !== 201 && tries < 3; tries++) {
      expect(answer.problem).toMatchObject({ code: 'unknown_hotkey' })
      answer = await upload({ signing: { signer } })
    }
    if (answer.status === 201) expect(JSON.parse(answer.text)).toMatchObject({ uid })
  })
})

describe('refused', () => {
  test('too large by declaration, before a byte of the body is sent', async () => {
    const answer = await rawRequest(
      world.gateway.url,
      head(BODY, [`Content-Length: ${MAX_UPLOAD_BYTES + 1}`]),
    )
    expect(answer.status).toBe(413)
    expect(JSON.parse(answer.body)).toMatchObject({
      code: 'submission_too_large',
      max_bytes: MAX_UPLOAD_BYTES,
    })
  })

  test('too large in chunks', async () => {
    const body = Buffer.alloc(MAX_UPLOAD_BYTES + 1)
    const answer = await rawRequest(
      world.gateway.url,
      head(body, ['Transfer-Encoding: chunked']),
      chunked(body),
    )
    expect(answer.status).toBe(413)
  })

  test('more chunks than Content-Length says: the chunks count', async () => {
    // The signature is right for as many bytes as are declared.
    for (const signed of [BODY, randomBytes(1023), randomBytes(20_000)]) {
      const lines = head(signed, [`Content-Length: ${signed.length}`, 'Transfer-Encoding: chunked'])
      const answer = await rawRequest(world.gateway.url, lines, chunked(signed, randomBytes(5000)))
      expect(answer.status).toBe(401)
      expect(JSON.parse(answer.body)).toMatchObject({ code: 'invalid_signature' })
    }
  })

  test('hopeless headers, before a byte of the body is sent', async () => {
    const lines = [
      'POST /v1/challenges/demo/submissions HTTP/1.1',
      'Host: gateway',
      'Content-Length: 7000000',
    ]
    const answer = await rawRequest(world.gateway.url, lines)
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toContain('Hotkey-Signature')
    expect(JSON.parse(answer.body)).toMatchObject({ detail: 'missing x-hotkey', header: 'x-hotkey' })
  })

  test('stale, before a byte of the body is sent', async () => {
    const timestamp = Math.floor(Date.now() / 1000) - 1000
    const answer = await rawRequest(world.gateway.url, head(BODY, ['Content-Length: 17'], { timestamp }))
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'stale_signature', max_skew_seconds: 300 })
  })

  const DUPLICATED = ['X-Hotkey', 'X-Signature', 'X-Nonce', 'X-Timestamp']
  test.each(DUPLICATED)('%s twice', async (name) => {
    const lines = head(BODY, [`Content-Length: ${BODY.byteLength}`])
    const twice = lines.flatMap((line) => (line.startsWith(`${name}:`) ? [line, line] : [line]))
    expect((await rawRequest(world.gateway.url, twice, BODY)).status).toBe(401)
  })

  const BAD_BYTES: [name: string, value: string][] = [
    ['NUL', 'a\0b'],
    ['DEL', 'a\x7fb'],
    ['vertical tab', 'a\x0bb'],
    ['tab', 'a\tb'],
    ['bare CR', 'a\rb'],
    ['Latin-1', 'a\xe9b'],
  ]
  test.each(BAD_BYTES)('a nonce with %s', async (_, value) => {
    const lines = head(BODY, ['Content-Length: 17']).map((line) =>
      line.startsWith('X-Nonce') ? `X-Nonce: ${value}` : line,
    )
    const connection = await openRaw(world.gateway.url)
    connection.send(Buffer.from(`${lines.join('\r\n')}\r\n\r\ncanary-body-bytes`, 'latin1'))
    expect((await connection.answer()).status).toBe(400)
    connection.close()
  })

  test('a body shorter than declared never reaches the challenge', async () => {
    const before = world.received.length
    const connection = await openRaw(world.gateway.url)
    connection.send(`${head(BODY, ['Content-Length: 100']).join('\r\n')}\r\n\r\ncanary-body-bytes`)
    connection.socket.end()
    await connection.answer().catch(() => undefined)
    expect(world.received.length).toBe(before)
  })

  test('a body longer than declared is cut where it was declared to end', async () => {
    const answer = await rawRequest(
      world.gateway.url,
      head(BODY, ['Content-Length: 10', 'Connection: close']),
      BODY,
    )
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'invalid_signature', body_bytes: 10 })
  })

  test('a changed body is shown the message to compare', async () => {
    const { headers } = sign(BODY)
    const answer = await upload({ body: new TextEncoder().encode('other'), headers })
    expect(answer.problem).toMatchObject({ code: 'invalid_signature', status: 401, body_bytes: 5 })
    expect(answer.problem.canonical_message).toContain(sha256(new TextEncoder().encode('other')))
    expect(answer.problem.fields).toHaveLength(9)
  })

  test('a stranger', async () => {
    const signer = createSigner(randomBytes(32), 'ed25519')
    const { problem } = await upload({ body: randomBytes(1_000_000), signing: { signer } })
    expect(problem).toMatchObject({ code: 'unknown_hotkey', detail: 'unknown hotkey' })
    expect(problem.metagraph_block).toBeGreaterThan(0)
  })

  test('the same key in another spelling', async () => {
    const alice = devSigner('alice')
    const hotkey = encodeSs58(alice.publicKey, 0)
    const { problem } = await upload({ headers: { 'X-Hotkey': hotkey } })
    expect(problem).toMatchObject({ code: 'invalid_signature' })
    expect(problem.canonical_message).toContain(hotkey)
  })

  test('a challenge without a token, and the nonce stays free', async () => {
    const nonce = randomUUID()
    const path = '/v1/challenges/tokenless/submissions'
    for (let tries = 0; tries < 2; tries++) {
      const { problem } = await upload({ path, signing: { slug: 'tokenless', nonce } })
      expect(problem).toMatchObject({ code: 'challenge_token_unavailable', status: 502 })
    }
  })

  const PATHS: [path: string, status: number][] = [
    ['/v1/challenges/nope/submissions', 404],
    ['/v1/challenges/demo%2Fx/submissions', 404],
    ['/v1/challenges/%2e%2e/submissions', 404],
    ['//v1/challenges/demo/submissions', 404],
    ['/v1//challenges/demo/submissions', 404],
    ['/v1/%2e/challenges/demo/submissions', 404],
    ['/v1/challenges/other/%2e%2e/demo/submissions', 404],
    ['/v1/challenges/demo/submissions%0a', 404],
    ['/v1/challenges/demo/Submissions', 404],
    ['/v1/challenges/demo/submissions/', 307],
    ['/v1/challenges/demo%5C/submissions', 404],
    ['/v1/challenges/%ff/submissions', 404],
  ]
  test.each(PATHS)('%s is %i, as sent', async (path, status) => {
    const before = world.received.length
    const answer = await rawRequest(world.gateway.url, head(BODY, ['Content-Length: 17'], {}, path), BODY)
    expect(answer.status).toBe(status)
    expect(world.received.length).toBe(before)
  })
})

describe('once', () => {
  test.each([2, 40])('%i copies at once: one reaches the challenge', async (copies) => {
    const before = world.received.length
    const { headers } = sign(BODY)
    const answers = await Promise.all(Array.from({ length: copies }, () => upload({ headers })))
    const statuses = answers.map((answer) => answer.status).sort()
    expect(statuses).toEqual([201, ...Array(copies - 1).fill(409)])
    expect(world.received.length).toBe(before + 1)
  })

  test('a replay learns what became of the first, also after the ledger was evicted', async () => {
    const { headers } = sign(BODY)
    const first = await upload({ headers })
    const original = {
      request_id: first.headers.get('x-request-id'),
      body_matches: true,
      outcome: 'delivered',
      status: 201,
    }
    await expect
      .poll(async () => (await upload({ headers })).problem)
      .toMatchObject({ code: 'nonce_already_used', original })
    for (const id of await world.gateway.listLedgers()) await world.gateway.evictLedger(id)
    expect((await upload({ headers })).problem).toMatchObject({ original })
  })

  test('a spent nonce with another body', async () => {
    const nonce = randomUUID()
    await upload({ signing: { nonce } })
    const other = await upload({ body: randomBytes(8), signing: { nonce } })
    expect(other.problem).toMatchObject({ code: 'nonce_already_used', original: { body_matches: false } })
  })

  test('the same nonce of another hotkey is another nonce', async () => {
    const nonce = randomUUID()
    expect(await upload({ signing: { nonce } })).toMatchObject({ status: 201 })
    expect(await upload({ signing: { nonce, signer: devSigner('bob') } })).toMatchObject({ status: 201 })
  })
})

describe('the challenge', () => {
  const FAILING: [slug: string, outcome: string][] = [
    ['refused', 'unknown'],
    ['reset', 'unknown'],
    ['hang', 'unknown'],
    ['garbage', 'unknown'],
    ['tunnel', 'not_delivered'],
    ['login', 'unknown'],
  ]
  test.each(FAILING)(
    '%s: 502 without a word about why, sent once, and the nonce says %s',
    async (slug, outcome) => {
      const { headers } = sign(BODY, { slug })
      const answer = await upload({ headers, signing: { slug } })
      expect(answer.problem).toMatchObject({
        code: 'challenge_unavailable',
        detail: 'Challenge unavailable',
        status: 502,
      })
      expect(answer.text).not.toMatch(/127\.0\.0\.1|1033|cloudflareaccess/)
      await expect
        .poll(async () => (await upload({ headers, signing: { slug } })).problem.original.outcome)
        .toBe(outcome)
      expect(world.reached[slug] ?? 0).toBe(slug === 'refused' ? 0 : 1)
    },
  )

  test('its own 503 passes', async () => {
    expect(await upload({ signing: { slug: 'failing' } })).toMatchObject({ status: 503, text: 'busy' })
  })

  test('its redirect passes and is not followed', async () => {
    const answer = await upload({ signing: { slug: 'redirect' } })
    expect([answer.status, answer.headers.get('location')]).toEqual([302, '/elsewhere'])
  })

  test('an answer that breaks off reaches the client broken off', async () => {
    await expect(upload({ signing: { slug: 'truncated' } })).rejects.toThrow()
  })
})

describe('a client that leaves', () => {
  test('after the reservation: the upload is still delivered', async () => {
    const nonce = randomUUID()
    const connection = await openRaw(world.gateway.url)
    const body = randomBytes(2_000_000)
    connection.send(`${head(body, [`Content-Length: ${body.byteLength}`], { nonce }).join('\r\n')}\r\n\r\n`)
    connection.send(body)
    await new Promise<void>((resolve) => connection.socket.end(resolve))
    connection.close()
    const nonceOf = (headers: readonly (readonly [string, string])[]) =>
      headers.find(([name]) => name.toLowerCase() === 'x-platform-verified-nonce')?.[1]
    await expect.poll(() => world.received.some(({ headers }) => nonceOf(headers) === nonce)).toBe(true)
  })

  test('in the middle of the body, many times: no room is lost', async () => {
    const body = randomBytes(7_000_000)
    for (let times = 0; times < 20; times++) {
      const connection = await openRaw(world.gateway.url)
      connection.send(`${head(body, [`Content-Length: ${body.byteLength}`]).join('\r\n')}\r\n\r\n`)
      await new Promise<void>((resolve) =>
        connection.socket.write(body.subarray(0, 6_000_000), () => resolve()),
      )
      connection.close()
    }
    await expect.poll(async () => (await upload({ body })).status).toBe(201)
  })
})

describe('log', () => {
  test('one line a request, and nothing in it that is secret', async () => {
    const nonce = `canary-nonce-${randomUUID()}`
    const { headers } = sign(BODY, { nonce })
    const answer = await upload({ headers, path: `${PATH}?q=canary-query` })
    const id = answer.headers.get('x-request-id') ?? 'none'
    await expect.poll(() => world.logs.filter((line) => line.includes(id)).length).toBe(1)
    const line = JSON.parse(world.logs.find((each) => each.includes(id)) ?? '{}')
    expect(line).toMatchObject({
      route: '/v1/challenges/:challenge/submissions',
      method: 'POST',
      slug: 'demo',
      outcome: 'ok',
      status: 201,
      hotkey: encodeSs58(devSigner('alice').publicKey),
      uid: 1,
      bytes: BODY.byteLength,
      origin_status: 201,
    })
    const everything = world.logs.join('\n')
    for (const secret of [TOKEN, nonce, 'canary-query', 'canary-body', headers['X-Signature']]) {
      expect(everything).not.toContain(secret)
    }
  })
})
