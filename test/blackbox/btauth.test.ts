/**
 * Uploads in the dialect `btauth/1` over a bare socket: the text is over the target as it was
 * sent, to the byte.
 */

import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { submissionsPath } from '../../miner/sign.ts'
import { encodeSs58 } from '../../src/crypto/ss58.ts'
import { btauthText } from '../../src/protocol/btauth.ts'
import { RECEIVER } from '../support/btauth.ts'
import { rawRequest } from '../support/raw.ts'
import { seeded } from '../support/seed.ts'
import { hex, sha256 } from '../support/upload.ts'
import { devSigner, headerLines, sign, startWorld, type TestWorld } from '../support/world.ts'

const BODY = new TextEncoder().encode('print("an agent")')
const PATH = submissionsPath('demo')

let world: TestWorld
let count = 0

beforeAll(async () => {
  world = await startWorld({ vars: { GATEWAY_HOTKEY: RECEIVER } })
}, 60_000)
afterAll(() => world.close())

/** Signed now, by Alice; each nonce is new. */
function headers(target: string): Record<string, string> {
  const signer = devSigner('alice')
  const hotkey = encodeSs58(signer.publicKey)
  count += 1
  const nonce = `${Math.floor(Date.now() / 1000)}${String(count).padStart(9, '0')}`
  const { message } = btauthText(
    { scheme: 'sr25519', nonce, hotkey, receiver: RECEIVER },
    { method: 'POST', target, bodyHash: sha256(BODY) },
  )
  const signature = signer.sign(new TextEncoder().encode(message), crypto.getRandomValues(new Uint8Array(32)))
  return {
    'X-Bittensor-Version': '1',
    'X-Bittensor-Hotkey': hotkey,
    'X-Bittensor-Receiver': RECEIVER,
    'X-Bittensor-Nonce': nonce,
    'X-Bittensor-Signature': `0x${hex(signature)}`,
  }
}

function post(target: string, signedHeaders: Record<string, string>) {
  const lines = [`POST ${target} HTTP/1.1`, 'Host: gateway', `Content-Length: ${BODY.length}`]
  return rawRequest(world.gateway.url, [...lines, ...headerLines(signedHeaders)], BODY)
}

describe('targets', () => {
  const TARGETS = [
    PATH,
    `${PATH}?`,
    `${PATH}?epoch=7&note=%41%2f`,
    `${PATH}?a=b?c=d&e=/../f/./g`,
    `${PATH}?brackets=[1]|{2}^\``,
    `${PATH}?plus=a+b&tilde=~&semicolon=;`,
    '/v1/challenges/%64emo/submissions?x=1',
    '/v1/challenges/Demo%20Challenge/submissions?x=1',
  ]
  test.each(TARGETS)('%s', async (target) => {
    expect((await post(target, headers(target))).status).toBe(201)
  })

  test('queries of every printable character', { timeout: 120_000 }, async () => {
    const query = fc.stringMatching(/^[\x21\x22\x24-\x7e]{0,40}$/)
    await fc.assert(
      fc.asyncProperty(query, async (text) => {
        const target = `${PATH}?${text}`
        expect((await post(target, headers(target))).status).toBe(201)
      }),
      { ...seeded, numRuns: 40 },
    )
  })

  test('a literal dot segment is resolved by the runtime before the worker is asked', async () => {
    const sent = '/v1/challenges/other/../demo/submissions'
    expect((await post(sent, headers(PATH))).status).toBe(201)
    expect((await post(sent, headers(sent))).status).toBe(401)
  })

  test('another query than the signed one', async () => {
    const answer = await post(`${PATH}?epoch=8`, headers(`${PATH}?epoch=7`))
    expect(JSON.parse(answer.body)).toMatchObject({ code: 'invalid_signature' })
  })
})

test('what reaches the challenge is what the other dialect sends', async () => {
  const before = world.received.length
  const signedHeaders = headers(PATH)
  expect((await post(PATH, signedHeaders)).status).toBe(201)
  expect((await post(PATH, sign(BODY).headers)).status).toBe(201)
  const [theirs, own] = world.received.slice(before)
  const shown = (received: typeof own) =>
    received?.headers
      .map(([name, value]) => [name.toLowerCase(), value])
      .filter(([name = '']) => !['x-platform-verified-nonce', 'x-request-id'].includes(name))
  expect(shown(theirs)).toEqual(shown(own))
  expect(
    new Map(theirs?.headers.map(([name, value]) => [name.toLowerCase(), value])).get(
      'x-platform-verified-nonce',
    ),
  ).toBe(signedHeaders['X-Bittensor-Nonce'])
})

test('a copy is a replay, also of a dry run that came first', async () => {
  const signedHeaders = headers(`${PATH}?epoch=7`)
  const dry = await post(`${PATH}/verify?epoch=7`, signedHeaders)
  expect(JSON.parse(dry.body)).toMatchObject({ would_be_accepted: true })
  expect((await post(`${PATH}?epoch=7`, signedHeaders)).status).toBe(201)
  const again = await post(`${PATH}?epoch=7`, signedHeaders)
  expect(JSON.parse(again.body)).toMatchObject({
    code: 'nonce_already_used',
    original: { outcome: 'delivered' },
  })
})

test.each(['/verify', '/verif%79', '%2Fverify', '%2fverif%79'])(
  'a dry run at %s is of the same upload',
  async (suffix) => {
    const dry = await post(`${PATH}${suffix}?epoch=7`, headers(`${PATH}?epoch=7`))
    expect(JSON.parse(dry.body)).toMatchObject({ would_be_accepted: true })
  },
)

test('the gateway says which dialects it takes, and for whom to sign', async () => {
  const version = await fetch(`${world.gateway.url}/version`)
  expect(await version.json()).toMatchObject({
    dialects: ['platform-upload-v1', 'btauth/1'],
    receiver: RECEIVER,
  })
})

test('both dialects at once are one signer too many', async () => {
  const answer = await post(PATH, { ...sign(BODY).headers, ...headers(PATH) })
  expect([answer.status, JSON.parse(answer.body).code]).toEqual([400, 'bad_request'])
})

test('signed for another door', async () => {
  const signedHeaders = { ...headers(PATH), 'X-Bittensor-Receiver': encodeSs58(devSigner('alice').publicKey) }
  const answer = await post(PATH, signedHeaders)
  expect(JSON.parse(answer.body)).toMatchObject({ code: 'wrong_receiver', receiver: RECEIVER })
})
