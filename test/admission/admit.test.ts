import { describe, expect, test } from 'vitest'
import { encodeSs58 } from '../../src/crypto/ss58.ts'
import { PROBLEMS, type ProblemCode, rejected } from '../../src/protocol/problem.ts'
import {
  ALICE,
  ALICE_HOTKEY,
  ASKED,
  admit,
  BODY,
  type Changes,
  MAX_BYTES,
  NOW,
  RETENTION_SECONDS,
  STRANGER,
  STRANGER_HOTKEY,
  sha256,
  signedUpload,
  WINDOW_SECONDS,
  type WorldChanges,
  world,
} from '../support/upload.ts'

async function answer(changes: Changes, worldChanges: WorldChanges = {}) {
  const { upload, wasRead } = signedUpload(changes)
  const place = world(worldChanges)
  const result = await admit(upload, place)
  return { result, read: wasRead(), spent: place.spent.size }
}

const bytes = (length: number) => new Uint8Array(length).fill(0x61)
const STORE_DOWN = rejected('nonce_store_unavailable', { retry_after_seconds: 1 })
const OTHER_HOTKEY = encodeSs58(new Uint8Array(32).fill(9))
/** A valid upload whose hotkey is spelled with SS58 prefix 0. */
function spelledWith0(signer: typeof ALICE): Changes {
  const hotkey = encodeSs58(signer.publicKey, 0)
  return { signer, headers: { 'x-hotkey': hotkey }, signed: { hotkey } }
}

