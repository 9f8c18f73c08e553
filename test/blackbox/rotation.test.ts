/**
 * docs/rotation.md row by row: no upload is refused on the way over or back, with two tokens at
 * the challenge or two at the gateway.
 */

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ADMIN_TOKEN, sign, startWorld, type TestWorld } from '../support/world.ts'

const OLD = 'canary-old-token'
const NEW = 'canary-new-token'
/** The gateway that holds both. */
const BOTH = 'both'
const BODY = new TextEncoder().encode('work')

/** A challenge that takes any of these. */
const accepted = new Set<string>()
const seen: string[] = []
const challenge = createServer((request, response) => {
  request.resume().on('end', () => {
    const token = (request.headers.authorization ?? '').replace('Bearer ', '')
    seen.push(token)
    response.writeHead(accepted.has(token) ? 201 : 401, { 'content-type': 'application/json' })
    response.end(JSON.stringify(accepted.has(token) ? {} : { detail: 'Invalid internal authorization' }))
  })
})
/** The gateway before and after its secret was uploaded. */
const gateways = new Map<string, TestWorld>()

beforeAll(async () => {
  await new Promise<void>((resolve) => challenge.listen(0, '127.0.0.1', resolve))
  const { port } = challenge.address() as AddressInfo
  const vars = { CHALLENGES: { demo: { origin: `http://127.0.0.1:${port}` } } }
  for (const token of [OLD, NEW])
    gateways.set(token, await startWorld({ vars, secrets: { CHALLENGE_TOKEN_DEMO: token } }))
  const both = { CHALLENGE_TOKEN_DEMO: OLD, CHALLENGE_TOKEN_DEMO_NEXT: NEW }
  gateways.set(BOTH, await startWorld({ vars, secrets: both }))
})
afterAll(async () => {
  await Promise.all([...gateways.values()].map((world) => world.close()))
  challenge.closeAllConnections()
  await new Promise((resolve) => challenge.close(resolve))
})

async function upload(sends: string, headers = sign(BODY).headers) {
  const url = `${gateways.get(sends)?.gateway.url}/v1/challenges/demo/submissions`
  const response = await fetch(url, { method: 'POST', headers, body: BODY })
  const body: { detail?: string } = await response.json()
  return { status: response.status, ...body }
}

const ROWS: [row: string, accepts: string[], sends: string][] = [
  ['0: before', [OLD], OLD],
  ['1: the challenge learns the new token', [OLD, NEW], OLD],
  ['2: the gateway sends it', [OLD, NEW], NEW],
  ['3: the challenge forgets the old one', [NEW], NEW],
]
const BACK = ROWS.toReversed().map(([row, ...rest]): (typeof ROWS)[number] => [`back, ${row}`, ...rest])

test.each([...ROWS, ...BACK])('%s', async (_, accepts, sends) => {
  accepted.clear()
  for (const token of accepts) accepted.add(token)
  expect(await upload(sends)).toEqual({ status: 201 })
})

test('a skipped row: the challenge refuses in its own words, once, and the nonce is spent', async () => {
  accepted.clear()
  accepted.add(NEW)
  seen.length = 0
  const { headers } = sign(BODY)
  expect(await upload(OLD, headers)).toEqual({ status: 401, detail: 'Invalid internal authorization' })
  expect(seen).toEqual([OLD])
  expect(await upload(OLD, headers)).toMatchObject({ status: 409, code: 'nonce_already_used' })
  expect(seen).toEqual([OLD])
})

test('one token at the challenge: with the next one at hand no upload is refused, over and back', async () => {
  const sentWhile = async (token: string) => {
    accepted.clear()
    accepted.add(token)
    seen.length = 0
    expect([await upload(BOTH), await upload(BOTH)]).toEqual([{ status: 201 }, { status: 201 }])
    return [...seen]
  }
  expect(await sentWhile(OLD)).toEqual([OLD, OLD])
  expect(await sentWhile(NEW)).toEqual([OLD, NEW, NEW])
  expect(await sentWhile(OLD)).toEqual([NEW, OLD, OLD])
})

