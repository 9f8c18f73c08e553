/** The dry run's route: limited by address, addressed like the upload. */

import { describe, expect, test } from 'vitest'
import { createBodyBudget } from '../../src/admission/budget.ts'
import { createApp } from '../../src/app.ts'
import type { Gateway } from '../../src/routes/context.ts'
import { createLimit, networkOf } from '../../src/routes/rate-limit.ts'
import { ask as askApp } from '../support/ask.worker.ts'
import { configOf, withoutMaster } from '../support/gateway.worker.ts'
import { metagraphOf } from '../support/metagraph.ts'

const NOW = 1_700_000_000
const PATH = '/v1/challenges/demo/submissions/verify'
const ALICE = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY'
const SIGNED = {
  'x-hotkey': ALICE,
  'x-signature': 'ab'.repeat(64),
  'x-nonce': 'n',
  'x-timestamp': String(NOW),
}

const RECEIVER = '5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty'

async function ask(path: string, init: RequestInit, allowed = true) {
  const addresses: string[] = []
  const messages: string[] = []
  const config = configOf({
    CHALLENGES: { demo: { origin: 'https://demo.example.com' } },
    CHALLENGE_TOKEN_DEMO: 'canary-token',
    GATEWAY_HOTKEY: RECEIVER,
  })
  const unused = () => Promise.reject(new Error('not asked'))
  const budget = createBodyBudget({ capBytes: 1, now: () => NOW, abandonedSeconds: 600 })
  const gateway: Gateway = {
    config,
    ...withoutMaster(config),
    ports: {
      now: () => NOW,
      metagraph: {
        current: async () => metagraphOf(['a', ALICE], NOW),
        recall: () => undefined,
        lookup: unused,
      },
      ledger: {
        reserve: unused,
        find: async () => ({ ok: true, value: undefined, found: {} }),
        free: unused,
        settle: unused,
      },
      verify: (_key, message) => messages.push(new TextDecoder().decode(message)) > 0,
      after: () => () => {},
      newDigest: () => ({ update: async () => {}, hex: async () => 'hash' }),
      causes: { take: () => false },
      hasToken: () => true,
    },
    budgets: { uploads: budget, newcomers: budget, passing: budget },
    refreshIfOverdue: () => undefined,
    contradictingEndpoints: () => [],
    pushMetagraph: unused,
    callOrigin: unused,
    allowsAddress: async (address) => {
      addresses.push(address)
      return allowed
    },
    version: 'v1',
  }
  const app = createApp(
    gateway,
    () => {},
    () => NOW * 1000,
  )
  const response = await askApp(app, path, init)
  return { response, addresses, messages }
}

const POST = { method: 'POST', headers: { ...SIGNED, 'cf-connecting-ip': '192.0.2.1' }, body: 'zip-bytes' }

test('checks the message of the real path and shows all but the token', async () => {
  const { response, messages, addresses } = await ask(`${PATH}?tag=1`, POST)
  expect(response.status).toBe(200)
  expect(response.headers.get('cache-control')).toBe('no-store')
  expect(addresses).toEqual(['dry_run:192.0.2.1'])
  expect(messages).toEqual([
    `platform-upload-v1:100:demo:POST:/v1/challenges/demo/submissions:${ALICE}:n:${NOW}:hash`,
  ])
  const text = await response.text()
  expect(text).not.toContain('canary-token')
  expect(JSON.parse(text)).toMatchObject({
    would_be_accepted: true,
    challenge_receives: {
      method: 'POST',
      target: '/internal/v1/bridge/submissions?tag=1',
      headers: { 'content-length': '9', 'x-platform-verified-hotkey': ALICE, 'x-platform-verified-uid': '1' },
    },
  })
})

const UPLOAD_TARGETS: [target: string, target: string][] = [
  [`${PATH}?a=%2F/b`, '/v1/challenges/demo/submissions?a=%2F/b'],
  ['/v1/challenges/d%65mo/submissions%2fv%65rify?a', '/v1/challenges/d%65mo/submissions?a'],
  ['/v1/challenges/demo%2Fsubmissions%2F%76%65%72%69%66%79', '/v1/challenges/demo%2Fsubmissions'],
  [`${PATH}?a#b/cccc`, '/v1/challenges/demo/submissions?a'],
]

test.each(UPLOAD_TARGETS)('%s is a dry run of an upload to %s', async (target, signed) => {
  const headers = {
    'x-bittensor-version': '1',
    'x-bittensor-hotkey': ALICE,
    'x-bittensor-receiver': RECEIVER,
    'x-bittensor-nonce': `${NOW}000000000`,
    'x-bittensor-signature': SIGNED['x-signature'],
  }
  const { messages } = await ask(target, { ...POST, headers })
  expect(messages.map((message) => message.split('\n')[3])).toEqual([signed])
})

test('over the limit of the address: 429, nothing is looked at', async () => {
  const { response, messages } = await ask(PATH, POST, false)
  expect([response.status, response.headers.get('retry-after'), messages]).toEqual([429, '60', []])
  expect(await response.json()).toMatchObject({ code: 'rate_limited', retry_after_seconds: 60 })
})

test('a body that breaks off is a bad request', async () => {
  const headers = { ...POST.headers, 'content-length': '10' }
  const { response } = await ask(PATH, { ...POST, headers })
  expect(response.status).toBe(400)
})

test('takes POST only', async () => {
  const { response } = await ask(PATH, { method: 'GET' })
  expect([response.status, response.headers.get('allow')]).toEqual([405, 'POST'])
})

describe('the limit of an address', () => {
  const faults: unknown[] = []
  const limited = (limiter: Parameters<typeof createLimit>[0]) =>
    createLimit(limiter, (fault) => faults.push(fault))
  const OUTCOMES: [
    what: string,
    limiter: Parameters<typeof createLimit>[0],
    address: string,
    allowed: boolean,
  ][] = [
    ['within', { limit: async () => ({ success: true }) }, '192.0.2.1', true],
    ['beyond', { limit: async ({ key }) => ({ success: key !== '192.0.2.1' }) }, '192.0.2.1', false],
    ['unknown address', { limit: async () => ({ success: false }) }, '', true],
    ['no binding', undefined, '192.0.2.1', true],
    ['a binding that fails', { limit: () => Promise.reject(new Error('down')) }, '192.0.2.1', true],
  ]
  test.each(OUTCOMES)('%s', async (_, limiter, address, allowed) => {
    expect(await limited(limiter)(address)).toBe(allowed)
  })

  test('a fault is told', () => expect(faults).toHaveLength(1))

  const NETWORKS: [address: string, network: string][] = [
    ['', ''],
    ['192.0.2.1', '192.0.2.1'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2::6', '2001:db8:1:2'],
    ['2001:db8::6', '2001:db8:0:0'],
    ['::1', '0:0:0:0'],
    ['2001:db8:1::', '2001:db8:1:0'],
  ]
  test.each(NETWORKS)('of %s is that of %s', (address, network) => {
    expect(networkOf(address)).toBe(network)
  })
})