describe('refused, one change from a valid upload', () => {
  type Row = [
    name: string,
    code: ProblemCode,
    changes: Changes,
    world?: WorldChanges,
    read?: 'read' | 'unread',
  ]
  const REFUSED: Row[] = [
    ['unknown challenge', 'challenge_not_found', { challengeText: 'nope' }, {}, 'unread'],
    ['inactive challenge', 'challenge_not_found', { challengeText: 'asleep' }, {}, 'unread'],
    ['declared one byte too many', 'submission_too_large', { body: bytes(MAX_BYTES + 1) }, {}, 'unread'],
    [
      'sent one byte too many, undeclared',
      'submission_too_large',
      { body: bytes(MAX_BYTES + 1), contentLength: undefined },
    ],
    [
      'undeclared and too large, hopeless too',
      'submission_too_large',
      { body: bytes(MAX_BYTES + 1), contentLength: undefined, headers: { 'x-nonce': undefined } },
    ],
    ['declared more than it sent', 'bad_request', { contentLength: '10' }],
    ['header missing', 'missing_header', { headers: { 'x-timestamp': undefined } }, {}, 'unread'],
    [
      'header missing, length undeclared',
      'missing_header',
      { headers: { 'x-nonce': '' }, contentLength: undefined },
    ],
    ['header malformed', 'malformed_header', { headers: { 'x-nonce': 'é' } }, {}, 'unread'],
    ['timestamp in words', 'invalid_timestamp', { timestamp: 'now' }, {}, 'unread'],
    ['one second too old', 'stale_signature', { timestamp: String(NOW - WINDOW_SECONDS - 1) }, {}, 'unread'],
    [
      'one second too young',
      'stale_signature',
      { timestamp: String(NOW + WINDOW_SECONDS + 1) },
      {},
      'unread',
    ],
    ['milliseconds', 'stale_signature', { timestamp: String(NOW * 1000) }, {}, 'unread'],
    [
      'hotkey that is no address',
      'invalid_signature',
      { headers: { 'x-hotkey': `${ALICE_HOTKEY}x` } },
      {},
      'unread',
    ],
    [
      'hotkey twice',
      'invalid_signature',
      { headers: { 'x-hotkey': `${ALICE_HOTKEY}, ${ALICE_HOTKEY}` } },
      {},
      'unread',
    ],
    [
      'signature one digit short',
      'invalid_signature',
      { headers: { 'x-signature': 'a'.repeat(127) } },
      {},
      'unread',
    ],
    [
      'signature 0x0x',
      'invalid_signature',
      { headers: { 'x-signature': `0x0x${'a'.repeat(128)}` } },
      {},
      'unread',
    ],
    ['body changed after signing', 'invalid_signature', { signedBody: bytes(9) }],
    ['another path signed', 'invalid_signature', { signed: { path: '/submissions' } }],
    ['another netuid signed', 'invalid_signature', { signed: { netuid: 101 } }],
    ['another slug signed', 'invalid_signature', { signed: { slug: 'other' } }],
    ['other family signed', 'invalid_signature', { family: 'base' }],
    ['another nonce sent', 'invalid_signature', { signed: { nonce: 'nonce-2' } }],
    ['another hotkey sent', 'invalid_signature', { headers: { 'x-hotkey': OTHER_HOTKEY } }],
    ['a registered hotkey in another spelling', 'unknown_hotkey', spelledWith0(ALICE)],
    ['hotkey not registered', 'unknown_hotkey', { signer: STRANGER }, { hotkeys: [ALICE_HOTKEY] }],
    ['blocked uid', 'blocked_uid', { signer: STRANGER }],
    ['blocked hotkey', 'blocked_uid', {}, { policy: { blockedHotkeys: new Set([ALICE_HOTKEY]) } }],
    [
      'blocked hotkey that is allow-listed, without a snapshot',
      'blocked_uid',
      {},
      {
        policy: { blockedHotkeys: new Set([ALICE_HOTKEY]), extraHotkeys: new Set([ALICE_HOTKEY]) },
        hotkeys: undefined,
      },
    ],
    [
      'blocked uid, registration not required',
      'blocked_uid',
      { signer: STRANGER },
      { policy: { requireRegisteredHotkey: false } },
    ],
    [
      'blocked uid in another spelling, registration not required',
      'blocked_uid',
      spelledWith0(STRANGER),
      { policy: { requireRegisteredHotkey: false } },
    ],
    [
      'blocked hotkey in another spelling, registration not required, no snapshot',
      'blocked_uid',
      spelledWith0(ALICE),
      {
        hotkeys: undefined,
        policy: { requireRegisteredHotkey: false, blockedHotkeys: new Set([ALICE_HOTKEY]) },
      },
    ],
    ['no snapshot', 'metagraph_unavailable', {}, { hotkeys: undefined }],
    ['no room for the body', 'over_capacity', {}, { capBytes: 9 }],
    ['no token', 'challenge_token_unavailable', {}, { token: false }],
    [
      'ledger down',
      'nonce_store_unavailable',
      {},
      { ledger: { reserve: async () => ({ ...STORE_DOWN, found: {} }) } },
    ],
  ]

  test.each(REFUSED)('%s: %s', async (_, code, changes, worldChanges, read) => {
    const { result, read: wasRead, spent } = await answer(changes, worldChanges)
    expect(result).toMatchObject({ ok: false, rejection: { code } })
    if (read !== undefined) expect(wasRead).toBe(read === 'read')
    expect(spent).toBe(0)
  })

  test('every code that admission can answer has a row', () => {
    const elsewhere: ProblemCode[] = [
      'path_not_allowed',
      'challenge_unavailable',
      'rate_limited',
      'unauthorized',
      'not_found',
      'method_not_allowed',
      'internal_error',
      'nonce_already_used',
      'wrong_receiver',
      'request_timeout',
      'length_required',
    ]
    const covered = new Set([...REFUSED.map(([, code]) => code), ...elsewhere])
    expect([...covered].sort()).toEqual(Object.keys(PROBLEMS).sort())
  })
})

