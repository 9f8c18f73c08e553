import { describe, expect, test } from 'vitest'
import { builtInPolicy } from '../../src/challenge/built-in.ts'
import { OPEN_POLICY } from '../../src/challenge/policy.ts'
import { accessFor } from '../../src/config/access.ts'
import { challengeTokens, parseConfig, tokenName } from '../../src/config/config.ts'
import { encodeSs58 } from '../../src/crypto/ss58.ts'

const HOTKEY = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY'
const DEMO = { name: 'Demo', origin: 'https://demo.origin.example.com' }

function configOf(env: object) {
  const parsed = parseConfig(env)
  if (!parsed.ok) throw new Error(parsed.faults.join('; '))
  return parsed.value
}

function faultsOf(env: object): readonly string[] {
  const parsed = parseConfig(env)
  return parsed.ok ? [] : parsed.faults
}

test('an empty environment has the documented defaults', () => {
  expect(configOf({})).toMatchObject({
    netuid: 100,
    family: 'platform',
    signatureTtlSeconds: 300,
    nonceTtlSeconds: 86_400,
    maxUploadBytes: 7_500_000,
    requireRegisteredHotkey: true,
    blockedUids: new Set([0]),
    extraHotkeys: new Set(),
    metagraphMaxAgeSeconds: 1200,
    challenges: [],
    originTimeoutMs: 30_000,
    access: undefined,
    masterOrigin: undefined,
    originTemplate: undefined,
    corsOrigins: new Set(),
  })
  expect(configOf({}).chainEndpoints[0]?.url.host).toBe('entrypoint-finney.opentensor.ai')
})

test('typed values and their texts mean the same', () => {
  const typed = {
    NETUID: 7,
    REQUIRE_REGISTERED_HOTKEY: false,
    BLOCKED_UIDS: [0, 5],
    EXTRA_REGISTERED_HOTKEYS: [HOTKEY],
    CHAIN_ENDPOINTS: ['http://127.0.0.1:9944'],
    CHALLENGES: { demo: { ...DEMO, status: 'inactive', marker: 'X-Challenge-Origin' } },
  }
  const texts = Object.fromEntries(
    Object.entries(typed).map(([name, value]) => [
      name,
      typeof value === 'object' ? JSON.stringify(value) : String(value),
    ]),
  )
  expect(configOf(texts)).toEqual(configOf(typed))
  expect(configOf(texts).challenges[0]).toMatchObject({ slug: 'demo', name: 'Demo', status: 'inactive' })
})

describe('policies', () => {
  const origin = DEMO.origin
  const policiesOf = (challenges: object) =>
    Object.fromEntries(
      configOf({ CHALLENGES: challenges }).challenges.map((each) => [each.slug, each.policy]),
    )

  test('the two known challenges have theirs built in, by slug and not by name', () => {
    const policies = policiesOf({
      prism: { origin },
      demo: { origin, name: 'prism' },
      'agent-challenge': { origin },
    })
    expect(policies['prism']?.remap).toHaveLength(9)
    expect(policies['agent-challenge']?.signed).toHaveLength(4)
    expect(policies['demo']).toBe(OPEN_POLICY)
  })

  test('the protocol family decides which', () => {
    const challenges = { prism: { origin }, 'agent-challenge': { origin } }
    const [prism, agent] = configOf({ CHALLENGES: challenges, PROTOCOL_FAMILY: 'base' }).challenges
    expect([prism?.policy.remap.length, agent?.policy.signed.length, agent?.policy.bearer.length]).toEqual([
      11, 15, 9,
    ])
  })

  test('a configured part replaces that part and no other, also as text', () => {
    const challenges = { prism: { origin, policy: { allow: ['GET /leaderboard'] } } }
    const policy = {
      ...builtInPolicy('platform', 'prism'),
      allow: [{ methods: ['GET'], path: ['leaderboard'] }],
    }
    expect(policiesOf(challenges)['prism']).toEqual(policy)
    expect(configOf({ CHALLENGES: JSON.stringify(challenges) }).challenges[0]?.policy).toEqual(policy)
  })
})

