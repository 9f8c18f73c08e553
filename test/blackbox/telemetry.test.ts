/**
 * Status, metrics and logs of a whole run: what they say, and that no secret is in any of them.
 */

import { createHash, randomUUID } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { encodeSs58 } from '../../src/crypto/ss58.ts'
import { startChallenge } from '../../tools/dev/challenge.ts'
import {
  ADMIN_TOKEN,
  devSigner,
  type Signing,
  sign,
  startWorld,
  type TestWorld,
  TOKEN,
} from '../support/world.ts'

const BODY = new TextEncoder().encode('canary-body-bytes')
const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
const NEXT = { CHALLENGE_TOKEN_DEMO_NEXT: 'canary-next-token', ADMIN_TOKEN_NEXT: 'canary-next-admin' }
const ACCESS = { ACCESS_CLIENT_ID: 'canary-access-id', ACCESS_CLIENT_SECRET: 'canary-access-secret' }

let world: TestWorld
const secrets: string[] = ['canary']

beforeAll(async () => {
  world = await startWorld({ secrets: { ...NEXT, ...ACCESS } })
  await world.gateway.runCron()
})
afterAll(() => world.close())

async function upload(signing: Signing = {}, headers: Readonly<Record<string, string>> = {}) {
  const { slug = 'demo', nonce = `canary-nonce-${randomUUID()}` } = signing
  const signed = sign(BODY, { ...signing, nonce }).headers
  secrets.push(signed['X-Signature'].replace(/^0x/, ''))
  const url = `${world.gateway.url}/v1/challenges/${slug}/submissions?q=canary-query`
  return fetch(url, { method: 'POST', headers: { ...signed, ...headers }, body: BODY, redirect: 'manual' })
}

async function read(path: string, headers: Readonly<Record<string, string>> = {}) {
  const response = await fetch(world.gateway.url + path, { headers })
  return { response, text: await response.text() }
}

async function status() {
  const report: {
    state: string
    challenges: {
      slug: string
      reachable: boolean
      last_failure_at: number | null
      uploads: { hour: { accepted: number; refused: Record<string, number> } }
    }[]
    elsewhere: { hour: object }
    metagraph: { block: number }
    nonce_store: object
    limits: { max_upload_bytes: number }
  } = JSON.parse((await read('/v1/status')).text)
  return { ...report, of: (slug: string) => report.challenges.find((each) => each.slug === slug) }
}

const admin = { 'X-Admin-Token': ADMIN_TOKEN }