describe('admitted', () => {
  type Row = [name: string, changes: Changes, world?: WorldChanges, uid?: number | undefined]
  const ADMITTED: Row[] = [
    ['as it is', {}],
    ['length undeclared', { contentLength: undefined }],
    ['empty body', { body: bytes(0) }],
    ['exactly the largest body', { body: bytes(MAX_BYTES) }],
    ['exactly the largest body, undeclared', { body: bytes(MAX_BYTES), contentLength: undefined }],
    ['oldest', { timestamp: String(NOW - WINDOW_SECONDS) }],
    ['youngest', { timestamp: String(NOW + WINDOW_SECONDS) }],
    ['timestamp signed as sent', { timestamp: `+${NOW}` }],
    ['wrapped in <Bytes>', { wrap: true }],
    ['upper-case signature without 0x', { headers: { 'x-signature': '' } }],
    ['by name', { challengeText: 'demo challenge', path: '/v1/challenges/demo challenge/submissions' }],
    ['ed25519', { signer: STRANGER }, { hotkeys: [ALICE_HOTKEY, STRANGER_HOTKEY] }, 1],
    [
      'allow-listed, no snapshot',
      {},
      { hotkeys: undefined, policy: { extraHotkeys: new Set([ALICE_HOTKEY]) } },
      undefined,
    ],
    [
      'allow-listed though blocked',
      { signer: STRANGER },
      { policy: { extraHotkeys: new Set([STRANGER_HOTKEY]) } },
      undefined,
    ],
    ['registration not required', {}, { hotkeys: [], policy: { requireRegisteredHotkey: false } }, undefined],
    [
      'registration not required, no snapshot',
      {},
      { hotkeys: undefined, policy: { requireRegisteredHotkey: false } },
      undefined,
    ],
    ['registration not required, registered', {}, { policy: { requireRegisteredHotkey: false } }, 1],
    ['base family', { family: 'base' }, { policy: { family: 'base' } }],
  ]

  test.each(ADMITTED)('%s', async (name, changes, worldChanges = {}, ...uid) => {
    if (name.startsWith('upper-case')) {
      const plain = signedUpload().upload.headers.get('x-signature') ?? ''
      changes = { headers: { 'x-signature': plain.slice(2).toUpperCase() } }
    }
    const { result, spent } = await answer(changes, worldChanges)
    expect(result).toMatchObject({ ok: true })
    if (!result.ok) return
    const sent = changes.body ?? BODY
    expect(result.value.bodyHash).toBe(sha256(sent))
    expect([...result.value.content]).toEqual([...sent])
    expect(result.value.uid).toBe(uid.length === 1 ? uid[0] : 1)
    expect(result.value.ledgerKey.slug).toBe('demo')
    expect(spent).toBe(1)
  })
})

describe('another spelling where registration is not required', () => {
  const open = { policy: { requireRegisteredHotkey: false } }

  test('passes as sent and without a uid', async () => {
    const { result } = await answer(spelledWith0(ALICE), open)
    expect(result).toMatchObject({
      ok: true,
      value: { hotkey: encodeSs58(ALICE.publicKey, 0), uid: undefined },
    })
  })

  test('has no nonce ledger, and so no quota, of its own', async () => {
    const { result } = await answer(spelledWith0(ALICE), open)
    expect(result).toMatchObject({ ok: true, value: { ledgerKey: { hotkey: ALICE_HOTKEY } } })
  })

  test('is on the allow-list by its key', async () => {
    const listed = { ...open.policy, extraHotkeys: new Set([STRANGER_HOTKEY]) }
    expect((await answer(spelledWith0(STRANGER), { policy: listed })).result.ok).toBe(true)
  })
})

