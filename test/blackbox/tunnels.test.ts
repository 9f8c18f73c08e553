/**
 * Every way in which a tunnel fails, read off a local process that answers as the tunnel would;
 * several origins.
 */

import type { AddressInfo } from 'node:net'
import { createServer } from 'node:net'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import {
  CANARY,
  deadVpcService,
  MARKER,
  type RunningTunnel,
  startTunnel,
  vpcService,
} from '../support/tunnel.ts'
import { sign, startWorld, type TestWorld, TOKEN } from '../support/world.ts'

const BODY = new TextEncoder().encode('zip-bytes')

type Outcome = 'not_delivered' | 'unknown'

/** `arrives`: how often an upload reaches the place that answers so. */
const FAILURES: [situation: string, outcome: Outcome, arrives?: number][] = [
  ['vpc-refused', 'not_delivered'],
  ['vpc-dns', 'not_delivered'],
  ['vpc-timeout', 'unknown'],
  ['vpc-terminated', 'unknown'],
  ['vpc-1101', 'unknown'],
  ['closed', 'unknown'],
  ['no-such-name', 'unknown'],
  ['no-tls', 'unknown'],
  ['reset', 'unknown', 1],
  ['silent', 'unknown', 1],
  ['tunnel-down', 'not_delivered', 1],
  ['service-down', 'unknown', 1],
  ['edge-520', 'unknown', 1],
  ['edge-521', 'not_delivered', 1],
  ['edge-522', 'unknown', 1],
  ['edge-523', 'not_delivered', 1],
  ['edge-524', 'unknown', 1],
  ['edge-525', 'not_delivered', 1],
  ['edge-526', 'not_delivered', 1],
  ['own-530', 'unknown', 1],
  ['bot-challenge', 'unknown', 1],
  ['firewall-403', 'unknown', 1],
  ['firewall-429', 'unknown', 1],
  ['access-login', 'unknown', 1],
  ['access-401', 'unknown', 1],
  ['access-403', 'unknown', 1],
  ['ingress-404', 'unknown', 1],
  ['replaced-502', 'unknown', 1],
  ['replaced-504', 'unknown', 1],
]
/** Only the marker tells these from the challenge's own answers. */
const NEED_MARKER = ['vpc-1101', 'access-401', 'access-403', 'ingress-404', 'replaced-502', 'replaced-504']

let world: TestWorld
let tunnel: RunningTunnel
let second: RunningTunnel

beforeAll(async () => {
  ;[tunnel, second] = await Promise.all([startTunnel(), startTunnel()])
  const origins = await originsOf(tunnel, second)
  const slugs = Object.keys(origins)
  world = await startWorld({
    vars: {
      CHALLENGES: Object.fromEntries(
        Object.entries(origins).map(([slug, origin]) => [
          slug,
          { origin, ...(slug.startsWith('bare-') ? {} : needsMarker(slug) && { marker: MARKER }) },
        ]),
      ),
    },
    secrets: Object.fromEntries(
      slugs.map((slug) => [`CHALLENGE_TOKEN_${slug.toUpperCase().replaceAll('-', '_')}`, TOKEN]),
    ),
    services: {
      VPC_WELL: vpcService(`${tunnel.url}/well`),
      VPC_REFUSED: deadVpcService('connection_refused'),
      VPC_DNS: deadVpcService('dns_error'),
      VPC_TIMEOUT: deadVpcService('connection_timeout'),
      VPC_TERMINATED: vpcService(
        `${tunnel.url}/well`,
        "throw new Error('ProxyError: connection_terminated')",
      ),
      VPC_1101: vpcService(`${tunnel.url}/well`, "return new Response('error code: 1101', { status: 500 })"),
    },
  })
})
afterAll(async () => {
  await world.close()
  await Promise.all([tunnel.close(), second.close()])
})

function needsMarker(slug: string): boolean {
  return NEED_MARKER.includes(slug) || slug === 'well' || slug === 'own-502'
}

async function originsOf(first: RunningTunnel, other: RunningTunnel) {
  const at = (situation: string) => `${first.url}/${situation}`
  const unmarked = NEED_MARKER.filter((situation) => !situation.startsWith('vpc-'))
  return {
    ...Object.fromEntries(FAILURES.map(([situation]) => [situation, at(situation)])),
    ...Object.fromEntries(unmarked.map((situation) => [`bare-${situation}`, at(situation)])),
    ...Object.fromEntries(
      ['refused', 'dns', 'timeout', 'terminated', '1101', 'well'].map((each) => [
        `vpc-${each}`,
        `vpc:VPC_${each.toUpperCase()}`,
      ]),
    ),
    closed: `http://127.0.0.1:${await closedPort()}`,
    'no-such-name': 'https://demo.origin.invalid',
    'no-tls': `https://127.0.0.1:${first.port}`,
    ...Object.fromEntries([502, 503, 504].map((status) => [`bare-${status}`, at(`bare-${status}`)])),
    'own-502': at('own-502'),
    'odd-reason': at('odd-reason'),
    'dies-after-headers': at('dies-after-headers'),
    'two-undelivered': [at('tunnel-down'), `${other.url}/well`],
    'two-unknown': ['vpc:VPC_TERMINATED', `${other.url}/well`],
    'two-vpc': ['vpc:VPC_REFUSED', 'vpc:VPC_WELL'],
    'two-reset': [`${other.url}/reset`, at('well')],
  }
}