describe('a run', () => {
  beforeAll(async () => {
    const answer = await upload({}, { traceparent: TRACE })
    expect(answer.status).toBe(201)
    expect(answer.headers.get('server-timing')).toMatch(/^origin;dur=\d+, ledger;dur=\d+, total;dur=\d+$/)
    await upload({}, { 'X-Signature': '0'.repeat(128) })
    await upload({}, { 'X-Timestamp': '1' })
    await upload({ slug: 'reset' })
    await upload({ slug: 'failing' })
    await upload({ slug: 'tokenless' })
    await upload({ slug: 'nope' })
    await read('/challenges/demo/health?q=canary-query', {
      authorization: 'Bearer canary-own',
      cookie: 'a=canary',
    })
    await read('/v1/admin/metagraph', { 'X-Admin-Token': 'canary-wrong' })
    await read('/canary-path')
  })

  test('the challenge sees the trace of its miner', () => {
    const headers = new Map(world.received[0]?.headers.map(([name, value]) => [name.toLowerCase(), value]))
    expect(headers.get('traceparent')).toBe(TRACE)
  })

  test('is counted within seconds, by challenge and code', { timeout: 40_000 }, async () => {
    const counted = async () => (await status()).of('demo')?.uploads.hour
    await expect
      .poll(counted, { timeout: 30_000, interval: 1000 })
      .toEqual({ accepted: 1, refused: { invalid_signature: 1, stale_signature: 1 } })
    const report = await status()
    expect(report).toMatchObject({
      state: 'degraded',
      metagraph: { block: expect.any(Number) },
      nonce_store: { round_trip_ms: expect.any(Number) },
      limits: { max_upload_bytes: 7_500_000 },
      elsewhere: { hour: { accepted: 0, refused: { challenge_not_found: 1 } } },
    })
    expect(report.of('demo')).toMatchObject({ reachable: true, p50_ms: expect.any(Number) })
    expect(report.of('reset')).toMatchObject({
      reachable: false,
      uploads: { hour: { refused: { challenge_unavailable: 1 } } },
    })
    expect(report.of('failing')).toMatchObject({
      reachable: false,
      uploads: { hour: { refused: { challenge_5xx: 1 } } },
    })
    expect(report.of('reset')?.last_failure_at).toBeGreaterThan(1_700_000_000)
  })

  test('metrics are for the admin, and every label is of a closed set', async () => {
    expect((await read('/metrics')).response.status).toBe(401)
    const { response, text } = await read('/metrics', admin)
    expect(response.headers.get('content-type')).toBe('text/plain; version=0.0.4')
    expect(text).toContain('gateway_uploads_total{challenge="demo",outcome="accepted"} 1\n')
    expect(text).toContain('gateway_uploads_total{challenge="",outcome="challenge_not_found"} 1\n')
    const labels = [...text.matchAll(/\{(.*?)\}/g)].flatMap(([, pairs = '']) => pairs.split(','))
    expect(labels.filter((label) => !/^(challenge|outcome|state)="[a-z0-9_-]*"$/.test(label))).toEqual([])
  })

  test.each(['/', '/status'])(
    '%s is a page that reads without a script and runs nothing foreign',
    async (path) => {
      const { response, text } = await read(path)
      expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
      expect(text).toContain('Some uploads may not pass')
      expect(text).toContain('Demo Challenge')
      const policy = response.headers.get('content-security-policy') ?? ''
      expect(policy).toContain("default-src 'none'")
      for (const kind of ['style', 'script']) {
        const [, content = ''] = new RegExp(`<${kind}>(.*?)</${kind}>`, 's').exec(text) ?? []
        expect(content.length).toBeGreaterThan(100)
        expect(policy).toContain(
          `${kind}-src 'sha256-${createHash('sha256').update(content).digest('base64')}'`,
        )
      }
      const foreign = text.replaceAll(world.gateway.url, '')
      expect(foreign).not.toMatch(/ on\w+=| src=| style=| href=(?!"\/(v1\/status|openapi\.json)")|https?:/)
    },
  )

  test('the page says the SHA-256 of the upload.py that is served', async () => {
    const { text } = await read('/upload.py')
    const hash = createHash('sha256').update(text).digest('hex')
    expect((await read('/')).text).toContain(`SHA-256 of that upload.py: <code>${hash}</code>`)
  })

  test('no secret, hotkey, origin or path of a client in any line, metric or page', async () => {
    const pages = await Promise.all([read('/status'), read('/v1/status'), read('/metrics', admin)])
    expect(world.logs.length).toBeGreaterThan(10)
    const public_ = pages.map(({ text }) => text).join('\n')
    const everything = [public_, ...world.logs].join('\n')
    expect(secrets.filter((secret) => everything.includes(secret))).toEqual([])
    const told = public_.replaceAll(world.gateway.url, '')
    const names = [encodeSs58(devSigner('alice').publicKey), '127.0.0.1']
    expect(names.filter((name) => told.includes(name))).toEqual([])
  })
})

test('an origin that dies between two crons no longer answers, at once', { timeout: 60_000 }, async () => {
  const origin = await startChallenge({ slug: 'demo', token: TOKEN })
  const mortal = await startWorld({ vars: { CHALLENGES: { demo: { origin: origin.url } } } })
  await mortal.gateway.runCron()
  const report = async () => (await fetch(`${mortal.gateway.url}/v1/status`)).json()
  expect(await report()).toMatchObject({ state: 'ok', challenges: [{ state: 'answers', reachable: true }] })
  await origin.close()
  const { headers } = sign(BODY)
  const url = `${mortal.gateway.url}/v1/challenges/demo/submissions`
  expect((await fetch(url, { method: 'POST', headers, body: BODY })).status).toBe(502)
  await expect
    .poll(report, { timeout: 40_000, interval: 500 })
    .toMatchObject({ state: 'down', challenges: [{ state: 'no_answer', reachable: false }] })
  await mortal.close()
})

test('is true when every origin is down and there is no metagraph', async () => {
  const dark = await startWorld({
    vars: { CHALLENGES: { demo: { origin: 'http://127.0.0.1:1' } }, CHAIN_ENDPOINTS: ['http://127.0.0.1:1'] },
  })
  await dark.gateway.runCron()
  const response = await fetch(`${dark.gateway.url}/v1/status`)
  expect(await response.json()).toMatchObject({
    state: 'down',
    metagraph: null,
    statistics: true,
    challenges: [{ slug: 'demo', reachable: false, last_success_at: null }],
  })
  await dark.close()
})