describe('what a refusal says', () => {
  test('the canonical message field by field', async () => {
    const { result } = await answer({ signed: { path: '/submissions' } })
    const sent = `platform-upload-v1:100:demo:POST:/v1/challenges/demo/submissions:${ALICE_HOTKEY}:nonce-1:${NOW}:${sha256(BODY)}`
    expect(result).toMatchObject({
      rejection: { facts: { canonical_message: sent, body_bytes: BODY.byteLength } },
    })
  })

  test('only the likely cause when the body was not read', async () => {
    const { result } = await answer({ headers: { 'x-signature': 'zz' } })
    if (!result.ok) expect(Object.keys(result.rejection.facts)).toEqual(['likely_cause'])
    expect(result.ok).toBe(false)
  })

  test('clock distance, and null for a number that is no time', async () => {
    const behind = await answer({ timestamp: String(NOW - 400) })
    expect(behind.result).toMatchObject({
      rejection: { facts: { server_time: NOW, request_time: NOW - 400, skew_seconds: -400 } },
    })
    const absurd = await answer({ timestamp: '9'.repeat(30) })
    expect(absurd.result).toMatchObject({ rejection: { facts: { request_time: null, skew_seconds: null } } })
  })

  test('snapshot block and age of an unknown hotkey', async () => {
    const { result } = await answer({ signer: STRANGER }, { hotkeys: [] })
    expect(result).toMatchObject({
      rejection: {
        facts: {
          hotkey: STRANGER_HOTKEY,
          netuid: 100,
          metagraph_block: 1000,
          metagraph_age_seconds: 24,
          looked_up: true,
        },
      },
    })
  })
})

describe('a hotkey that is not in the snapshot', () => {
  const snapshot = { hotkeys: [STRANGER_HOTKEY] }

  test('is admitted when the chain has it by now', async () => {
    const { result } = await answer({}, { ...snapshot, lookup: { uid: 9, block: 1010 } })
    expect(result).toMatchObject({ ok: true, value: { uid: 9 } })
  })

  test('is remembered', async () => {
    const { result } = await answer({}, { ...snapshot, recall: { uid: 9, block: 1010 } })
    expect(result).toMatchObject({ ok: true, value: { uid: 9 } })
  })

  test('stays blocked when its uid is', async () => {
    for (const found of [{ lookup: { uid: 0, block: 1010 } }, { recall: { uid: 0, block: 1010 } }]) {
      expect((await answer({}, { ...snapshot, ...found })).result).toMatchObject({
        rejection: { code: 'blocked_uid' },
      })
    }
  })

  test('is told when to come back while the chain is not asked', async () => {
    const { result } = await answer({}, { ...snapshot, lookup: { retryAfterSeconds: 17 } })
    expect(result).toMatchObject({
      rejection: { code: 'unknown_hotkey', facts: { looked_up: false, retry_after_seconds: 17 } },
    })
  })

  test('hears that there is no room when there was none to keep its body', async () => {
    const found = { ...snapshot, lookup: { uid: 9, block: 1010 } }
    const room = BODY.byteLength + 1
    expect((await answer({}, { ...found, newcomerBytes: room })).result).toMatchObject({ ok: true })
    const { result, spent } = await answer({}, { ...found, newcomerBytes: room - 1 })
    expect(result).toMatchObject({ rejection: { code: 'over_capacity', facts: { retry_after_seconds: 1 } } })
    expect(spent).toBe(0)
  })

  test('is not looked for before its signature verified', async () => {
    const { result } = await answer(
      { signedBody: bytes(1) },
      { ...snapshot, lookup: { uid: 9, block: 1010 } },
    )
    expect(result).toMatchObject({ rejection: { code: 'invalid_signature' } })
  })
})

