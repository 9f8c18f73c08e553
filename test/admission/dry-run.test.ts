/**
 * The dry run: every check with its own result, nothing spent, nothing asked that a stranger may
 * not ask.
 */

import { describe, expect, test } from 'vitest'
import { NO_ROOM } from '../../src/admission/admit.ts'
import { type DryRun, dryRun } from '../../src/admission/dry-run.ts'
import type { Ledger } from '../../src/admission/ports.ts'
import { encodeSs58 } from '../../src/crypto/ss58.ts'
import { rejected } from '../../src/protocol/problem.ts'
import {
  ALICE,
  ALICE_HOTKEY,
  admit,
  BODY,
  type Changes,
  MAX_BYTES,
  NOW,
  STRANGER,
  sha256,
  signedUpload,
  WINDOW_SECONDS,
  type WorldChanges,
  world,
} from '../support/upload.ts'

const STORE_DOWN = rejected('nonce_store_unavailable', { retry_after_seconds: 1 })

const PASSES = {
  challenge: 'pass',
  size: 'pass',
  headers: 'pass',
  timestamp: 'pass',
  freshness: 'pass',
  signature: 'pass',
  registration: 'pass',
  nonce: 'pass',
  challenge_token: 'pass',
}

async function rehearse(changes: Changes = {}, worldChanges: WorldChanges = {}) {
  const place = world(worldChanges)
  let asked = 0
  const find: Ledger['find'] = (...args) => {
    asked += 1
    return place.ports.ledger.find(...args)
  }
  const ports = { ...place.ports, ledger: { ...place.ports.ledger, find } }
  const { upload, wasRead } = signedUpload(changes)
  const result = await dryRun(upload, place.policy, ports, place.budgets.passing.open())
  if (!result.ok) throw new Error(result.rejection.code)
  expect(place.spent.size).toBe(0)
  return { report: result.value, asked, read: wasRead(), place }
}

const resultsOf = ({ checks }: DryRun) =>
  Object.fromEntries(checks.map(({ check, result }) => [check, result]))

test('a valid upload passes every check', async () => {
  const { report, asked } = await rehearse()
  expect(resultsOf(report)).toEqual(PASSES)
  expect(report).toMatchObject({
    identity: { hotkey: ALICE_HOTKEY, uid: 1, bodyHash: sha256(BODY) },
    uid: 1,
    metagraph: { block: expect.any(Number), age_seconds: 24 },
    nonceFree: true,
    body: { bytes: BODY.byteLength, sha256: sha256(BODY) },
  })
  expect(asked).toBe(1)
})

