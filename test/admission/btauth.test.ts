/** Admission of uploads in the dialect `btauth/1`: the same order, the same codes. */

import { describe, expect, test } from 'vitest'
import { dryRun } from '../../src/admission/dry-run.ts'
import { encodeSs58 } from '../../src/crypto/ss58.ts'
import type { ProblemCode } from '../../src/protocol/problem.ts'
import { type BtauthChanges, btauthUpload, nanoseconds, RECEIVER } from '../support/btauth.ts'
import {
  ALICE_HOTKEY,
  admit,
  NOW,
  STRANGER,
  sha256,
  signedUpload,
  type WorldChanges,
  world,
} from '../support/upload.ts'

const POLICY = { gatewayHotkey: RECEIVER }
const WINDOW_SECONDS = 300
const TARGET = '/v1/challenges/demo/submissions?epoch=7'
const PATH = '/v1/challenges/demo/submissions'

function place(changes: WorldChanges = {}) {
  return world({ ...changes, policy: { ...POLICY, ...changes.policy } })
}

async function codeOf(
  changes: BtauthChanges,
  worldChanges: WorldChanges = {},
): Promise<ProblemCode | 'admitted'> {
  const result = await admit(btauthUpload(changes), place(worldChanges))
  return result.ok ? 'admitted' : result.rejection.code
}

describe('admitted', () => {
  test('sr25519: what the challenge is told is the same as in the other dialect', async () => {
    const result = await admit(btauthUpload(), place())
    const nonce = nanoseconds(NOW)
    expect(result).toMatchObject({
      ok: true,
      value: { hotkey: ALICE_HOTKEY, uid: 1, nonce, ledgerKey: { slug: 'demo' } },
    })
  })

  test('ed25519', async () => {
    const hotkeys = [ALICE_HOTKEY, encodeSs58(STRANGER.publicKey)]
    expect(await codeOf({ signer: STRANGER, scheme: 'ed25519' }, { hotkeys })).toBe('admitted')
  })

  test.each([NOW - WINDOW_SECONDS, NOW + WINDOW_SECONDS])(
    'at either end of the window (%d)',
    async (seconds) => {
      expect(await codeOf({ nonce: nanoseconds(seconds) })).toBe('admitted')
    },
  )

  test('the last nanosecond of the last second', async () => {
    expect(await codeOf({ nonce: `${NOW + WINDOW_SECONDS}999999999` })).toBe('admitted')
  })

  test('the platform dialect beside it', async () => {
    expect((await admit(signedUpload().upload, place())).ok).toBe(true)
  })

  test('a nonce is one nonce whatever the dialect', async () => {
    const both = place()
    const nonce = nanoseconds(NOW)
    expect((await admit(btauthUpload({ nonce }), both)).ok).toBe(true)
    const again = await admit({ ...signedUpload({ nonce }).upload, requestId: 'request-2' }, both)
    expect(again).toMatchObject({ rejection: { code: 'nonce_already_used' } })
  })
})

const REFUSED: [what: string, changes: BtauthChanges, code: ProblemCode, world?: WorldChanges][] = [
  ['unknown challenge', {}, 'challenge_not_found', { policy: { challenges: [] } }],
  ['one byte too long', {}, 'submission_too_large', { policy: { maxUploadBytes: 8 } }],
  ['no hotkey', { headers: { 'x-bittensor-hotkey': undefined } }, 'missing_header'],
  ['version 2', { headers: { 'x-bittensor-version': '2' } }, 'malformed_header'],
  ['both dialects', { headers: { 'x-hotkey': ALICE_HOTKEY } }, 'bad_request'],
  ['another receiver', { headers: { 'x-bittensor-receiver': ALICE_HOTKEY } }, 'wrong_receiver'],
  ['a nonce that is no number', { nonce: 'nonce-1' }, 'invalid_timestamp'],
  ['a second too old', { nonce: nanoseconds(NOW - WINDOW_SECONDS - 1) }, 'stale_signature'],
  ['a second too new', { nonce: nanoseconds(NOW + WINDOW_SECONDS + 1) }, 'stale_signature'],
  ['a hotkey that is none', { headers: { 'x-bittensor-hotkey': 'hk' } }, 'invalid_signature'],
  ['another body', { request: { bodyHash: sha256(new Uint8Array(1)) } }, 'invalid_signature'],
  ['not registered', {}, 'unknown_hotkey', { hotkeys: [], lookup: 'unregistered' }],
  ['blocked', {}, 'blocked_uid', { policy: { blockedUids: new Set([1]) } }],
  ['no metagraph', {}, 'metagraph_unavailable', { hotkeys: undefined }],
  ['no token', {}, 'challenge_token_unavailable', { token: false }],
]
test.each(REFUSED)('%s', async (_, changes, code, worldChanges) => {
  expect(await codeOf(changes, worldChanges)).toBe(code)
})

