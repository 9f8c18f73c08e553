/** The dialect `btauth/1`: its text, its headers, and which dialect a request speaks. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { verifySignature } from '../../src/crypto/signature.ts'
import { decodeSs58 } from '../../src/crypto/ss58.ts'
import { btauthText } from '../../src/protocol/btauth.ts'
import { parseSigned } from '../../src/protocol/choose-dialect.ts'
import { rawTarget } from '../../src/protocol/path.ts'
import { RECEIVER } from '../support/btauth.ts'
import { seeded } from '../support/seed.ts'
import { hex, sha256, toHeaders } from '../support/upload.ts'

/**
 * The golden vectors of https://www.bittensor.com/docs/guides/signed-requests, also in the SDK's
 * own `tests/unit/test_http_auth.py` (RaoFoundation/subtensor).
 */
const GOLDEN = {
  method: 'post',
  target: '/generate?stream=false',
  bodyHash: '341c57448e531310fbbe83f44cea2a5e838bd9e8a6b82b269f01d0dbbc23c3cc',
}
const ED25519 = {
  scheme: 'ed25519',
  nonce: '1752076800000000000',
  hotkey: '5FA9nQDVg267DEd8m1ZypXLBnvN7SFxYwV7ndqSYGiN9TTpu',
  receiver: RECEIVER,
}
const SIGNATURE =
  '1a6b631988bf1f7ea093ab9d5acf61f05c316d0b0e428b24b487b75a5f6ee0e1a56a26918fdf871b6cf09437e6588023a4ce423cf622621b2a7feee17612f704'

describe('the golden vectors', () => {
  test('the body', () => {
    expect(sha256(new TextEncoder().encode('{"prompt": "hello"}'))).toBe(GOLDEN.bodyHash)
  })

  test.each([
    ['sr25519', '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY'],
    ['ed25519', ED25519.hotkey],
  ])('the text of %s', (scheme, hotkey) => {
    expect(btauthText({ ...ED25519, scheme, hotkey }, GOLDEN).message).toBe(
      `btauth/1\n${scheme}\nPOST\n/generate?stream=false\n${GOLDEN.bodyHash}\n1752076800000000000\n${hotkey}\n${RECEIVER}`,
    )
  })

  test('the pinned signature', () => {
    const { message } = btauthText(ED25519, GOLDEN)
    const publicKey = decodeSs58(ED25519.hotkey)?.publicKey ?? new Uint8Array()
    const signature = Uint8Array.from(Buffer.from(SIGNATURE, 'hex'))
    expect(verifySignature(publicKey, new TextEncoder().encode(message), signature)).toBe(true)
    expect(hex(signature)).toBe(SIGNATURE)
  })
})

const GOOD = {
  'x-bittensor-version': '1',
  'x-bittensor-hotkey': 'hk',
  'x-bittensor-receiver': RECEIVER,
  'x-bittensor-nonce': '1752076800000000000',
  'x-bittensor-signature': '0xab',
}

function parse(changes: Record<string, string | undefined> = {}, receiver: string | undefined = RECEIVER) {
  const parsed = parseSigned(toHeaders({ ...GOOD, ...changes }), receiver)
  return parsed.ok ? parsed.value : { code: parsed.rejection.code, facts: parsed.rejection.facts }
}