describe('secrets', () => {
  const env = { CHALLENGES: { 'agent-challenge': DEMO, demo: DEMO } }

  test('one token for each challenge, by its slug', () => {
    expect(tokenName('agent-challenge')).toBe('CHALLENGE_TOKEN_AGENT_CHALLENGE')
    const config = configOf({ ...env, CHALLENGE_TOKEN_AGENT_CHALLENGE: 'secret', CHALLENGE_TOKEN_DEMO: '' })
    expect([...config.challengeTokens]).toEqual([['CHALLENGE_TOKEN_AGENT_CHALLENGE', 'secret']])
  })

  test('a challenge that becomes known later finds its token', () => {
    const config = configOf({ CHALLENGE_TOKEN_LATE_COMER: 'late', CHALLENGE_TOKEN_LATE: '', OTHER: 'x' })
    expect(['late-comer', 'late', 'other'].map((slug) => challengeTokens(config, slug))).toEqual([
      ['late'],
      [],
      [],
    ])
    expect(Object.values(config)).not.toContain('x')
  })

  test('the next token beside the current one, or alone', () => {
    const config = configOf({
      CHALLENGE_TOKEN_DEMO: 'now',
      CHALLENGE_TOKEN_DEMO_NEXT: 'then',
      CHALLENGE_TOKEN_LATE_NEXT: 'only',
    })
    expect(challengeTokens(config, 'demo')).toEqual(['now', 'then'])
    expect(challengeTokens(config, 'late')).toEqual(['only'])
    expect(configOf({ ADMIN_TOKEN: 'now', ADMIN_TOKEN_NEXT: 'then' }).adminTokens).toEqual(['now', 'then'])
  })

  test('a slug that ends in -next reads no token of another', () => {
    const tokens = { CHALLENGE_TOKEN_DEMO_NEXT: 'then' }
    expect(faultsOf({ ...tokens, CHALLENGES: { 'demo-next': DEMO, next: DEMO } })).toEqual([
      'CHALLENGES.demo-next must not end in -next: its secret would be the next token of another challenge',
    ])
    expect(challengeTokens(configOf(tokens), 'demo-next')).toEqual([])
  })

  test('the Access token has two halves', () => {
    const access = { ACCESS_CLIENT_ID: 'id', ACCESS_CLIENT_SECRET: 'secret' }
    expect(configOf(access).access).toEqual({ clientId: 'id', clientSecret: 'secret' })
    expect(faultsOf({ ACCESS_CLIENT_ID: 'id' })).toHaveLength(1)
  })

  test("a challenge's own Access token opens its tunnel and no other", () => {
    const own = {
      ACCESS_CLIENT_ID_AGENT_CHALLENGE: 'own',
      ACCESS_CLIENT_SECRET_AGENT_CHALLENGE: 'own-secret',
    }
    const config = configOf({ ACCESS_CLIENT_ID: 'id', ACCESS_CLIENT_SECRET: 'secret', ...own })
    const ids = ['agent-challenge', 'agent', 'demo', undefined].map(
      (slug) => accessFor(config, slug)?.clientId,
    )
    expect(ids).toEqual(['own', 'id', 'id', 'id'])
    expect(accessFor(configOf(own), 'agent-challenge')).toEqual({
      clientId: 'own',
      clientSecret: 'own-secret',
    })
    expect(accessFor(configOf(own), 'demo')).toBeUndefined()
  })

  test.each(['ACCESS_CLIENT_ID_DEMO', 'ACCESS_CLIENT_SECRET_DEMO'])('half of one is a fault: %s', (name) => {
    expect(faultsOf({ [name]: 'canary' })).toEqual([
      'ACCESS_CLIENT_ID_DEMO and ACCESS_CLIENT_SECRET_DEMO must be set together',
    ])
  })
})

