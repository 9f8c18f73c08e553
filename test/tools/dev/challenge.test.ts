import { createHash, randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it, test } from 'vitest'
import { type ChallengeOrigin, type Received, startChallenge } from '../../../tools/dev/challenge.ts'

const TOKEN = 'a-token-for-tests'
const HOTKEY = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY'
const BODY = 'zip-bytes'
const MAX_BYTES = 1000
const BRIDGE = '/internal/v1/bridge/submissions'

type HeaderChanges = Readonly<Record<string, string | undefined>>

const received: Received[] = []
let challenge: ChallengeOrigin

beforeAll(async () => {
  const onSubmission = (upload: Received) => received.push(upload)
  challenge = await startChallenge({ slug: 'demo', token: TOKEN, maxBytes: MAX_BYTES, onSubmission })
})
afterAll(() => challenge.close())

function sha256(body: string): string {
  return createHash('sha256').update(body).digest('hex')
}

/** Headers the gateway sends with `BODY`; undefined leaves one out. */
function bridgeHeaders(changes: HeaderChanges = {}, family = 'platform'): Record<string, string> {
  const headers: HeaderChanges = {
    authorization: `Bearer ${TOKEN}`,
    [`x-${family}-challenge-slug`]: 'demo',
    [`x-${family}-verified-hotkey`]: HOTKEY,
    [`x-${family}-verified-nonce`]: randomUUID(),
    [`x-${family}-request-hash`]: sha256(BODY),
    [`x-${family}-verified-uid`]: '7',
    'x-request-id': 'request-1',
    'x-submission-filename': 'agent.zip',
    'content-type': 'application/zip',
    ...changes,
  }
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
  )
}

async function fields(response: Response): Promise<Record<string, unknown>> {
  const body: object = await response.json()
  return { ...body }
}

async function post(changes: HeaderChanges = {}, body = BODY, base = challenge.url) {
  const response = await fetch(base + BRIDGE, { method: 'POST', headers: bridgeHeaders(changes), body })
  return { status: response.status, body: await fields(response) }
}

async function get(target: string, init: RequestInit = {}, base = challenge.url) {
  const response = await fetch(base + target, init)
  return { status: response.status, body: await fields(response) }
}

