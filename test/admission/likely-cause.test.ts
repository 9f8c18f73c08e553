/** Each mistake is made, and each is named. */

import { createHash } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { type AttemptBudget, createAttemptBudget } from '../../src/admission/likely-cause.ts'
import { createSigner } from '../../src/crypto/sign.ts'
import { canonicalMessage } from '../../src/protocol/canonical.ts'
import {
  ALICE,
  ALICE_HOTKEY,
  admit,
  BODY,
  type Changes,
  NOW,
  STRANGER,
  sha256,
  signedUpload,
  type WorldChanges,
  world,
} from '../support/upload.ts'

const PATH = '/v1/challenges/demo/submissions'
const OTHER_WALLET = createSigner(new Uint8Array(32).fill(3), 'sr25519')
const RANDOM = new Uint8Array(32).fill(1)
const NAME_PATH = '/v1/challenges/Demo Challenge/submissions'
const URL_OF_NAME = 'https://gateway.example.com/v1/challenges/Demo%20Challenge/submissions'
const BY_NAME = { challengeText: 'Demo Challenge', path: NAME_PATH, url: URL_OF_NAME }
const HASH = sha256(BODY)
const EMPTY = new Uint8Array(0)
const CUT = new TextEncoder().encode('zip-byte')
const DIGEST = `sha-256=:${createHash('sha256').update(BODY).digest('base64')}:`

const MESSAGE = canonicalMessage({
  family: 'platform',
  netuid: 100,
  slug: 'demo',
  method: 'POST',
  path: PATH,
  hotkey: ALICE_HOTKEY,
  nonce: 'nonce-1',
  timestamp: String(NOW),
  bodyHash: HASH,
})

/** Headers of a signature over another text. */
function over(signed: string | Uint8Array, signer = ALICE): Changes {
  const bytes = typeof signed === 'string' ? new TextEncoder().encode(signed) : signed
  return { headers: { 'x-signature': Buffer.from(signer.sign(bytes, RANDOM)).toString('hex') } }
}

/** The answer to an upload, and how many verifications it took. */
async function refusal(changes: Changes, worldChanges: WorldChanges = {}, causes?: AttemptBudget) {
  const place = world(worldChanges)
  let verifications = 0
  const verify: typeof place.ports.verify = (...args) => {
    verifications += 1
    return place.ports.verify(...args)
  }
  const ports = { ...place.ports, verify, ...(causes === undefined ? {} : { causes }) }
  const result = await admit(signedUpload(changes).upload, { ...place, ports })
  if (result.ok || result.rejection.code !== 'invalid_signature') throw new Error(JSON.stringify(result))
  return { facts: result.rejection.facts, cause: result.rejection.facts.likely_cause, verifications }
}

