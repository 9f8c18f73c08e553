/**
 * What only a tunnel, Access or a careless challenge can do wrong: answers the local world has no
 * hostname for.
 */

import { createServer } from 'node:http'
import { describe, expect, test } from 'vitest'
import { parseConfig } from '../../../src/config/config.ts'
import { createOrigin } from '../../../src/origin/origin.ts'
import { USER_AGENT } from '../../../src/protocol/user-agent.ts'
import { startChallenge } from '../../../tools/dev/challenge.ts'
import type { Answer } from '../../../tools/ops/doctor/ask.ts'
import { plainFetch } from '../../../tools/ops/doctor/ask.ts'
import { checkAccessCredential, checkSecrets } from '../../../tools/ops/doctor/configuration.ts'
import { doorsOf } from '../../../tools/ops/doctor/door.ts'
import { toLine, withoutSecrets } from '../../../tools/ops/doctor/finding.ts'
import { checkKeepAlive } from '../../../tools/ops/doctor/keep-alive.ts'
import { checkChallenge, checkTunnel } from '../../../tools/ops/doctor/origins.ts'
import { listen } from '../../support/listen.ts'

const TOKEN = 'canary-token'
const KNOWN = new Map([
  ['CHALLENGE_TOKEN_DEMO', TOKEN],
  ['ACCESS_CLIENT_ID', 'canary-id'],
  ['ACCESS_CLIENT_SECRET', 'canary-secret'],
])

function answered(status: number, headers: Readonly<Record<string, string>> = {}): Answer {
  return { reached: true, status, headers, fields: {} }
}

/** As Node's fetch throws it. */
function unreached(code: string): TypeError {
  return new TypeError('fetch failed', { cause: Object.assign(new Error(code), { code }) })
}

interface World {
  /** What a stranger hears at the tunnel hostname. */
  readonly stranger?: Answer
  /** Status of the private route, by whether the token is the right one. */
  readonly weights?: (right: boolean) => number
  readonly health?: number
  readonly secrets?: ReadonlyMap<string, string>
  readonly marker?: string
  readonly environment?: string
  /** Access stands before the tunnel and wants the service token. */
  readonly access?: boolean
  /** Code of the connection's fault. */
  readonly unreachable?: string
}

async function check(world: World = {}) {
  const demo = {
    origin: 'https://demo.origin.example.com',
    ...(world.marker ? { marker: world.marker } : {}),
  }
  const parsed = parseConfig({ CHALLENGES: { demo } })
  const challenge = parsed.ok ? parsed.value.challenges[0] : undefined
  if (!parsed.ok || challenge === undefined) throw new Error('no challenge')
  const sent: Request[] = []
  const [door] = doorsOf(challenge)
  if (door === undefined) throw new Error('no origin')
  const findings = await checkChallenge(door, {
    config: parsed.value,
    secrets: world.secrets ?? KNOWN,
    environment: world.environment ?? 'production',
    fetch: async (url, init) => {
      const request = new Request(url, init)
      sent.push(request)
      if (world.unreachable !== undefined) throw unreached(world.unreachable)
      if (world.access === true && !request.headers.has('cf-access-client-id'))
        return new Response(null, { status: 403 })
      const right = request.headers.get('authorization') === `Bearer ${TOKEN}`
      const weights = world.weights ?? ((isRight: boolean) => (isRight ? 200 : 401))
      const status = request.url.endsWith('/health') ? (world.health ?? 200) : weights(right)
      return new Response(null, { status, headers: { 'x-challenge-origin': 'demo' } })
    },
    askAt: () => async () => world.stranger ?? answered(403),
  })
  return { findings, sent, lines: findings.map(({ verdict, check: name }) => `${verdict} ${name}`) }
}

const WELL = ['pass challenge:demo', 'pass marker:demo', 'pass token:demo', 'pass tunnel:demo']
const marker = 'X-Challenge-Origin'

test('all is well', async () => {
  const { lines, sent } = await check({ marker })
  expect(lines).toEqual(WELL)
  expect(sent.every((request) => request.headers.get('cf-access-client-secret') === 'canary-secret')).toBe(
    true,
  )
  expect(sent.map((request) => request.method)).toEqual(['GET', 'GET', 'GET'])
})