test('a challenge that takes neither is asked with each once', async () => {
  accepted.clear()
  seen.length = 0
  expect(await upload(BOTH)).toMatchObject({ status: 401 })
  expect(seen.toSorted()).toEqual([NEW, OLD])
})

describe('while the gateway has two tokens', () => {
  let world: TestWorld

  beforeAll(async () => {
    const { port } = challenge.address() as AddressInfo
    world = await startWorld({
      vars: { CHALLENGES: { demo: { origin: `http://127.0.0.1:${port}` } } },
      secrets: {
        CHALLENGE_TOKEN_DEMO: OLD,
        CHALLENGE_TOKEN_DEMO_NEXT: NEW,
        ADMIN_TOKEN_NEXT: 'canary-next-admin',
      },
    })
  })
  afterAll(() => world.close())

  async function send(headers = sign(BODY).headers) {
    seen.length = 0
    const url = `${world.gateway.url}/v1/challenges/demo/submissions`
    const response = await fetch(url, { method: 'POST', headers, body: BODY })
    await response.text()
    return { status: response.status, seen: [...seen] }
  }

  const STEPS: [step: string, accepts: string[], status: number, sent: string[]][] = [
    ['before', [OLD], 201, [OLD]],
    ['the challenge changes: the next one is tried', [NEW], 201, [OLD, NEW]],
    ['and from then on it comes first', [NEW], 201, [NEW]],
    ['the challenge goes back', [OLD], 201, [NEW, OLD]],
    ['and the current one comes first again', [OLD], 201, [OLD]],
    ['the challenge takes neither: each is tried once', [], 401, [OLD, NEW]],
    ['and no more the next time', [], 401, [OLD, NEW]],
    ['the challenge takes both', [OLD, NEW], 201, [OLD]],
  ]
  test.each(STEPS)('%s', async (_, accepts, status, sent) => {
    accepted.clear()
    for (const token of accepts) accepted.add(token)
    expect(await send()).toEqual({ status, seen: sent })
  })

  test('the switch is in the log, the tokens are not', async () => {
    const switches = () => world.logs.filter((line) => line.includes('"token_switched":true'))
    await expect.poll(() => switches().length).toBe(2)
    expect(world.logs.join('\n')).not.toContain('canary')
  })

  test('the nonce is spent once, and a replay hears of the answer that counted', async () => {
    accepted.clear()
    accepted.add(NEW)
    const { headers } = sign(BODY)
    expect(await send(headers)).toEqual({ status: 201, seen: [OLD, NEW] })
    expect(await send(headers)).toEqual({ status: 409, seen: [] })
  })

  test.each([ADMIN_TOKEN, 'canary-next-admin'])('either admin token opens', async (token) => {
    const admin = (sent: string) =>
      fetch(`${world.gateway.url}/v1/admin/metagraph`, {
        method: 'PUT',
        headers: { 'X-Admin-Token': sent },
        body: '{}',
      })
    expect((await admin(token)).status).toBe(400)
    expect((await admin(`${token}x`)).status).toBe(401)
  })
})

/** Anything but a 401 is an upload that may have counted. */
test.each(['reset', 'hang', 'failing', 'redirect', 'tunnel'])(
  '%s: sent once, also with two tokens',
  async (slug) => {
    const world = await startWorld({ secrets: { [`CHALLENGE_TOKEN_${slug.toUpperCase()}_NEXT`]: NEW } })
    const url = `${world.gateway.url}/v1/challenges/${slug}/submissions`
    await fetch(url, {
      method: 'POST',
      headers: sign(BODY, { slug }).headers,
      body: BODY,
      redirect: 'manual',
    })
    expect(world.reached[slug]).toBe(1)
    await world.close()
  },
)
