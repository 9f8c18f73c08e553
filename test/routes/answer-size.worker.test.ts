/**
 * However long a request is, a refusal and a report stay short and do not repeat what was too
 * long.
 */

import { expect, test } from 'vitest'
import { ask } from '../support/ask.worker.ts'
import { appOf, configOf } from '../support/gateway.worker.ts'

const NOW = 1_700_000_000
const MOST_BYTES = 8192
const UPLOAD = '/v1/challenges/demo/submissions'
const SIGNED = {
  'x-hotkey': '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY',
  'x-signature': 'ab'.repeat(64),
  'x-nonce': 'n'.repeat(256),
  'x-timestamp': String(NOW),
  'content-type': 'application/zip',
}
const RECEIVER = '5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty'
const BY_THE_SDK = {
  'x-bittensor-version': '1',
  'x-bittensor-hotkey': SIGNED['x-hotkey'],
  'x-bittensor-receiver': RECEIVER,
  'x-bittensor-nonce': `${NOW}000000000`,
  // The marker of sr25519 in the last byte.
  'x-bittensor-signature': 'ab'.repeat(64),
}
const CONFIG = configOf({
  GATEWAY_HOTKEY: RECEIVER,
  CHALLENGES: Object.fromEntries(
    Array.from({ length: 60 }, (_, n) => [`demo${n || ''}`, { origin: 'https://demo.example.com' }]),
  ),
})
const LONG = '7'.repeat(60_000)
const NAMES = [
  ...Object.keys(SIGNED),
  'x-submission-filename',
  'content-digest',
  'x-body-sha256',
  'traceparent',
]
const CASES: [name: string, path: string, headers: Record<string, string>][] = [
  ['nothing', '', {}],
  ['a query of 60 KB', `?${LONG}`, {}],
  ...NAMES.map((name): [string, string, Record<string, string>] => [
    `${name} of 60 KB`,
    '',
    { [name]: LONG },
  ]),
]

/** This text is signed. */
const LONG_TARGETS = [
  `${UPLOAD}?${LONG}`,
  `${UPLOAD}?${'"'.repeat(60_000)}`,
  `/v1/challenges/%64%65%6d%6f/submissions?${LONG}`,
]

test.each(LONG_TARGETS)('a signed target of 60 KB', async (target) => {
  for (const path of [target, target.replace('?', '/verify?')]) {
    const { app } = appOf(CONFIG, { now: NOW })
    const text = await (
      await ask(app, path, { method: 'POST', headers: BY_THE_SDK, body: 'zip-bytes' })
    ).text()
    expect(text).toContain('"canonical_message":"btauth/1\\nsr25519\\nPOST\\n/v1/challenges/')
    expect(text.length).toBeLessThan(MOST_BYTES)
  }
})

test.each(CASES)('%s', async (_, query, headers) => {
  for (const target of [UPLOAD, `${UPLOAD}/verify`, '/v1/challenges/nope/submissions']) {
    const { app } = appOf(CONFIG, { now: NOW })
    const init = { method: 'POST', headers: { ...SIGNED, ...headers }, body: 'zip-bytes' }
    const text = await (await ask(app, target + query, init)).text()
    expect(text.length).toBeGreaterThan(100)
    expect(text.length).toBeLessThan(MOST_BYTES)
    expect(text).not.toContain(LONG.slice(0, 1025))
  }
})