test('it asks as the gateway does: the same name, and no header of another client', async () => {
  const seen: string[][] = []
  const server = createServer((incoming, response) => {
    seen.push(incoming.rawHeaders.filter((_, at) => at % 2 === 0).map((name) => name.toLowerCase()))
    response.setHeader('x-agent', incoming.headers['user-agent'] ?? '')
    response.end('{}')
  })
  const call = createOrigin({ timeoutMs: 10_000, access: () => undefined, fetch: plainFetch })
  const url = `${await listen(server)}/health`
  const answer = await call({
    url,
    method: 'GET',
    headers: new Headers({ accept: '*/*' }),
    marker: undefined,
  })
  server.close()
  expect(answer.delivered && answer.response.headers.get('x-agent')).toBe(USER_AGENT)
  expect(seen.flat().sort()).toEqual(['accept', 'connection', 'host', 'user-agent'])
})

const ROWS: [name: string, world: World, found: string][] = [
  ['open to the world', { stranger: answered(200) }, 'fail tunnel:demo'],
  ['open to the world, with 404', { stranger: answered(404) }, 'fail tunnel:demo'],
  ['open to the world, in staging', { stranger: answered(200), environment: 'staging' }, 'warn tunnel:demo'],
  [
    'the challenge itself refuses the stranger',
    { marker, stranger: answered(401, { 'x-challenge-origin': 'demo' }) },
    'fail tunnel:demo',
  ],
  [
    'closed by a login page',
    { stranger: answered(302, { location: 'https://team.cloudflareaccess.com/x' }) },
    'pass tunnel:demo',
  ],
  [
    'a redirect elsewhere',
    { stranger: answered(302, { location: 'https://example.com/' }) },
    'fail tunnel:demo',
  ],
  ['closed with 401', { stranger: answered(401) }, 'pass tunnel:demo'],
  ['not reached', { stranger: { reached: false, reason: 'ENOTFOUND' } }, 'warn tunnel:demo'],
  ['any token will do', { weights: () => 200 }, 'fail token:demo'],
  ['the token is rejected', { weights: () => 401 }, 'fail token:demo'],
  ['no token at the challenge', { weights: () => 503 }, 'fail token:demo'],
  ['another slug at the challenge', { weights: (right) => (right ? 400 : 401) }, 'fail token:demo'],
  ['a challenge without weights', { weights: () => 404 }, 'warn token:demo'],
  ['a token that cannot be read back', { secrets: new Map() }, 'warn token:demo'],
  [
    'a rotation half done',
    {
      secrets: new Map([
        ...KNOWN,
        ['CHALLENGE_TOKEN_DEMO', 'canary-old'],
        ['CHALLENGE_TOKEN_DEMO_NEXT', TOKEN],
      ]),
    },
    'warn token:demo',
  ],
  [
    'a rotation about to begin',
    { secrets: new Map([...KNOWN, ['CHALLENGE_TOKEN_DEMO_NEXT', 'canary-next']]) },
    'pass token:demo',
  ],
  ['Access refuses the service token', { health: 403 }, 'fail challenge:demo'],
  ['a tunnel that is not connected', { health: 530 }, 'fail challenge:demo'],
  ['a challenge without /health', { health: 404 }, 'warn challenge:demo'],
]
test.each(ROWS)('%s', async (_, world, found) => {
  const { lines, findings } = await check(world)
  expect(lines).toContain(found)
  const text = findings.map(toLine).join('\n')
  for (const secret of KNOWN.values()) expect(text).not.toContain(secret)
})