describe('further routes of the master', () => {
  const MASTER_ORIGIN = 'https://master.example.com'

  test('are methods and a path; a star at the end is one segment or more', () => {
    const MASTER_ROUTES = ['GET /v1/validators/public', 'GET,POST /v1/workers/*', 'GET /v1/weights/{id}']
    expect(configOf({ MASTER_ORIGIN, MASTER_ROUTES }).masterRoutes).toEqual([
      { methods: ['GET'], path: ['v1', 'validators', 'public'] },
      { methods: ['GET', 'POST'], path: ['v1', 'workers', '**'] },
      { methods: ['GET'], path: ['v1', 'weights', '{id}'] },
    ])
    expect(configOf({}).masterRoutes).toEqual([])
  })

  const REFUSED = [
    'GET',
    '/v1/x',
    'TRACE /v1/x',
    'GET v1/x',
    'GET /v1/*/x',
    'GET /v1/../admin',
    'GET /internal/x',
    'GET /v1/admin/challenges',
    'GET /v1/Admin/*',
    'POST /admin/*',
    'GET /challenges/x',
    'GET /v1/challenges/*',
    'GET /*',
    'GET /v1/*',
    'GET /{any}/x',
    'GET /v1/{any}',
  ]
  test.each(REFUSED)('%s is a fault', (route) => {
    expect(faultsOf({ MASTER_ORIGIN, MASTER_ROUTES: [route] })).toEqual([
      expect.stringMatching(/^MASTER_ROUTES must be a list of methods and a path/),
    ])
  })

  test('need a master', () => {
    expect(faultsOf({ MASTER_ROUTES: ['GET /v1/x'] })).toEqual(['MASTER_ROUTES need MASTER_ORIGIN'])
  })
})

describe('the master', () => {
  const TEMPLATES = [
    'https://{slug}.origin.example.com',
    'https://x-{slug}.example.com/base',
    'http://127.0.0.1:9000/{slug}',
  ]
  test.each(TEMPLATES)('template %s', (template) => {
    expect(configOf({ ORIGIN_TEMPLATE: template }).originTemplate).toBe(template)
  })

  test('and who may read', () => {
    const env = { MASTER_ORIGIN: 'https://master.example.com', CORS_ORIGINS: '["http://localhost:3000","*"]' }
    const { masterOrigin, corsOrigins } = configOf(env)
    expect([masterOrigin?.href, ...corsOrigins]).toEqual([
      'https://master.example.com/',
      'http://localhost:3000',
      '*',
    ])
    expect(configOf({ MASTER_ORIGIN: '', ORIGIN_TEMPLATE: '' }).masterOrigin).toBeUndefined()
  })
})

test('an own node behind a tunnel gets the Access token, and there may be no node at all', () => {
  const own = { url: 'https://node.example.com', access: true }
  const access = { ACCESS_CLIENT_ID: 'id', ACCESS_CLIENT_SECRET: 'secret' }
  const [first, second] = configOf({
    ...access,
    CHAIN_ENDPOINTS: [own, 'https://public.example.com'],
  }).chainEndpoints
  expect([first?.access, second?.access]).toEqual([true, false])
  expect(configOf({ CHAIN_ENDPOINTS: [] }).chainEndpoints).toEqual([])
})