async function closedPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  return port
}

function read(slug: string, init?: RequestInit) {
  return fetch(`${world.gateway.url}/challenges/${slug}/v1/leaderboard`, { redirect: 'manual', ...init })
}

function uploadTo(slug: string) {
  const { headers } = sign(BODY, { slug })
  return () =>
    fetch(`${world.gateway.url}/v1/challenges/${slug}/submissions`, { method: 'POST', headers, body: BODY })
}

/** What the ledger says of the upload, once it was told. */
async function outcomeOf(again: () => Promise<Response>): Promise<unknown> {
  return vi.waitFor(async () => {
    const answer = await again()
    expect(answer.status).toBe(409)
    const { original } = (await answer.json()) as { original: { outcome: string } }
    expect(original.outcome).not.toBe('in_flight')
    return original.outcome
  })
}

async function expectRefusal(answer: Response): Promise<void> {
  expect(answer.status).toBe(502)
  expect(await answer.clone().json()).toMatchObject({ code: 'challenge_unavailable' })
  const shown = JSON.stringify([[...answer.headers], await answer.text()])
  expect(shown).not.toMatch(/canary|10\.0\.0\.7|127\.0\.0\.1|invalid|"cf-|cloudflareaccess/)
}

describe('the way failed', () => {
  test.each(FAILURES)('%s: a read is 502', async (situation) => {
    await expectRefusal(await read(situation))
  })

  test.each(FAILURES)('%s: an upload is 502, sent once, and %s', async (situation, outcome, arrives = 0) => {
    const before = tunnel.reached[situation] ?? 0
    const send = uploadTo(situation)
    await expectRefusal(await send())
    expect(await outcomeOf(send)).toBe(outcome)
    expect((tunnel.reached[situation] ?? 0) - before).toBe(arrives)
  })
})

describe('what cloudflared answers by itself, where no marker is configured', () => {
  const BARE: [slug: string, status: number][] = [
    ['bare-502', 502],
    ['bare-503', 503],
    ['bare-504', 504],
    ['bare-ingress-404', 404],
  ]
  test.each(BARE)('%s: an upload is 502 and unknown; a read passes', async (slug, status) => {
    const send = uploadTo(slug)
    await expectRefusal(await send())
    expect(await outcomeOf(send)).toBe('unknown')
    expect((await read(slug)).status).toBe(status)
  })

  test('with a body it is the answer of the challenge', async () => {
    const send = uploadTo('bare-replaced-502')
    const answer = await send()
    expect([answer.status, await answer.text()]).toEqual([502, CANARY])
    expect(await outcomeOf(send)).toBe('delivered')
  })
})

describe("what passes for the challenge's own answer", () => {
  test('its own 502, marked', async () => {
    const answer = await read('own-502')
    expect([answer.status, await answer.text(), answer.headers.has(MARKER)]).toEqual([502, CANARY, false])
  })

  test('through a VPC service, an upload and a read', async () => {
    const answers = [await uploadTo('vpc-well')(), await read('vpc-well')]
    expect(answers.map(({ status }) => status)).toEqual([201, 201])
    expect(await answers[1]?.json()).toEqual({ from: 'challenge' })
  })

  const UNMARKED: [situation: string, status: number][] = [
    ['access-401', 401],
    ['access-403', 403],
    ['ingress-404', 404],
    ['replaced-502', 502],
    ['replaced-504', 504],
  ]
  test.each(UNMARKED)('%s, where no marker is configured', async (situation, status) => {
    expect((await read(`bare-${situation}`)).status).toBe(status)
  })

  test('a reason phrase that Response would refuse is no fault', async () => {
    expect((await read('odd-reason')).status).toBe(201)
    const send = uploadTo('odd-reason')
    expect((await send()).status).toBe(201)
    expect(await outcomeOf(send)).toBe('delivered')
  })

  test('an answer that breaks off arrives cut short, never as a whole one', async () => {
    const answer = await read('dies-after-headers')
    expect(answer.status).toBe(200)
    await expect(answer.text()).rejects.toThrow()
  })
})

describe('several origins', () => {
  test.each(['two-undelivered', 'two-vpc'])('%s: an upload reaches the second, once', async (slug) => {
    const reachedSo = () => (tunnel.reached['well'] ?? 0) + (second.reached['well'] ?? 0)
    const before = reachedSo()
    const send = uploadTo(slug)
    expect((await send()).status).toBe(201)
    expect(await outcomeOf(send)).toBe('delivered')
    expect(reachedSo() - before).toBe(1)
  })

  test('an upload that may have arrived is not sent to the second', async () => {
    const before = [tunnel.reached['well'] ?? 0, second.reached['well'] ?? 0]
    const send = uploadTo('two-unknown')
    await expectRefusal(await send())
    expect(await outcomeOf(send)).toBe('unknown')
    expect([tunnel.reached['well'], second.reached['well'] ?? 0]).toEqual([(before[0] ?? 0) + 1, before[1]])
  })

  test('a read is sent to the second origin, and later reads only there', async () => {
    const before = second.reached['reset'] ?? 0
    for (let times = 0; times < 3; times += 1) expect((await read('two-reset')).status).toBe(201)
    expect((second.reached['reset'] ?? 0) - before).toBe(1)
  })

  test('a streamed body, which has one try, goes to the one that is up', async () => {
    expect((await read('two-reset', { method: 'PUT', body: 'streamed' })).status).toBe(201)
  })
})