describe('Access does its work, and its token is not known on this machine', () => {
  const HALF = new Map([['ACCESS_CLIENT_ID', 'canary-id']])
  const CLOSED: [name: string, world: World, file: string][] = [
    ['with a marker', { marker }, '.dev.vars.production'],
    ['without a marker', {}, '.dev.vars.production'],
    ['one half of it is', { marker, secrets: HALF }, '.dev.vars.production'],
    ['in staging', { environment: 'staging' }, '.dev.vars.staging'],
    ['of a local gateway', { environment: 'local' }, '.dev.vars'],
  ]
  test.each(CLOSED)('%s: nothing fails, and it says what to set', async (_, world, file) => {
    const { lines, findings } = await check({ access: true, secrets: new Map(), ...world })
    expect(lines).toEqual(['warn challenge:demo', 'pass tunnel:demo'])
    expect(findings[0]?.todo).toBe(`set ACCESS_CLIENT_ID and ACCESS_CLIENT_SECRET in ${file} for this run`)
  })

  const OTHERWISE: [name: string, world: World, found: string][] = [
    ['the tunnel is not connected', { health: 530 }, 'fail challenge:demo'],
    ['no such hostname', { unreachable: 'ENOTFOUND' }, 'fail challenge:demo'],
    ["the challenge's own refusal", { marker, health: 403 }, 'fail challenge:demo'],
    ['it answers everybody', { health: 200 }, 'pass challenge:demo'],
  ]
  test.each(OTHERWISE)('%s: still judged', async (_, world, found) => {
    expect((await check({ secrets: new Map(), ...world })).lines).toContain(found)
  })
})

describe('what to do fits what was found', () => {
  const HINTS: [name: string, world: World, says: string, todo: RegExp][] = [
    ['no such hostname', { unreachable: 'ENOTFOUND' }, '(ENOTFOUND)', /no such hostname/],
    ['nothing listens', { unreachable: 'ECONNREFUSED' }, '(ECONNREFUSED)', /"Origin down"/],
    ['Access refuses a token it was given', { health: 403 }, 'refused with 403', /Access policy/],
    ['no marker on a good answer', { marker: 'X-Other' }, '(no marker, 200)', /named by `marker`/],
    ['no marker on a refusal', { marker: 'X-Other', health: 403 }, '(no marker, 403)', /Access policy/],
  ]
  test.each(HINTS)('%s', async (_, world, says, todo) => {
    const { findings } = await check(world)
    expect(findings[0]?.says).toContain(says)
    expect(findings[0]?.todo).toMatch(todo)
  })

  const FILES: [environment: string, file: string][] = [
    ['production', '.dev.vars.production'],
    ['local', '.dev.vars'],
  ]
  test.each(FILES)('%s: a token is set where it is read', async (environment, file) => {
    const { findings } = await check({ environment, secrets: new Map() })
    const token = findings.find((each) => each.check === 'token:demo')
    expect(token?.todo).toBe(`set it in ${file} for this run`)
  })
})

test('each of several origins is examined by a name of its own; a VPC service cannot be from here', async () => {
  const origins = ['https://one.origin.example.com', 'vpc:CHALLENGE_VPC']
  const parsed = parseConfig({
    CHALLENGE_VPC: { fetch: () => {} },
    CHALLENGES: { demo: { origin: origins } },
  })
  if (!parsed.ok) throw new Error(parsed.faults.join('; '))
  const doors = parsed.value.challenges.flatMap(doorsOf)
  expect(doors.map(({ label }) => label)).toEqual(['demo', 'demo#2'])
  const found = await Promise.all(
    doors.map((door) =>
      checkChallenge(door, {
        config: parsed.value,
        secrets: KNOWN,
        environment: 'production',
        fetch: async () => new Response(null, { status: 200 }),
        askAt: () => async () => answered(403),
      }),
    ),
  )
  expect(found[1]).toMatchObject([{ check: 'challenge:demo#2', verdict: 'warn' }])
})

test('the master is as private as a challenge', async () => {
  const context = { environment: 'production', askAt: () => async () => answered(200) }
  const master = { label: 'master', origin: new URL('https://master.origin.example.com'), marker: undefined }
  expect(await checkTunnel(master, context)).toMatchObject([{ check: 'tunnel:master', verdict: 'fail' }])
})