describe('headers', () => {
  test('in order', () => {
    expect(parse()).toMatchObject({
      hotkey: 'hk',
      nonce: '1752076800000000000',
      signature: '0xab',
      scheme: 'sr25519',
      mayBeWrapped: false,
      time: { ok: true, value: 1_752_076_800n },
    })
    expect(parse({ 'x-bittensor-crypto': 'ed25519' })).toMatchObject({ scheme: 'ed25519' })
  })

  test.each(Object.keys(GOOD))('%s is missing, empty or blank', (header) => {
    for (const value of [undefined, '', ' '])
      expect(parse({ [header]: value })).toEqual({ code: 'missing_header', facts: { header } })
  })

  test('the first missing one in order is named', () => {
    const changes = { 'x-bittensor-hotkey': undefined, 'x-bittensor-signature': undefined }
    expect(parse(changes)).toMatchObject({ facts: { header: 'x-bittensor-hotkey' } })
  })

  const MALFORMED: [what: string, changes: Record<string, string>, header: string][] = [
    ['version 2', { 'x-bittensor-version': '2' }, 'x-bittensor-version'],
    ['version 1.0', { 'x-bittensor-version': '1.0' }, 'x-bittensor-version'],
    ['ecdsa', { 'x-bittensor-crypto': 'ecdsa' }, 'x-bittensor-crypto'],
    ['mldsa', { 'x-bittensor-crypto': 'mldsa' }, 'x-bittensor-crypto'],
    ['scheme in capitals', { 'x-bittensor-crypto': 'SR25519' }, 'x-bittensor-crypto'],
    ['non-ASCII hotkey', { 'x-bittensor-hotkey': 'é' }, 'x-bittensor-hotkey'],
    ['nonce one too long', { 'x-bittensor-nonce': '1'.repeat(257) }, 'x-bittensor-nonce'],
  ]
  test.each(MALFORMED)('%s is malformed', (_, changes, header) => {
    expect(parse(changes)).toMatchObject({ code: 'malformed_header', facts: { header } })
  })

  test.each(['-1', '+1', '1.5', '1_000', '0x10', 'now', '01', '1'.repeat(33)])(
    'the nonce %s is no time',
    (nonce) => {
      expect(parse({ 'x-bittensor-nonce': nonce })).toMatchObject({ time: { ok: false } })
    },
  )

  test.each([
    ['0', 0n],
    ['999999999', 0n],
    ['1000000000', 1n],
    ['1'.repeat(32), BigInt('1'.repeat(32)) / 1_000_000_000n],
  ])('the nonce %s is the second %s', (nonce, value) => {
    expect(parse({ 'x-bittensor-nonce': nonce })).toMatchObject({ time: { ok: true, value } })
  })

  test.each([
    '-',
    RECEIVER.slice(0, -1),
    RECEIVER.toLowerCase(),
    '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY',
  ])('the receiver %s is another', (receiver) => {
    expect(parse({ 'x-bittensor-receiver': receiver })).toEqual({
      code: 'wrong_receiver',
      facts: { receiver: RECEIVER },
    })
  })
})

describe('which dialect', () => {
  const OURS = { 'x-hotkey': 'hk', 'x-signature': 'ab', 'x-nonce': 'n', 'x-timestamp': '1' }

  test.each(Object.keys(OURS))('%s beside X-Bittensor-* headers: one signer', (name) => {
    expect(parse({ [name]: '' })).toMatchObject({ code: 'bad_request' })
  })

  test('any X-Bittensor-* header counts', () => {
    const headers = toHeaders({ ...OURS, 'x-bittensor-trace': '1' })
    expect(parseSigned(headers, RECEIVER)).toMatchObject({ rejection: { code: 'bad_request' } })
    expect(parseSigned(toHeaders({ 'x-bittensor-trace': '1' }), RECEIVER)).toMatchObject({
      rejection: { facts: { header: 'x-bittensor-version' } },
    })
  })

  test('without a receiver these headers mean nothing', () => {
    expect(parseSigned(toHeaders({ ...GOOD, ...OURS }), undefined)).toMatchObject({
      ok: true,
      value: { hotkey: 'hk' },
    })
    expect(parseSigned(toHeaders(GOOD), undefined)).toMatchObject({
      rejection: { code: 'missing_header', facts: { header: 'x-hotkey' } },
    })
  })

  test('a request with neither', () => {
    expect(parseSigned(new Headers(), RECEIVER)).toMatchObject({
      rejection: { facts: { header: 'x-hotkey' } },
    })
  })
})

test('the target is the text between the authority and the fragment, byte for byte', () => {
  const target = fc.string({ unit: fc.constantFrom(...'aZ09/%2e.~;:@!$&\'()*+,=?[]{}|^`"<>\\ é') })
  fc.assert(
    fc.property(target, (text) => {
      const asked = `/${text}`
      expect(rawTarget(`https://gateway.example.com${asked}`)).toBe(asked)
      expect(rawTarget(`https://gateway.example.com${asked}#part`)).toBe(asked)
    }),
    seeded,
  )
})

test('two requests that differ have different texts', () => {
  const line = fc.stringMatching(/^[\x21-\x7e]{1,20}$/)
  const request = fc.record({ method: line, target: line, bodyHash: line, nonce: line, hotkey: line })
  fc.assert(
    fc.property(request, request, (a, b) => {
      fc.pre(
        JSON.stringify({ ...a, method: a.method.toUpperCase() }) !==
          JSON.stringify({ ...b, method: b.method.toUpperCase() }),
      )
      const text = (each: typeof a) => btauthText({ ...ED25519, ...each }, each).message
      expect(text(a)).not.toBe(text(b))
    }),
    seeded,
  )
})