describe('standing is judged again after the body', () => {
  /** Another world from when the headers have been judged: the body takes its time. */
  async function meanwhile(before: WorldChanges, after: WorldChanges) {
    const [first, then] = [world(before), world(after)]
    let asked = 0
    const lookups: string[] = []
    const now = (when: typeof first) => when.ports.metagraph
    const metagraph: typeof first.ports.metagraph = {
      current: (at) => now(asked++ === 0 ? first : then).current(at),
      recall: (hotkey, at) => now(asked <= 1 ? first : then).recall(hotkey, at),
      lookup: (hotkey, at, client) => {
        lookups.push(client)
        return then.ports.metagraph.lookup(hotkey, at, client)
      },
    }
    const result = await admit(signedUpload().upload, { ...first, ports: { ...first.ports, metagraph } })
    return { result, lookups, spent: first.spent.size }
  }
  const ELSE = encodeSs58(new Uint8Array(32).fill(8))

  test('a uid that went to another is not told to the challenge', async () => {
    const { result, spent } = await meanwhile({}, { hotkeys: [STRANGER_HOTKEY, ELSE] })
    expect(result).toMatchObject({ rejection: { code: 'unknown_hotkey', facts: { looked_up: true } } })
    expect(spent).toBe(0)
  })

  test('a uid that moved is the new one', async () => {
    const { result } = await meanwhile({}, { hotkeys: [STRANGER_HOTKEY, ELSE, ALICE_HOTKEY] })
    expect(result).toMatchObject({ ok: true, value: { uid: 2 } })
  })

  test('a uid that moved to a blocked one is blocked', async () => {
    const { result } = await meanwhile({}, { hotkeys: [ALICE_HOTKEY] })
    expect(result).toMatchObject({ rejection: { code: 'blocked_uid' } })
  })

  test('a metagraph that expired is seen', async () => {
    const { result, spent } = await meanwhile({}, { hotkeys: undefined })
    expect(result).toMatchObject({ rejection: { code: 'metagraph_unavailable' } })
    expect(spent).toBe(0)
  })

  test('a place found by lookup holds without a second one, unless a younger snapshot knows better', async () => {
    const found = { hotkeys: [STRANGER_HOTKEY], recall: { uid: 9, block: 1001 } }
    const holds = await meanwhile(found, { hotkeys: [STRANGER_HOTKEY] })
    expect([holds.result, holds.lookups]).toMatchObject([{ ok: true, value: { uid: 9 } }, []])
    const older = { ...found, recall: { uid: 9, block: 1000 } }
    const lost = await meanwhile(older, { hotkeys: [STRANGER_HOTKEY] })
    expect(lost).toMatchObject({
      result: { rejection: { code: 'unknown_hotkey', facts: { looked_up: false, retry_after_seconds: 30 } } },
      lookups: [],
    })
  })

  test('a lookup is asked in the name of the network that sends', async () => {
    const { lookups } = await meanwhile({ hotkeys: [STRANGER_HOTKEY] }, { hotkeys: [STRANGER_HOTKEY] })
    expect(lookups).toEqual(['203.0.113.5'])
  })
})

describe('rooms', () => {
  const large = { body: bytes(MAX_BYTES) }
  const room = MAX_BYTES + 1

  test('three newcomers at once with large bodies: none is told for good that it is unknown', async () => {
    const place = world({ hotkeys: [STRANGER_HOTKEY], newcomerBytes: room, lookup: { uid: 9, block: 1010 } })
    const results = await Promise.all(
      ['a', 'b', 'c'].map((nonce) => admit(signedUpload({ ...large, nonce }).upload, place)),
    )
    const codes = results.map((result) => (result.ok ? 'ok' : result.rejection.code)).sort()
    expect(codes).toEqual(['ok', 'over_capacity', 'over_capacity'])
    // The same one twice, and again when there is room.
    for (const result of results) if (result.ok) result.value.held.release()
    expect(await admit(signedUpload({ ...large, nonce: 'b' }).upload, place)).toMatchObject({ ok: true })
  })

  test('a stranger that holds all the room leaves a newcomer over_capacity', async () => {
    const place = world({ hotkeys: [STRANGER_HOTKEY], newcomerBytes: room, lookup: { uid: 9, block: 1010 } })
    place.budgets.newcomers.open().grow(room)
    expect(await admit(signedUpload(large).upload, place)).toMatchObject({
      rejection: { code: 'over_capacity', facts: { retry_after_seconds: 1 } },
    })
  })

  test('a challenge whose bodies are stuck leaves half of the room to the others', async () => {
    const two = world({ capBytes: 4 * room })
    const [demo] = two.policy.challenges
    if (demo === undefined) throw new Error()
    const other = { ...demo, slug: 'other', name: 'Other' }
    const policy = { ...two.policy, challenges: [demo, other] }
    const send = (nonce: string, slug: string) =>
      admit(signedUpload({ ...large, nonce, challengeText: slug, signed: { slug } }).upload, {
        ...two,
        policy,
      })
    const codes = []
    for (const nonce of ['a', 'b', 'c']) codes.push((await send(nonce, 'demo')).ok)
    expect(codes).toEqual([true, true, false])
    expect(await send('d', 'other')).toMatchObject({ ok: true })
    // Alone, it may take all the room.
    expect(
      await admit(signedUpload({ ...large, nonce: 'e' }).upload, { ...two, policy: two.policy }),
    ).toMatchObject({ ok: true })
  })
})