describe('faults', () => {
  const FAULTS: [env: object, mentions: string][] = [
    [{ NETUID: -1 }, 'NETUID'],
    [{ NETUID: 65_536 }, 'NETUID'],
    [{ NETUID: '1e2' }, 'NETUID'],
    [{ NETUID: '' }, 'NETUID'],
    [{ PROTOCOL_FAMILY: 'Platform' }, 'PROTOCOL_FAMILY'],
    [{ SIGNATURE_TTL_SECONDS: 0 }, 'SIGNATURE_TTL_SECONDS'],
    [{ NONCE_TTL_SECONDS: 599 }, 'at least twice'],
    [{ NONCE_TTL_SECONDS: 3599 }, 'at least 3600'],
    [{ UPLOADS_PER_HOUR: 10_001 }, 'UPLOADS_PER_HOUR'],
    [{ BLOCKED_HOTKEYS: ['5Grw'] }, 'BLOCKED_HOTKEYS'],
    [{ ADMIN_TOKEN_NEXT: 'two words' }, 'ADMIN_TOKEN_NEXT'],
    [{ MAX_UPLOAD_BYTES: 32_000_001 }, 'MAX_UPLOAD_BYTES'],
    [{ REQUIRE_REGISTERED_HOTKEY: 'yes' }, 'REQUIRE_REGISTERED_HOTKEY'],
    [{ BLOCKED_UIDS: ['0'] }, 'BLOCKED_UIDS'],
    [{ EXTRA_REGISTERED_HOTKEYS: ['5Grw'] }, 'EXTRA_REGISTERED_HOTKEYS'],
    [{ CHAIN_ENDPOINTS: ['http://chain.example.com'] }, 'CHAIN_ENDPOINTS'],
    [{ CHAIN_ENDPOINTS: [{ url: 'https://node.example.com', key: 'x' }] }, 'CHAIN_ENDPOINTS'],
    [{ CHAIN_ENDPOINTS: [{ url: 'https://node.example.com', access: true }] }, 'ACCESS_CLIENT_ID'],
    [{ CHAIN_GENESIS_HASH: '0x12' }, 'CHAIN_GENESIS_HASH'],
    [{ METAGRAPH_MAX_AGE_SECONDS: 59 }, 'METAGRAPH_MAX_AGE_SECONDS'],
    [{ ORIGIN_TIMEOUT_SECONDS: 101 }, 'ORIGIN_TIMEOUT_SECONDS'],
    [{ CHALLENGES: '{' }, 'CHALLENGES must be valid JSON: a table by slug'],
    [{ BLOCKED_UIDS: '0,1' }, 'BLOCKED_UIDS must be valid JSON: a list of uids'],
    [{ BLOCKED_UIDS: '7' }, 'BLOCKED_UIDS must be a list of uids'],
    [{ CHALLENGES: 'null' }, 'CHALLENGES must be a table'],
    [{ CORS_ORIGINS: 'null' }, 'CORS_ORIGINS must be a list'],
    [
      { CHALLENGES: { [`Demo"${'x'.repeat(100)}`]: DEMO } },
      `CHALLENGES."Demo\\"${'x'.repeat(59)}": a slug is`,
    ],
    [{ CHALLENGES: { '': DEMO } }, 'CHALLENGES."": a slug is'],
    [{ BLOCKED_HOTKEYS: [encodeSs58(new Uint8Array(32).fill(1), 0)] }, 'prefix 42'],
    [
      { EXTRA_REGISTERED_HOTKEYS: JSON.stringify([HOTKEY, encodeSs58(new Uint8Array(32), 255)]) },
      'prefix 42',
    ],
    [{ CHALLENGES: [] }, 'CHALLENGES'],
    [{ CHALLENGES: { Demo: DEMO } }, 'slug'],
    [{ CHALLENGES: { demo: 'https://x.example.com' } }, 'CHALLENGES.demo'],
    [{ CHALLENGES: { demo: {} } }, 'CHALLENGES.demo.origin'],
    [{ CHALLENGES: { demo: { origin: 'http://10.0.0.1' } } }, 'CHALLENGES.demo.origin'],
    [{ CHALLENGES: { demo: { origin: 'https://user:secret@x.example.com' } } }, 'CHALLENGES.demo.origin'],
    [{ CHALLENGES: { demo: { origin: 'https://x.example.com/?a=1' } } }, 'CHALLENGES.demo.origin'],
    [{ CHALLENGES: { demo: { ...DEMO, status: 'on' } } }, 'CHALLENGES.demo.status'],
    [{ CHALLENGES: { demo: { ...DEMO, orign: '' } } }, 'CHALLENGES.demo may have only'],
    [{ CHALLENGES: { demo: { ...DEMO, marker: 'a b' } } }, 'CHALLENGES.demo.marker'],
    [{ CHALLENGES: { demo: { ...DEMO, policy: [] } } }, 'CHALLENGES.demo.policy must be a table'],
    [{ CHALLENGES: { demo: { ...DEMO, policy: { env: ['GET x'] } } } }, 'CHALLENGES.demo.policy.env[0]'],
    [{ CHALLENGES: { demo: DEMO }, CHALLENGE_TOKEN_DEMO: 'two words' }, 'CHALLENGE_TOKEN_DEMO'],
    [{ CHALLENGE_TOKEN_LATE: 'two words' }, 'CHALLENGE_TOKEN_LATE'],
    [{ MASTER_ORIGIN: 'http://10.0.0.1:8081' }, 'MASTER_ORIGIN'],
    [{ MASTER_ORIGIN: 'https://user:secret@master.example.com' }, 'MASTER_ORIGIN'],
    [{ MASTER_ORIGIN: 8081 }, 'MASTER_ORIGIN'],
    [{ ORIGIN_TEMPLATE: 'https://origin.example.com' }, 'ORIGIN_TEMPLATE'],
    [{ ORIGIN_TEMPLATE: 'https://{slug}.{slug}.example.com' }, 'ORIGIN_TEMPLATE'],
    [{ ORIGIN_TEMPLATE: 'https://{slug}' }, 'ORIGIN_TEMPLATE'],
    [{ ORIGIN_TEMPLATE: 'https://10.0.0.{slug}/x' }, 'ORIGIN_TEMPLATE'],
    [{ ORIGIN_TEMPLATE: 'http://{slug}.example.com' }, 'ORIGIN_TEMPLATE'],
    [{ ORIGIN_TEMPLATE: 'https://example.com/?c={slug}' }, 'ORIGIN_TEMPLATE'],
    [{ CORS_ORIGINS: 'https://a.example.com' }, 'CORS_ORIGINS'],
    [{ CORS_ORIGINS: ['https://a.example.com/'] }, 'CORS_ORIGINS'],
    [{ CORS_ORIGINS: ['a.example.com'] }, 'CORS_ORIGINS'],
    [{ CORS_ORIGINS: ['https://*.example.com'] }, 'CORS_ORIGINS'],
    [{ CORS_ORIGINS: ['null'] }, 'CORS_ORIGINS'],
  ]
  test.each(FAULTS)('%j', (env, mentions) => {
    const faults = faultsOf(env)
    expect(faults).toHaveLength(1)
    expect(faults[0]).toContain(mentions)
  })

  test('all are named at once, and no value is', () => {
    const faults = faultsOf({
      NETUID: 'hunter2',
      CHAIN_GENESIS_HASH: 'hunter2',
      BLOCKED_HOTKEYS: '["hunter2',
      BLOCKED_HOTKEY: 'hunter2',
      CHALLENGES: { hunter2: 'hunter2' },
    })
    expect(faults).toHaveLength(5)
    expect(faults.filter((fault) => !fault.startsWith('CHALLENGES')).join()).not.toContain('hunter2')
  })
})