test('off: the headers mean nothing', async () => {
  const result = await admit(btauthUpload(), world())
  expect(result).toMatchObject({ rejection: { code: 'missing_header', facts: { header: 'x-hotkey' } } })
})

describe('the signature', () => {
  test('the wrapped form of a browser wallet is not in this dialect', async () => {
    expect(await codeOf({ text: (message) => `<Bytes>${message}</Bytes>` })).toBe('invalid_signature')
  })

  test.each([
    ['sr25519 named ed25519', { headers: { 'x-bittensor-crypto': 'ed25519' } }],
    [
      'ed25519 with no name',
      { signer: STRANGER, scheme: 'ed25519', headers: { 'x-bittensor-crypto': undefined } },
    ],
  ] as [string, BtauthChanges][])('%s is refused unread', async (_, changes) => {
    const result = await admit(btauthUpload(changes), place())
    const likely_cause = expect.stringContaining('name the scheme that signed')
    expect(result).toMatchObject({ rejection: { code: 'invalid_signature', facts: { likely_cause } } })
    expect(result).not.toHaveProperty('rejection.facts.canonical_message')
  })

  test('the refusal shows the text as it had to be signed', async () => {
    const result = await admit(btauthUpload({ request: { target: PATH } }), place())
    const hash = sha256(new TextEncoder().encode('zip-bytes'))
    expect(result).toMatchObject({
      rejection: {
        facts: {
          canonical_message: `btauth/1\nsr25519\nPOST\n${TARGET}\n${hash}\n${nanoseconds(NOW)}\n${ALICE_HOTKEY}\n${RECEIVER}`,
          fields: expect.arrayContaining([expect.objectContaining({ name: 'target', value: TARGET })]),
        },
      },
    })
  })
})

const ENCODED = 'https://gateway.example.com/v1/challenges/Demo%20Challenge/submissions?a=%41'
const MISTAKES: [mistake: string, changes: BtauthChanges, named: string][] = [
  ['no query', { request: { target: PATH } }, 'without its query'],
  ['full URL', { request: { target: `https://gateway.example.com${TARGET}` } }, 'full URL'],
  [
    'decoded path',
    { url: ENCODED, request: { target: '/v1/challenges/Demo Challenge/submissions?a=%41' } },
    'decoded path',
  ],
  [
    'decoded path, no query',
    { url: ENCODED, request: { target: '/v1/challenges/Demo Challenge/submissions' } },
    'decoded path',
  ],
  ['seconds', { signed: { nonce: String(NOW) } }, 'nonce in seconds'],
  ['milliseconds', { signed: { nonce: `${NOW}000` } }, 'nonce in milliseconds'],
  ['no receiver', { signed: { receiver: '-' } }, 'without a receiver'],
  ['empty body', { request: { bodyHash: sha256(new Uint8Array()) } }, 'empty body'],
  ['scheme line', { signed: { scheme: 'ed25519' } }, 'scheme line'],
  ['target of the dry run', { request: { target: `${PATH}/verify?epoch=7` } }, 'without /verify'],
  [
    'hash in capitals',
    { request: { bodyHash: sha256(new TextEncoder().encode('zip-bytes')).toUpperCase() } },
    'upper case',
  ],
  ['line end', { text: (message) => `${message}\n` }, 'line end'],
  ['method in lower case', { text: (message) => message.replace('\nPOST\n', '\npost\n') }, 'sign POST'],
]
test.each(MISTAKES)('%s has a name', async (_, changes, named) => {
  const result = await admit(btauthUpload(changes), place())
  expect(result).toMatchObject({ rejection: { facts: { likely_cause: expect.stringContaining(named) } } })
})

test('another wallet', async () => {
  const result = await admit(btauthUpload({ text: () => 'something else' }), place())
  const likely_cause = expect.stringContaining(
    'X-Bittensor-Hotkey and the signing key belong to different wallets',
  )
  expect(result).toMatchObject({ rejection: { facts: { likely_cause } } })
})

test('a dry run takes the headers of the upload itself', async () => {
  const { policy, ports, budgets } = place()
  const run = await dryRun(btauthUpload(), policy, ports, budgets.passing.open())
  expect(run).toMatchObject({
    ok: true,
    value: { identity: { hotkey: ALICE_HOTKEY, nonce: nanoseconds(NOW) }, uid: 1 },
  })
})