describe('a slow body', () => {
  const longest = RETENTION_SECONDS - WINDOW_SECONDS

  test('does not make a fresh request stale', async () => {
    expect((await answer({}, { bodySeconds: WINDOW_SECONDS + 1 })).result).toMatchObject({ ok: true })
    expect((await answer({}, { bodySeconds: longest })).result).toMatchObject({ ok: true })
  })

  test('may not outlast the memory of its nonce', async () => {
    const { result, spent } = await answer({}, { bodySeconds: longest + 1 })
    expect(result).toMatchObject({
      rejection: { code: 'stale_signature', facts: { max_skew_seconds: longest } },
    })
    expect(spent).toBe(0)
  })
})

describe('nonce', () => {
  async function twice(worldChanges: WorldChanges, second: Changes, tokenGone = false) {
    const place = world(worldChanges)
    await admit(signedUpload().upload, place)
    const again = { ...signedUpload(second).upload, requestId: 'request-2' }
    return admit(again, tokenGone ? { ...place, ports: { ...place.ports, hasToken: () => false } } : place)
  }

  test('a second request is a replay and is told about the first', async () => {
    const original = { request_id: 'request-1', reserved_at: NOW, body_matches: true }
    expect(await twice({}, {})).toMatchObject({
      rejection: { code: 'nonce_already_used', facts: { original } },
    })
    expect(await twice({}, { body: bytes(3) })).toMatchObject({
      rejection: { facts: { original: { body_matches: false } } },
    })
  })

  test('a spent nonce is said before a missing token', async () => {
    expect(await twice({}, {}, true)).toMatchObject({ rejection: { code: 'nonce_already_used' } })
  })

  test('another nonce passes', async () => {
    expect(await twice({}, { nonce: 'nonce-2' })).toMatchObject({ ok: true })
  })
})

describe('what was found out comes back with the answer', () => {
  const FOUND: [name: string, found: object, changes: Changes, world?: WorldChanges][] = [
    ['no challenge', {}, { challengeText: 'nope' }],
    ['no possible hotkey', { slug: 'demo' }, { headers: { 'x-hotkey': 'secret' } }],
    ['a body that breaks off', { slug: 'demo', hotkey: ALICE_HOTKEY }, { contentLength: '10' }],
    [
      'a wrong signature',
      { slug: 'demo', hotkey: ALICE_HOTKEY, bytes: BODY.byteLength },
      { signedBody: bytes(9) },
    ],
    [
      'no token',
      { slug: 'demo', hotkey: ALICE_HOTKEY, bytes: BODY.byteLength, uid: 1, ledger: ASKED },
      {},
      { token: false },
    ],
    ['admitted', { slug: 'demo', hotkey: ALICE_HOTKEY, bytes: BODY.byteLength, uid: 1, ledger: ASKED }, {}],
  ]
  test.each(FOUND)('%s', async (_, found, changes, worldChanges) => {
    expect((await answer(changes, worldChanges)).result.found).toEqual(found)
  })
})