describe('names that are nearly one of the settings', () => {
  const MISSPELLED: [name: string, meant: string][] = [
    ['BLOCKED_HOTKEY', 'BLOCKED_HOTKEYS'],
    ['UPLOADS_PER_HUOR', 'UPLOADS_PER_HOUR'],
    ['netuid', 'NETUID'],
    ['NET_UIDS', 'NETUID'],
    ['REQUIRE_REGISTRED_HOTKEY', 'REQUIRE_REGISTERED_HOTKEY'],
    ['ADMIN_TOKENS', 'ADMIN_TOKEN'],
    ['CHALENGE', 'CHALLENGES'],
    ['ACCES_CLIENT_ID', 'ACCESS_CLIENT_ID'],
  ]
  test.each(MISSPELLED)('%s', (name, meant) => {
    for (const value of ['text', 7, false, ['x'], { a: 1 }]) {
      expect(faultsOf({ [name]: value })).toEqual([
        `${name} is no setting: rename it to ${meant}, or remove it`,
      ])
    }
  })

  class Binding {
    get() {}
  }
  const OTHERS: [name: string, value: unknown][] = [
    ['BLOCKED_HOTKEY', new Binding()],
    ['BLOCKED_HOTKEY', ''],
    ['BLOCKED_HOT', 'three letters short'],
    ['CHALLENGE_TOKEN_S', 'a slug behind the name'],
    ['CHALLENGE_TOKEN_DEMO_NXT', 'a slug behind the name'],
    ['LOG_LEVEL', 'debug'],
    ['CF_VERSION', { id: '0f2c', tag: '', timestamp: '' }],
  ]
  test.each(OTHERS)('not %s: %j', (name, value) => {
    const text = typeof value === 'string' ? value.replaceAll(' ', '-') : value
    expect(faultsOf({ [name]: text })).toEqual([])
  })
})