describe('a mistake and its name', () => {
  const MISTAKES: [mistake: string, changes: Changes, named: string][] = [
    ['hash of the empty body', { signedBody: EMPTY }, 'hash of an empty body'],
    ['hash in upper case', { signed: { bodyHash: HASH.toUpperCase() } }, 'body hash in upper case'],
    ["the challenge's path", { signed: { path: '/submissions' } }, "challenge's own path"],
    ['trailing slash', { signed: { path: `${PATH}/` } }, 'slash at the end'],
    ['a line end behind the message', over(`${MESSAGE}\n`), 'line end behind the message'],
    ["the dry run's path", { signed: { path: `${PATH}/verify` } }, 'path of the dry run'],
    ['full URL', { signed: { path: `https://gateway.example.com${PATH}` } }, 'full URL'],
    ['name instead of slug', { signed: { slug: 'Demo Challenge' } }, '"Demo Challenge" as the slug'],
    [
      'name instead of slug, as in the URL',
      { ...BY_NAME, challengeText: 'demo challenge', signed: { slug: 'demo challenge' } },
      '"demo challenge" as the slug',
    ],
    [
      'encoded path',
      { ...BY_NAME, signed: { path: '/v1/challenges/Demo%20Challenge/submissions' } },
      'percent-encoded path',
    ],
    [
      'query in the path',
      { url: `https://gateway.example.com${PATH}?tag=1`, signed: { path: `${PATH}?tag=1` } },
      'query in the path',
    ],
    ['lower-case method', over(MESSAGE.replace('POST', 'post')), 'method in lower case'],
    ['milliseconds', { signed: { timestamp: `${NOW}000` } }, 'with milliseconds'],
    ['testnet', { signed: { netuid: 541 } }, 'for netuid 541; this gateway serves netuid 100'],
    ['netuid 1', { signed: { netuid: 1 } }, 'for netuid 1;'],
    ['other family', { family: 'base' }, 'signed for base-upload-v1; this gateway takes platform-upload-v1'],
    ['the hash', over(createHash('sha256').update(MESSAGE).digest()), 'the SHA-256 of the message'],
    [
      "the hash's hex text",
      over(createHash('sha256').update(MESSAGE).digest('hex')),
      'the hex SHA-256 of the message',
    ],
    ["the message's hex text", over(Buffer.from(MESSAGE).toString('hex')), 'the message as hex text'],
    ['another wallet signed', over(MESSAGE, OTHER_WALLET), 'belong to different wallets'],
    [
      'a subnet that is not among the guesses',
      { signed: { netuid: 7 } },
      'a different text was signed (compare canonical_message)',
    ],
    [
      'another wallet signed, its own hotkey in the text',
      { signer: OTHER_WALLET, headers: { 'x-hotkey': ALICE_HOTKEY } },
      'belong to different wallets',
    ],
    [
      'another wallet signed, and the body is as declared',
      { signer: OTHER_WALLET, headers: { 'x-hotkey': ALICE_HOTKEY, 'content-digest': DIGEST } },
      'no known mistake fits and the body arrived as declared: either X-Hotkey',
    ],
    [
      'body changed, Content-Digest sent',
      { signedBody: BODY, body: CUT, headers: { 'content-digest': DIGEST, 'x-body-length': '9' } },
      `SHA-256 ${HASH} (9 bytes) was declared, ${sha256(CUT)} (8 bytes) arrived`,
    ],
    [
      'body changed, X-Body-SHA256 sent',
      { signedBody: BODY, body: CUT, headers: { 'x-body-sha256': HASH.toUpperCase() } },
      `SHA-256 ${HASH} was declared, ${sha256(CUT)} (8 bytes) arrived`,
    ],
    [
      'curl -d',
      {
        signedBody: BODY,
        body: CUT,
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
      },
      '--data-binary',
    ],
    [
      'a form',
      { signedBody: BODY, body: CUT, headers: { 'content-type': 'multipart/form-data; boundary=x' } },
      "send the file's bytes as the body",
    ],
  ]

  test.each(MISTAKES)('%s', async (_, changes, named) => {
    const { cause, verifications } = await refusal(changes)
    expect(cause).toContain(named)
    expect(verifications).toBeLessThanOrEqual(17)
  })

  test('wrapped in <Bytes> too', async () => {
    const { cause } = await refusal({ signed: { path: `${PATH}/` }, wrap: true })
    expect(cause).toContain('slash at the end')
  })

  test('a declared digest costs no verification', async () => {
    const headers = { 'x-body-sha256': HASH }
    expect((await refusal({ signedBody: BODY, body: CUT, headers })).verifications).toBe(1)
  })
})

describe('what it may cost', () => {
  test('a stranger: nothing', async () => {
    const { verifications, facts } = await refusal(
      { signer: STRANGER, signed: { path: '/submissions' } },
      { hotkeys: [ALICE_HOTKEY] },
    )
    expect(verifications).toBe(1)
    expect(facts.canonical_message).toContain(PATH)
  })

  test('without a budget the cause is not looked for', async () => {
    const { verifications, cause } = await refusal(
      { signed: { path: '/submissions' } },
      {},
      { take: () => false },
    )
    expect(verifications).toBe(1)
    expect(cause).toContain('differs from canonical_message')
  })

  test('the budget is a burst that fills again with time', () => {
    let now = NOW
    const budget = createAttemptBudget(() => now)
    const spend = () => {
      let taken = 0
      while (budget.take()) taken += 1
      return taken
    }
    expect(spend()).toBe(160)
    now += 1
    expect(spend()).toBe(16)
    now += 1000
    expect(spend()).toBe(160)
    now -= 1000
    expect(spend()).toBe(0)
  })
})