describe('bridge', () => {
  it('takes an upload and answers 201 with what it stored', async () => {
    const { status, body } = await post()
    expect(status).toBe(201)
    expect(body).toEqual({
      id: expect.stringMatching(/^[0-9a-f-]{36}$/),
      hotkey: HOTKEY,
      uid: 7,
      status: 'received',
      code_hash: sha256(BODY),
      bytes: BODY.length,
      filename: 'agent.zip',
      request_id: 'request-1',
      created_at: expect.stringMatching(/^\d{4}-.*Z$/),
    })
    expect(await get(`/v1/submissions/${body['id']}`)).toMatchObject({ status: 200, body })
  })

  it('reports the exact bytes and every header but the token', async () => {
    await post({ 'x-extra': 'Seen' })
    const last = received.at(-1)
    expect(new TextDecoder().decode(last?.content)).toBe(BODY)
    const names = last?.headers.map(([name]) => name.toLowerCase()) ?? []
    expect(names).toEqual(expect.arrayContaining(['x-extra', 'x-platform-verified-hotkey', 'content-length']))
    expect(JSON.stringify(last)).not.toContain(TOKEN)
  })

  it('takes an upload without uid, file name and request id', async () => {
    const without = { 'x-platform-verified-uid': undefined, 'x-submission-filename': undefined }
    const { body } = await post({ ...without, 'x-request-id': undefined })
    expect(body).toMatchObject({ uid: null, filename: null, request_id: null })
  })

  it.each([
    ['../../etc/passwd', 'passwd'],
    ['C:\\agent.zip', 'agent.zip'],
    ['a'.repeat(200), 'a'.repeat(128)],
  ])('keeps only the base of the file name %s', async (filename, kept) => {
    expect((await post({ 'x-submission-filename': filename })).body).toMatchObject({ filename: kept })
  })

  it('takes the largest and the empty body', async () => {
    const largest = 'x'.repeat(MAX_BYTES)
    expect(await post({ 'x-platform-request-hash': sha256(largest) }, largest)).toMatchObject({ status: 201 })
    expect(await post({ 'x-platform-request-hash': sha256('') }, '')).toMatchObject({ status: 201 })
  })

  const REFUSED: [name: string, changes: HeaderChanges, body: string, status: number, detail: string][] = [
    ['no bearer', { authorization: undefined }, BODY, 401, 'Invalid internal authorization'],
    ['wrong bearer', { authorization: 'Bearer wrong' }, BODY, 401, 'Invalid internal authorization'],
    ['lower-case scheme', { authorization: `bearer ${TOKEN}` }, BODY, 401, 'Invalid internal authorization'],
    ['no slug', { 'x-platform-challenge-slug': undefined }, BODY, 400, 'Invalid challenge slug header'],
    ['another slug', { 'x-platform-challenge-slug': 'prism' }, BODY, 400, 'Invalid challenge slug header'],
    [
      'no hotkey',
      { 'x-platform-verified-hotkey': undefined },
      BODY,
      400,
      'missing x-platform-verified-hotkey',
    ],
    ['no nonce', { 'x-platform-verified-nonce': undefined }, BODY, 400, 'missing x-platform-verified-nonce'],
    ['no hash', { 'x-platform-request-hash': undefined }, BODY, 400, 'missing x-platform-request-hash'],
    ['another body', {}, 'tampered!', 400, 'body does not match x-platform-request-hash'],
    ['one byte too many', {}, 'x'.repeat(MAX_BYTES + 1), 413, 'submission too large'],
    [
      'bearer before slug',
      { authorization: '', 'x-platform-challenge-slug': '' },
      BODY,
      401,
      'Invalid internal authorization',
    ],
  ]
  it.each(REFUSED)('refuses %s', async (_, changes, body, status, detail) => {
    const before = received.length
    expect(await post(changes, body)).toEqual({ status, body: { detail } })
    expect(received.length).toBe(before)
  })

  it('refuses a chunked body over the cap and keeps serving', async () => {
    const status = await new Promise((resolve, reject) => {
      const options = { method: 'POST', headers: bridgeHeaders() }
      const upload = request(challenge.url + BRIDGE, options, (response) => resolve(response.statusCode))
      upload.once('error', reject)
      for (let chunk = 0; chunk < 5; chunk += 1) upload.write('x'.repeat(1000))
      upload.end()
    })
    expect(status).toBe(413)
    expect((await get('/health')).status).toBe(200)
  })

  it('answers 503 while no token is configured', async () => {
    const bare = await startChallenge({ slug: 'demo' })
    const detail = 'Internal challenge token is not configured'
    expect(await post({}, BODY, bare.url)).toEqual({ status: 503, body: { detail } })
    await bare.close()
  })

  it('reads X-Base-* in the base family, and only those', async () => {
    const base = await startChallenge({ slug: 'demo', token: TOKEN, family: 'base' })
    const headers = bridgeHeaders({}, 'base')
    const response = await fetch(base.url + BRIDGE, { method: 'POST', headers, body: BODY })
    expect(response.status).toBe(201)
    expect(await post({}, BODY, base.url)).toMatchObject({ status: 400 })
    await base.close()
  })
})

describe('other routes', () => {
  it('tells its health and version', async () => {
    expect((await get('/health')).body).toEqual({ status: 'ok', slug: 'demo', version: expect.any(String) })
    expect(Object.keys((await get('/version')).body)).toEqual([
      'api_version',
      'challenge_version',
      'sdk_version',
      'capabilities',
    ])
  })

  it('gives weights to the bearer of the token only', async () => {
    expect((await get('/internal/v1/get_weights')).status).toBe(401)
    const { status, body } = await get('/internal/v1/get_weights', { headers: bridgeHeaders() })
    expect(status).toBe(200)
    expect(body).toEqual({
      challenge_slug: 'demo',
      epoch: 0,
      weights: { [HOTKEY]: expect.any(Number) },
      metadata: {},
    })
  })

  it.each([
    ['/v1/submissions/unknown', 'GET', 404, 'Submission not found'],
    ['/nope', 'GET', 404, 'Not Found'],
    ['/health', 'POST', 405, 'Method Not Allowed'],
    [BRIDGE, 'GET', 405, 'Method Not Allowed'],
  ])('%s %s answers %i', async (target, method, status, detail) => {
    expect(await get(target, { method })).toMatchObject({ status, body: { detail } })
  })

  it('keeps submissions on disk', async () => {
    const directory = await mkdtemp(path.join(tmpdir(), 'challenge-'))
    const options = { slug: 'demo', token: TOKEN, database: path.join(directory, 'challenge.sqlite') }
    const first = await startChallenge(options)
    const { body } = await post({}, BODY, first.url)
    await first.close()
    const second = await startChallenge(options)
    expect(await get(`/v1/submissions/${body['id']}`, {}, second.url)).toMatchObject({ status: 200, body })
    await second.close()
    await rm(directory, { recursive: true })
  })
})

test('a copy of an upload is the same upload', async () => {
  const nonce = { 'x-platform-verified-nonce': 'copied' }
  const before = received.length
  const [first, second] = await Promise.all([post(nonce), post(nonce)])
  expect(second).toEqual(first)
  expect(received.length).toBe(before + 1)
})
