/** Quota, shields and blocked hotkeys over real HTTP, with the limiters of the local runtime. */

import { randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { encodeSs58 } from '../../src/crypto/ss58.ts'
import { devSigner, type Signing, sign, startWorld, type TestWorld } from '../support/world.ts'

const PATH = '/v1/challenges/demo/submissions'
const BODY = new TextEncoder().encode('work')
const BLOCKED = devSigner('bob')

let world: TestWorld

beforeAll(async () => {
  const vars = { UPLOADS_PER_HOUR: 3, BLOCKED_HOTKEYS: [encodeSs58(BLOCKED.publicKey)] }
  world = await startWorld({ vars })
})
afterAll(() => world.close())

async function upload(
  signing: Signing = {},
  path = PATH,
  headers: Readonly<Record<string, string>> = sign(BODY, signing).headers,
) {
  const response = await fetch(world.gateway.url + path, { method: 'POST', headers, body: BODY })
  const { code }: { code?: string } = await response.json()
  const field = (name: string) => response.headers.get(name)
  return {
    status: response.status,
    code,
    policy: field('ratelimit-policy'),
    limit: field('ratelimit'),
    retryAfter: field('retry-after'),
  }
}

describe('the quota', () => {
  const nonce = randomUUID()

  test('every signed answer says what is left', async () => {
    const policy = '"uploads";q=3;w=3600'
    expect(await upload({ nonce })).toMatchObject({ status: 201, policy, limit: '"uploads";r=2;t=3600' })
    const replayed = await upload({ nonce })
    expect(replayed).toMatchObject({ status: 409, policy })
    expect(replayed.limit).toMatch(/^"uploads";r=2;t=3(600|59\d)$/)
    expect(await upload({}, PATH, {})).toMatchObject({ status: 401, policy, limit: null })
  })

  test('beyond it 429, nothing is forwarded or spent, and a replay is still told so', async () => {
    for (const left of [1, 0]) expect((await upload()).limit).toMatch(`"uploads";r=${left};t=`)
    const before = world.received.length
    const again = randomUUID()
    for (const _ of [1, 2]) {
      const refused = await upload({ nonce: again })
      expect(refused).toMatchObject({ status: 429, code: 'rate_limited' })
      expect(refused.limit).toBe(`"uploads";r=0;t=${refused.retryAfter}`)
    }
    expect(await upload({ nonce })).toMatchObject({ status: 409, code: 'nonce_already_used' })
    expect(world.received.length).toBe(before)
  })

  test('the dry run says so too', async () => {
    const { headers } = sign(BODY)
    const response = await fetch(`${world.gateway.url}${PATH}/verify`, {
      method: 'POST',
      headers,
      body: BODY,
    })
    expect(response.headers.get('ratelimit')).toMatch(/^"uploads";r=0;t=/)
    const report: { would_be_accepted: boolean; checks: object[] } = await response.json()
    expect(report.would_be_accepted).toBe(false)
    expect(report.checks).toContainEqual(
      expect.objectContaining({ check: 'nonce', problem: expect.objectContaining({ code: 'rate_limited' }) }),
    )
  })

  test('is another one for another scheme of key', async () => {
    expect(await upload({ signer: devSigner('alice', 'ed25519') })).toMatchObject({ status: 201 })
  })
})

test('a blocked hotkey', async () => {
  expect(await upload({ signer: BLOCKED })).toMatchObject({ status: 401, code: 'blocked_uid' })
})

test('by address before any work, counted apart for uploads and dry runs', async () => {
  const headers = { 'CF-Connecting-IP': '2001:db8::1' }
  const codes = []
  for (let n = 0; n < 61; n++) codes.push((await upload({}, PATH, headers)).code)
  expect(new Set(codes.slice(0, 60))).toEqual(new Set(['missing_header']))
  expect(codes[60]).toBe('rate_limited')
  const neighbour = { 'CF-Connecting-IP': '2001:db8::2' }
  expect(await upload({}, PATH, neighbour)).toMatchObject({ status: 429, retryAfter: '60' })
  expect((await upload({}, `${PATH}/verify`, neighbour)).status).toBe(200)
  expect((await upload({}, PATH, { 'CF-Connecting-IP': '2001:db8:1::2' })).code).toBe('missing_header')
})

test('60 copies of one upload cost its hotkey nothing', async () => {
  const signer = devSigner('bob', 'ed25519')
  const { headers } = sign(BODY, { signer })
  const codes = []
  for (let n = 0; n < 62; n++) codes.push((await upload({}, PATH, headers)).code ?? 'none')
  expect(codes).toEqual(['none', ...Array(61).fill('nonce_already_used')])
  expect((await upload({ signer })).status).toBe(201)
  const forged = { ...headers, 'X-Signature': '0'.repeat(128) }
  expect((await upload({}, PATH, forged)).code).toBe('invalid_signature')
})
