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
const CONFIG = configOf({
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