describe('an idle connection', () => {
  /** A challenge that keeps it, and one that closes it; each tells when its connection is gone. */
  async function kept(keepAliveTimeout: number) {
    const server = createServer((_, response) => response.end('{}'))
    server.keepAliveTimeout = keepAliveTimeout
    server.keepAliveTimeoutBuffer = 0
    const closed = new Promise((resolve) =>
      server.once('connection', (socket) => socket.once('close', resolve)),
    )
    const origin = new URL(await listen(server))
    const findings = await checkKeepAlive({ label: 'demo', origin }, () =>
      keepAliveTimeout < 1000 ? closed : Promise.resolve(),
    )
    server.close()
    return findings
  }

  test('that is kept passes, one that the challenge closes is a warning', async () => {
    expect(await kept(60_000)).toMatchObject([{ check: 'keep-alive:demo', verdict: 'pass' }])
    const [found] = await kept(1)
    expect(found).toMatchObject({ check: 'keep-alive:demo', verdict: 'warn' })
    expect(found?.todo).toContain('uvicorn --timeout-keep-alive 100')
  })

  test('through a tunnel, or of a challenge that is not there, is not judged', async () => {
    const noIdle = () => Promise.reject(new Error('waited'))
    for (const origin of ['https://demo.origin.example.com', 'http://127.0.0.1:9'])
      expect(await checkKeepAlive({ label: 'demo', origin: new URL(origin) }, noIdle)).toEqual([])
  })

  test("the development challenge's is kept longer than a tunnel's", async () => {
    const challenge = await startChallenge({ slug: 'demo' })
    const { headers } = await fetch(`${challenge.url}/health`)
    await challenge.close()
    expect(Number(/timeout=(\d+)/.exec(headers.get('keep-alive') ?? '')?.[1])).toBeGreaterThan(90)
  })
})

describe('an Access credential', () => {
  const tunnelled = (...slugs: readonly string[]) => {
    const entries = slugs.map((slug) => [slug, { origin: `https://${slug}.origin.example.com` }])
    const parsed = parseConfig({ CHALLENGES: Object.fromEntries(entries) })
    if (!parsed.ok) throw new Error(parsed.faults.join('; '))
    return parsed.value
  }
  const SHARED: [name: string, slugs: string[], held: string[], found: string[]][] = [
    ['one challenge', ['demo'], [], ['pass']],
    ['two on one', ['demo', 'prism'], [], ['warn']],
    ['two, one of them on its own', ['demo', 'prism'], ['ACCESS_CLIENT_ID_PRISM'], ['pass']],
    [
      'three, one of them on its own',
      ['demo', 'prism', 'agent-challenge'],
      ['ACCESS_CLIENT_ID_AGENT_CHALLENGE'],
      ['warn'],
    ],
    ['none', [], [], []],
  ]
  test.each(SHARED)('%s', (_, slugs, held, found) => {
    const findings = checkAccessCredential(tunnelled(...slugs), new Set(held))
    expect(findings.map(({ verdict }) => verdict)).toEqual(found)
  })

  test('of a challenge of its own is used for that challenge', async () => {
    const own = new Map([
      ...KNOWN,
      ['ACCESS_CLIENT_ID_DEMO', 'canary-own-id'],
      ['ACCESS_CLIENT_SECRET_DEMO', 'canary-own-secret'],
    ])
    const { sent } = await check({ marker, secrets: own })
    expect(new Set(sent.map((request) => request.headers.get('cf-access-client-secret')))).toEqual(
      new Set(['canary-own-secret']),
    )
  })
})

describe('secrets that are missing', () => {
  const MISSING: [environment: string | undefined, found: string[]][] = [
    ['production', ['fail', 'fail', 'fail', 'warn']],
    ['staging', ['fail', 'warn', 'warn', 'warn']],
    [undefined, ['fail', 'pass', 'pass', 'warn']],
  ]
  test.each(MISSING)('%s', (environment, found) => {
    const parsed = parseConfig({ CHALLENGES: { demo: { origin: 'https://demo.origin.example.com' } } })
    if (!parsed.ok) throw new Error('faults')
    const deployment = { environment, env: {}, secrets: new Map(), routes: [], crons: [], openAddresses: [] }
    const findings = checkSecrets(deployment, parsed.value, new Set())
    expect(findings.map(({ verdict }) => verdict)).toEqual(found)
  })
})

test('a secret that found its way into a text does not leave it', () => {
  expect(withoutSecrets('token canary-token, and canary-id', KNOWN.values())).toBe(
    'token [secret], and [secret]',
  )
})
