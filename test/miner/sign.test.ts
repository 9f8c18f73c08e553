import { hexToBytes } from '@noble/hashes/utils.js'
import { Keyring } from '@polkadot/keyring'
import { describe, expect, it } from 'vitest'
import { hashBody, signUpload, submissionsPath, type UploadToSign } from '../../miner/sign.ts'
import { createSigner } from '../../src/crypto/sign.ts'
import { DEV_KEYS } from '../../tools/dev/keys.ts'

const ALICE = createSigner(
  hexToBytes('e5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a'),
  'sr25519',
)
const RANDOM = new Uint8Array(32).fill(7)
const BODY_HASH = '4b9a4ac59f3c3aa32273260df6cf4bf358d1c46f8415126aa35b6380d0abb8f7'

/** What the Python proxy that this gateway replaces signs for these fields. */
const GOLDEN: UploadToSign = {
  family: 'platform',
  netuid: 100,
  slug: 'demo',
  bodyHash: BODY_HASH,
  nonce: 'nonce-1',
  timestamp: 1700000000,
}
const GOLDEN_MESSAGE =
  'platform-upload-v1:100:demo:POST:/v1/challenges/demo/submissions:' +
  `5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY:nonce-1:1700000000:${BODY_HASH}`

describe('signUpload', () => {
  it('signs the text of the Python proxy byte for byte', () => {
    expect(signUpload(GOLDEN, ALICE, RANDOM).message).toBe(GOLDEN_MESSAGE)
  })

  it('signs the text of the worked signature in docs/miners.md', () => {
    const alice = new Keyring({ type: 'sr25519', ss58Format: 42 }).addFromUri('//Alice')
    const signature =
      '6ebd6923f9e2f481aa428c86911eac2625a81daf80013cc7416a2d7b287d215d' +
      '68d27802fb2e286c0567c85eadbc95a3f79e1ac9786d2ecf48539f50e26be28d'
    const { message } = signUpload(GOLDEN, ALICE, RANDOM)
    expect(alice.verify(message, hexToBytes(signature), alice.publicKey)).toBe(true)
  })

  it('sends exactly the four headers, each as it was signed', () => {
    const { headers, hotkey } = signUpload(GOLDEN, ALICE, RANDOM)
    expect(headers).toEqual({
      'X-Hotkey': '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY',
      'X-Signature': expect.stringMatching(/^[0-9a-f]{128}$/),
      'X-Nonce': 'nonce-1',
      'X-Timestamp': '1700000000',
    })
    expect(hotkey).toBe(headers['X-Hotkey'])
  })

  it.each(DEV_KEYS.map((key) => [key.name, key.scheme, key.seed] as const))(
    'makes signatures of %s (%s) that polkadot-js accepts',
    (_, scheme, seed) => {
      const { message, headers } = signUpload(GOLDEN, createSigner(hexToBytes(seed), scheme), RANDOM)
      const pair = new Keyring({ type: scheme, ss58Format: 42 }).addFromSeed(hexToBytes(seed))
      expect(headers['X-Hotkey']).toBe(pair.address)
      expect(pair.verify(message, hexToBytes(headers['X-Signature']), pair.publicKey)).toBe(true)
      expect(pair.verify(`${message} `, hexToBytes(headers['X-Signature']), pair.publicKey)).toBe(false)
    },
  )

  it('says base-upload-v1 in the base family, and signs a path that is given', () => {
    const path = '/v1/challenges/Demo Name/submissions'
    const { message } = signUpload({ ...GOLDEN, family: 'base', path }, ALICE, RANDOM)
    expect(message.startsWith(`base-upload-v1:100:demo:POST:${path}:5Grwva`)).toBe(true)
  })
})

describe('hashBody', () => {
  it.each([
    ['zip-bytes', BODY_HASH],
    ['', 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'],
  ])('hashes %j', async (text, hash) => {
    expect(await hashBody(new TextEncoder().encode(text))).toBe(hash)
  })
})

describe('submissionsPath', () => {
  it('is the upload route of the gateway', () => {
    expect(submissionsPath('agent-challenge')).toBe('/v1/challenges/agent-challenge/submissions')
  })
})