describe('one change, and everything else is still checked', () => {
  const SKIPPED = { signature: 'skipped', nonce: 'skipped' }
  const SPELLED_OTHERWISE = encodeSs58(ALICE.publicKey, 0)
  type Row = [name: string, results: object, changes: Changes, world?: WorldChanges]
  const ROWS: Row[] = [
    [
      'unknown challenge',
      { challenge: 'fail', ...SKIPPED, challenge_token: 'skipped' },
      { challengeText: 'nope' },
    ],
    ['too large, declared', { size: 'fail', ...SKIPPED }, { body: new Uint8Array(MAX_BYTES + 1) }],
    [
      'too large, undeclared',
      { size: 'fail', ...SKIPPED },
      { body: new Uint8Array(MAX_BYTES + 1), contentLength: undefined },
    ],
    [
      'header missing',
      { headers: 'fail', timestamp: 'skipped', freshness: 'skipped', registration: 'skipped', ...SKIPPED },
      { headers: { 'x-nonce': undefined } },
    ],
    ['timestamp in words', { timestamp: 'fail', freshness: 'skipped', ...SKIPPED }, { timestamp: 'now' }],
    ['stale', { freshness: 'fail', ...SKIPPED }, { timestamp: String(NOW - WINDOW_SECONDS - 1) }],
    [
      'hotkey that is none',
      { signature: 'fail', registration: 'skipped', nonce: 'skipped' },
      { headers: { 'x-hotkey': 'x' } },
    ],
    ['signature that is none', { signature: 'fail', nonce: 'skipped' }, { headers: { 'x-signature': 'x' } }],
    ['another text signed', { signature: 'fail', nonce: 'skipped' }, { signed: { path: '/submissions' } }],
    [
      'not registered',
      { registration: 'fail', nonce: 'skipped' },
      { signer: STRANGER },
      { hotkeys: [ALICE_HOTKEY] },
    ],
    ['blocked uid', { registration: 'fail', nonce: 'skipped' }, { signer: STRANGER }],
    [
      'another spelling',
      { registration: 'fail', nonce: 'skipped' },
      { headers: { 'x-hotkey': SPELLED_OTHERWISE }, signed: { hotkey: SPELLED_OTHERWISE } },
    ],
    ['no snapshot', { registration: 'fail', nonce: 'skipped' }, {}, { hotkeys: undefined }],
    ['no token', { challenge_token: 'fail' }, {}, { token: false }],
    ['ledger down', { nonce: 'fail' }, {}, { ledger: { find: async () => ({ ...STORE_DOWN, found: {} }) } }],
  ]
  test.each(ROWS)('%s', async (_, results, changes, worldChanges) => {
    const { report, asked } = await rehearse(changes, worldChanges)
    expect(resultsOf(report)).toEqual({ ...PASSES, ...results })
    expect(report.identity).toBeUndefined()
    const failed = report.checks.filter(({ result }) => result === 'fail')
    for (const { problem } of failed)
      expect(problem).toMatchObject({ code: expect.any(String), hint: expect.any(String) })
    if (!('nonce' in results)) expect(asked).toBe(1)
    else if (results.nonce === 'skipped') expect(asked).toBe(0)
  })

  test('the first failure is the answer the upload gets', async () => {
    for (const [, , changes, worldChanges] of ROWS.filter(([name]) => name !== 'ledger down')) {
      const { report, place } = await rehearse(changes, worldChanges)
      const first = report.checks.find(({ result }) => result === 'fail')
      const upload = await admit(signedUpload(changes).upload, place)
      expect(upload).toMatchObject({
        ok: false,
        rejection: { code: Reflect.get(first?.problem ?? {}, 'code') },
      })
    }
  })
})

test('a spent nonce is not free, and the report says by which upload', async () => {
  const place = world()
  await admit(signedUpload().upload, place)
  const result = await dryRun(signedUpload().upload, place.policy, place.ports, NO_ROOM)
  if (!result.ok) throw new Error()
  expect(result.value.nonceFree).toBe(false)
  expect(result.value.checks.find(({ check }) => check === 'nonce')?.problem).toMatchObject({
    code: 'nonce_already_used',
    original: { request_id: 'request-1', body_matches: true },
  })
})

test("does not spend the subnet's lookups: a hotkey that is not in the snapshot is not asked for", async () => {
  const { report } = await rehearse(
    { signer: STRANGER },
    { hotkeys: [ALICE_HOTKEY], lookup: { uid: 7, block: 9 } },
  )
  const problem = report.checks.find(({ check }) => check === 'registration')?.problem
  expect(problem).toMatchObject({ code: 'unknown_hotkey', looked_up: false })
})

test('a hotkey that an upload found on the chain is known here too', async () => {
  const { report } = await rehearse(
    { signer: STRANGER },
    { hotkeys: [ALICE_HOTKEY], recall: { uid: 7, block: 9 } },
  )
  expect([report.uid, resultsOf(report)['registration']]).toEqual([7, 'pass'])
})

describe('what an upload is refused for unread is not verified or read here', () => {
  const HOPELESS: [name: string, changes: Changes][] = [
    ['stale', { timestamp: String(NOW - WINDOW_SECONDS - 1) }],
    ['timestamp of 60 KB', { headers: { 'x-timestamp': '1'.repeat(60_000) } }],
    ['unknown challenge', { challengeText: 'nope' }],
    ['impossible signature', { headers: { 'x-signature': 'x' } }],
  ]
  test.each(HOPELESS)('%s', async (_, changes) => {
    const place = world()
    let verified = 0
    const verify: typeof place.ports.verify = () => {
      verified += 1
      return false
    }
    const { upload, wasRead } = signedUpload(changes)
    await dryRun(upload, place.policy, { ...place.ports, verify }, NO_ROOM)
    expect([verified, wasRead()]).toEqual([0, false])
  })
})

test('what is too large is not read', async () => {
  expect((await rehearse({ body: new Uint8Array(MAX_BYTES + 1) })).read).toBe(false)
})
