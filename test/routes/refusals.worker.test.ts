/** What the log says of a refusal, and what a route says that needs a setting. */

import { describe, expect, test } from 'vitest'
import { ask } from '../support/ask.worker.ts'
import { appOf, configOf } from '../support/gateway.worker.ts'

const NOW = 1_700_000_000
const CONFIG = configOf({
  CHALLENGES: { demo: { origin: 'https://demo.example.com' } },
  ADMIN_TOKEN: 'canary-token',
})
const UPLOAD = '/v1/challenges/demo/submissions'
const SIGNED = {
  'x-hotkey': '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY',
  'x-signature': 'ab'.repeat(64),
  'x-nonce': 'canary-nonce',
  'x-timestamp': String(NOW),
}

describe('the cause in the log line', () => {
  const ROWS: [headers: Record<string, string>, outcome: string, cause: string | RegExp][] = [
    [{ 'x-nonce': '' }, 'missing_header', 'x-nonce'],
    [{ 'x-nonce': 'canary'.repeat(50) }, 'malformed_header', 'x-nonce: must have at most 256 characters'],
    [{ 'x-timestamp': String(NOW - 400) }, 'stale_signature', 'skew -400 seconds'],
    [{ 'x-timestamp': '9'.repeat(20) }, 'stale_signature', 'skew of no clock seconds'],
    [{ 'x-hotkey': 'canary' }, 'invalid_signature', 'X-Hotkey is not an SS58 address with a right checksum'],
    [{}, 'invalid_signature', /signed/],
  ]
  test.each(ROWS)('%j: %s', async (headers, outcome, cause) => {
    const { app, logged } = appOf(CONFIG, { now: NOW })
    await ask(app, `${UPLOAD}?canary=query`, {
      method: 'POST',
      headers: { ...SIGNED, ...headers },
      body: 'canary',
    })
    const text = typeof cause === 'string' ? cause : expect.stringMatching(cause)
    expect(logged).toMatchObject([{ outcome, cause: text }])
    expect(JSON.stringify(logged)).not.toMatch(/canary|abab/)
  })

  test('which bad request it was', async () => {
    const { app, logged } = appOf(CONFIG, { now: NOW })
    await ask(app, '/v1/admin/metagraph', { method: 'PUT', headers: { 'x-admin-token': 'canary-token' } })
    expect(logged).toMatchObject([
      { outcome: 'bad_request', cause: expect.stringContaining('with Content-Length') },
    ])
  })
})

describe('a route that needs a setting which is not there', () => {
  const NEEDS_MASTER = [
    '/v1/registry',
    '/v1/weights/latest',
    '/v1/challenges/dashboard.svg',
    '/admin/x',
    '/v1/admin/y',
  ]
  test.each(NEEDS_MASTER)('%s names it', async (path) => {
    const { app, logged } = appOf(CONFIG, { now: NOW })
    const answer = await ask(app, path, { headers: { 'x-admin-token': 'canary-token' } })
    expect(answer.status).toBe(404)
    expect(await answer.json()).toMatchObject({
      code: 'not_found',
      detail: 'Not Found',
      setting: 'MASTER_ORIGIN',
      hint: expect.stringContaining('to set MASTER_ORIGIN'),
    })
    expect(logged).toMatchObject([{ cause: 'MASTER_ORIGIN is not set' }])
  })

  test.each(['/metrics', '/admin/x', '/v1/admin/metagraph'])('%s without ADMIN_TOKEN', async (path) => {
    const { app } = appOf(configOf({}), { now: NOW })
    const init = { method: path.endsWith('metagraph') ? 'PUT' : 'GET', headers: { 'x-admin-token': 'any' } }
    const answer = await ask(app, path, init)
    expect(answer.status).toBe(401)
    expect(await answer.json()).toMatchObject({ code: 'unauthorized', setting: 'ADMIN_TOKEN' })
    const { app: guarded } = appOf(CONFIG, { now: NOW })
    const wrong = await (await ask(guarded, path, init)).json()
    expect(wrong).not.toHaveProperty('setting')
  })

  test('a path that does not exist is still a path to check', async () => {
    const { app } = appOf(CONFIG, { now: NOW })
    expect(await (await ask(app, '/v1/nope')).json()).toMatchObject({
      hint: expect.stringContaining('Check the path'),
    })
  })
})