describe('origins', () => {
  const fetch = async () => new Response()
  const url = 'https://demo.origin.example.com'
  const demo = (origin: unknown) => ({ CHALLENGES: { demo: { origin } } })

  const ORIGINS: [origin: unknown, hrefs: readonly string[]][] = [
    [url, [`${url}/`]],
    [[url], [`${url}/`]],
    ['vpc:ORIGIN_VPC', ['vpc:ORIGIN_VPC']],
    [
      ['vpc:ORIGIN_VPC', `${url}/base`],
      ['vpc:ORIGIN_VPC', `${url}/base`],
    ],
  ]
  test.each(ORIGINS)('%j', (origin, hrefs) => {
    const config = configOf({ ...demo(origin), ORIGIN_VPC: { fetch } })
    expect(config.challenges[0]?.origins.map(String)).toEqual(hrefs)
    expect([...config.services.keys()]).toEqual(hrefs.includes('vpc:ORIGIN_VPC') ? ['ORIGIN_VPC'] : [])
    expect(configOf({ CHALLENGES: JSON.stringify(demo(origin).CHALLENGES), ORIGIN_VPC: { fetch } })).toEqual(
      config,
    )
  })

  const REFUSED: [name: string, origin: unknown, binding?: unknown][] = [
    ['an empty list', []],
    ['one twice', [url, `${url}/`]],
    ['nine', Array.from({ length: 9 }, (_, at) => `https://x${at}.example.com`)],
    ['a list in a list', [[url]]],
    ['one that is no origin among others', [url, 'http://10.0.0.1']],
    ['no name', 'vpc:', { fetch }],
    ['a path behind the name', 'vpc:ORIGIN_VPC/x', { fetch }],
    ['no such binding', 'vpc:ORIGIN_VPC'],
    ['a text by that name', 'vpc:ORIGIN_VPC', 'text'],
    ['a binding that is none for a service', 'vpc:ORIGIN_VPC', { get: fetch }],
    ['a table by that name', 'vpc:ORIGIN_VPC', { fetch: 'text' }],
  ]
  test.each(REFUSED)('refused: %s', (_, origin, binding) => {
    const faults = faultsOf({ ...demo(origin), ...(binding === undefined ? {} : { ORIGIN_VPC: binding }) })
    expect(faults).toHaveLength(1)
    expect(faults[0]).toMatch(/^CHALLENGES\.demo\.origin /)
    expect(faults[0]).not.toContain('ORIGIN_VPC')
  })
})

test('without a quota nonces may be kept for less than an hour', () => {
  expect(faultsOf({ NONCE_TTL_SECONDS: 600, UPLOADS_PER_HOUR: 0 })).toEqual([])
})

test('loopback origins may speak plain HTTP', () => {
  for (const host of ['127.0.0.1:9000', 'localhost:9000', '[::1]:9000']) {
    expect(faultsOf({ CHALLENGES: { demo: { origin: `http://${host}/base` } } })).toEqual([])
  }
})
