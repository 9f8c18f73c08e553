/** The doctor against the real gateway: well, and with one thing wrong at a time. */

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { startChain } from '../../tools/dev/chain.ts'
import { startChallenge } from '../../tools/dev/challenge.ts'
import { startMaster } from '../../tools/dev/master.ts'
import type { Deployment } from '../../tools/ops/deployment.ts'
import { examine } from '../../tools/ops/doctor/examine.ts'
import type { Finding } from '../../tools/ops/doctor/finding.ts'
import { type Meddle, type Meddler, startMeddler } from '../support/meddler.ts'
import { ADMIN_TOKEN, startWorld, type TestWorld, TOKEN } from '../support/world.ts'

let world: TestWorld
/**
 * The world's gateway, which lists the challenge that is well and none of those that misbehave.
 */
let front: Meddler

beforeAll(async () => {
  world = await startWorld()
  front = await startMeddler(world.gateway.url, listing('demo'))
})
afterAll(async () => {
  await front.close()
  await world.close()
})

/** A gateway that lists these challenges for everyone. */
function listing(...slugs: readonly string[]): Meddle {
  const challenges = slugs.map((slug) => ({ slug, name: slug, upload_url: '' }))
  return (target) => (target === '/v1/challenges' ? { status: 200, body: { challenges } } : undefined)
}

const SECRETS = { CHALLENGE_TOKEN_DEMO: TOKEN, ADMIN_TOKEN }

/** The world's own configuration, with one challenge unless told otherwise. */
function deploymentOf(vars: Readonly<Record<string, unknown>> = {}, environment?: string): Deployment {
  const { demo } = { ...(world.gateway.vars['CHALLENGES'] as Record<string, object>) }
  const env = { ...world.gateway.vars, CHALLENGES: { demo }, ...vars }
  return {
    environment,
    env: environment === undefined ? { ...env, ...SECRETS } : env,
    secrets: new Map(Object.entries(SECRETS)),
    routes: ['127.0.0.1'],
    crons: ['*/5 * * * *'],
    openAddresses: [],
  }
}

interface Asked {
  readonly gateway?: string
  readonly deployment?: Deployment
  readonly slug?: string | undefined
  readonly oldDoors?: readonly string[]
  readonly now?: () => number
}

function diagnose(asked: Asked = {}): Promise<readonly Finding[]> {
  const { deployment } = asked
  return examine({
    gateway: new URL(asked.gateway ?? front.url),
    deployment,
    held: deployment && { names: new Set(deployment.secrets.keys()) },
    slug: 'slug' in asked ? asked.slug : 'demo',
    oldDoors: (asked.oldDoors ?? []).map((url) => new URL(url)),
    now: asked.now ?? (() => Date.now() / 1000),
    idle: async () => {},
  })
}

/**
 * What was found besides passes, as `verdict check`. Worlds that tests start for themselves list a
 * challenge without a token, too, which is no news.
 */
function amiss(findings: readonly Finding[]): string[] {
  return findings
    .filter(({ verdict, says }) => verdict !== 'pass' && !says.includes(' of tokenless: '))
    .map(({ verdict, check }) => `${verdict} ${check}`)
}

async function examineListed(
  slugs: readonly string[],
  asked: Asked = {},
  more: Meddle = () => undefined,
): Promise<readonly Finding[]> {
  const listed = listing(...slugs)
  const meddled = await startMeddler(world.gateway.url, (...args) => more(...args) ?? listed(...args))
  try {
    return await diagnose({ ...asked, gateway: meddled.url })
  } finally {
    await meddled.close()
  }
}

describe('a gateway that is well', () => {
  test('from outside', async () => {
    const findings = await diagnose()
    expect(amiss(findings)).toEqual([])
    expect(findings.map(({ check }) => check)).toEqual([
      'health',
      'ready',
      'snapshot-age',
      'clock',
      'limits',
      'admin',
      'private-paths',
      'raw-paths',
      'body-limit',
      'dry-run',
      'development-keys',
      'edge',
      'public-pages',
    ])
  })

  test('and from inside: only the missing marker is worth a look', async () => {
    const findings = await diagnose({ deployment: deploymentOf(), slug: undefined })
    expect(amiss(findings)).toEqual(['warn marker:demo'])
    expect(findings.map(({ check }) => check)).toContain('token:demo')
  })

  test('no challenge is known: what needs one is not passed over in silence', async () => {
    const findings = await examineListed([], { slug: undefined })
    expect(amiss(findings)).toEqual(['warn body-limit', 'warn dry-run'])
    expect(findings.find(({ check }) => check === 'dry-run')?.todo).toMatch(
      /^give --challenge SLUG, or --local/,
    )
  })

  test('none is configured: the advice does not name an option that was given', async () => {
    const deployment = deploymentOf({ CHALLENGES: {} })
    const findings = await examineListed([], { deployment, slug: undefined })
    for (const name of ['body-limit', 'dry-run'])
      expect(findings.find(({ check }) => check === name)?.todo).not.toMatch(/--local|--env/)
  })

  test('a challenge it does not have: the limit was not tried, and the advice is not to deploy again', async () => {
    const findings = await diagnose({ slug: 'nope' })
    expect(amiss(findings)).toEqual(['warn body-limit', 'fail dry-run'])
    for (const { todo } of findings.filter(({ verdict }) => verdict !== 'pass'))
      expect(todo).toMatch(/CHALLENGES, or ORIGIN_TEMPLATE/)
  })

  test('it changed nothing: no upload arrived, no nonce was spent', async () => {
    await diagnose({ deployment: deploymentOf() })
    expect(world.received).toEqual([])
    expect(await world.gateway.listLedgers()).toEqual([])
  })
})

const json = (status: number, body: object) => ({ status, body })
const own = { 'content-type': 'application/problem+json', 'x-request-id': 'x' }
const report = (checks: Readonly<Record<string, string>>) =>
  json(200, {
    checks: Object.entries({ challenge: 'pass', challenge_token: 'pass', signature: 'pass', ...checks }).map(
      ([check, result]) =>
        result === 'pass' ? { check, result } : { check, result: 'fail', problem: { code: result } },
    ),
  })
const time = (ahead: number) => json(200, { server_time: Math.floor(Date.now() / 1000) + ahead })
const on =
  (path: string, meddled: ReturnType<typeof json>): Meddle =>
  (target) =>
    target.startsWith(path) ? meddled : undefined

const BROKEN: [name: string, meddle: Meddle, found: string[]][] = [
  ['another server at the address', () => ({ status: 200, body: 'hello' }), ['fail health']],
  ['no metagraph', on('/ready', json(503, { status: 'unavailable' })), ['fail ready']],
  [
    'a metagraph that is not refreshed',
    on('/ready', json(200, { metagraph: { block: 1, hotkeys: 9, age_seconds: 1100 } })),
    ['warn snapshot-age'],
  ],
  [
    'endpoints that contradict each other, so that there is no metagraph',
    on(
      '/ready',
      json(503, {
        status: 'unavailable',
        metagraph: null,
        contradicting_endpoints: ['one.example.com', 'two.example.com'],
      }),
    ),
    ['fail ready', 'fail chain'],
  ],
  ['a clock a minute ahead', on('/v1/time', time(60)), ['warn clock']],
  ['a clock beyond the window', on('/v1/time', time(-400)), ['fail clock']],
  ['no clock', on('/v1/time', json(500, {})), ['fail clock']],
  [
    'nonces forgotten within the window',
    on(
      '/v1/limits',
      json(200, { max_upload_bytes: 7_500_000, signature_ttl_seconds: 300, nonce_ttl_seconds: 599 }),
    ),
    ['fail limits'],
  ],
  ['an admin route that answers', on('/v1/admin/challenges', json(200, [])), ['fail admin']],
  [
    'an admin route that the challenge answers',
    on('/admin', json(401, { detail: 'Unauthorized' })),
    ['fail admin'],
  ],
  ['public weights', on('/challenges/demo/internal/', json(200, {})), ['fail private-paths']],
  ['a public bridge', on('/internal/v1/bridge', json(405, {})), ['fail private-paths']],
  ['public weights in capitals', on('/challenges/demo/Internal', json(200, {})), ['fail private-paths']],
  [
    'an encoded slash that gets through',
    (target) => (target.includes('%2finternal') ? json(404, { detail: 'Not Found' }) : undefined),
    ['fail raw-paths'],
  ],
  [
    'a backslash that gets through',
    (target) => (target.includes('\\internal') ? json(401, {}) : undefined),
    ['fail raw-paths'],
  ],
  [
    'no limit on bodies',
    (target, method) => (method === 'POST' && target.endsWith('/submissions') ? json(201, {}) : undefined),
    ['fail body-limit'],
  ],
  [
    'a gateway older than the dry run',
    (target) =>
      target.endsWith('/verify') ? { status: 404, body: { code: 'not_found' }, headers: own } : undefined,
    ['warn dry-run'],
  ],
  [
    'too many dry runs',
    (target) =>
      target.endsWith('/verify') ? { status: 429, body: { code: 'rate_limited' }, headers: own } : undefined,
    ['warn dry-run'],
  ],
  [
    'signatures verified over another text',
    (target) => (target.endsWith('/verify') ? report({ signature: 'invalid_signature' }) : undefined),
    ['fail dry-run'],
  ],
  [
    'a challenge without its token',
    (target) =>
      target.endsWith('/verify') ? report({ challenge_token: 'challenge_token_unavailable' }) : undefined,
    ['fail dry-run'],
  ],
  [
    'a registration that cannot be judged',
    (target) => (target.endsWith('/verify') ? report({ registration: 'metagraph_unavailable' }) : undefined),
    ['warn dry-run'],
  ],
]

/** As Cloudflare's edge refuses before a Worker is asked. */
const edge = { server: 'cloudflare', 'cf-ray': 'canary-ray', 'content-type': 'text/plain' }
const bic = { status: 403, text: 'error code: 1010', headers: edge }

describe('Cloudflare in front of the gateway', () => {
  const CALLERS: [
    name: string,
    refused: (userAgent: string | undefined) => boolean,
    found: string[],
    says: RegExp,
  ][] = [
    [
      'urllib',
      (agent) => agent?.startsWith('Python-urllib/') === true,
      ['warn edge'],
      /turns away Python-urllib: /,
    ],
    [
      'a client without a name',
      (agent) => agent === undefined,
      ['warn edge'],
      /turns away a client without a name: /,
    ],
    ['the doctor itself', () => true, ['fail health'], /^GET \/health: /],
  ]
  test.each(CALLERS)('refuses %s: it is named, with the ray', async (_, refused, found, says) => {
    const meddled = await startMeddler(front.url, (_target, _method, headers) =>
      refused(headers['user-agent']) ? bic : undefined,
    )
    try {
      const findings = await diagnose({ gateway: meddled.url })
      expect(amiss(findings)).toEqual(found)
      const text = findings.find(({ verdict }) => verdict !== 'pass')?.says
      expect(text).toMatch(says)
      expect(text).toContain(
        'Cloudflare refused it before the gateway was asked (403, error code 1010, cf-ray canary-ray)',
      )
    } finally {
      await meddled.close()
    }
  })

  test('that refuses admin and private paths by a rule of its own is no open door', async () => {
    const meddled = await startMeddler(front.url, (target) =>
      /admin|internal/i.test(target) ? bic : undefined,
    )
    try {
      expect(amiss(await diagnose({ gateway: meddled.url }))).toEqual([])
    } finally {
      await meddled.close()
    }
  })
})

describe('a URL that is no gateway', () => {
  test('a challenge, whose health is fine: said once, and no word of taking anything off the air', async () => {
    const challenge = await startChallenge({ slug: 'demo', token: TOKEN })
    try {
      const findings = await diagnose({ gateway: challenge.url })
      expect(amiss(findings)).toEqual(['fail health'])
      expect(findings).toHaveLength(1)
      expect(findings[0]?.says).toMatch(/is no gateway/)
      expect(findings[0]?.todo).toMatch(/^check --gateway/)
    } finally {
      await challenge.close()
    }
  })
})

describe('challenges that the gateway lists', () => {
  test('the first is tried when none is given, also when the local configuration has none', async () => {
    expect(amiss(await examineListed(['demo'], { slug: undefined }))).toEqual([])
    const findings = await examineListed(['demo'], {
      slug: undefined,
      deployment: deploymentOf({ CHALLENGES: {} }),
    })
    expect(amiss(findings)).toEqual(['warn challenges'])
    expect(findings.find(({ check }) => check === 'dry-run')?.verdict).toBe('pass')
  })

  test('one that has no token is named', async () => {
    const findings = await examineListed(['demo', 'tokenless'])
    expect(amiss(findings)).toEqual([])
    const found = findings.find(({ verdict }) => verdict === 'fail')
    expect(found?.check).toBe('dry-run')
    expect(found?.says).toBe('challenge_token of tokenless: challenge_token_unavailable')
    expect(found?.todo).toBe('npm run secrets -- --env NAME CHALLENGE_TOKEN_TOKENLESS')
  })

  test('one that shows the pages of its framework is named', async () => {
    const docs = on('/challenges/demo/openapi.json', json(200, { openapi: '3.1.0' }))
    const findings = await examineListed(['demo'], {}, docs)
    expect(amiss(findings)).toEqual(['warn public-pages'])
    expect(findings.find(({ check }) => check === 'public-pages')?.says).toBe(
      'open to the world: /challenges/demo/openapi.json',
    )
  })
})

describe('chain endpoints', () => {
  const endpoints = async (...urls: readonly string[]) => {
    const findings = await diagnose({ deployment: deploymentOf({ CHAIN_ENDPOINTS: urls }) })
    return findings.find(({ check }) => check === 'chain')
  }

  test('that agree pass, one that is silent is a warning, two that contradict each other are named', async () => {
    const other = await startChain()
    const liar = await startChain({ genesisHash: `0x${'ab'.repeat(32)}` })
    try {
      expect(await endpoints(world.chain.url, other.url)).toMatchObject({ verdict: 'pass' })
      const silent = await endpoints(world.chain.url, 'http://127.0.0.1:9')
      expect(silent).toMatchObject({ verdict: 'warn' })
      expect(silent?.says).toContain('no answer from 127.0.0.1:9; the others agree')
      const contradicting = await endpoints(world.chain.url, liar.url)
      expect(contradicting).toMatchObject({ verdict: 'fail' })
      expect(contradicting?.says).toMatch(
        new RegExp(`^${new URL(world.chain.url).host} and ${new URL(liar.url).host} contradict each other`),
      )
      expect(await endpoints('http://127.0.0.1:9')).toMatchObject({ verdict: 'warn' })
    } finally {
      await Promise.all([other.close(), liar.close()])
    }
  })
})

describe('the two protocol families', () => {
  test('a challenge of the other family: PROTOCOL_FAMILY is named', async () => {
    const base = await startChallenge({ slug: 'demo', token: TOKEN, family: 'base' })
    try {
      const findings = await diagnose({
        deployment: deploymentOf({ CHALLENGES: { demo: { origin: base.url } } }),
      })
      const token = findings.find(({ check }) => check === 'token:demo')
      expect(token).toMatchObject({ verdict: 'fail' })
      expect(token?.says).toBe('refused with 400 under X-Platform-* headers, and accepted under X-Base-*')
      expect(token?.todo).toMatch(/^set PROTOCOL_FAMILY = "base"/)
    } finally {
      await base.close()
    }
  })
})

describe('one thing wrong', () => {
  test.each(BROKEN)('%s', async (_, meddle, found) => {
    const broken = await startMeddler(front.url, meddle)
    try {
      const findings = await diagnose({ gateway: broken.url })
      expect(amiss(findings)).toEqual(found)
      for (const { todo } of findings.filter(({ verdict }) => verdict !== 'pass')) expect(todo).toBeTruthy()
    } finally {
      await broken.close()
    }
  })

  test('nothing answers there', async () => {
    const findings = await diagnose({ gateway: 'http://127.0.0.1:9' })
    expect(amiss(findings)).toEqual(['fail health'])
    expect(findings[0]?.says).toContain('ECONNREFUSED')
  })

  const WRONG: [name: string, vars: Record<string, unknown>, found: string[]][] = [
    ['another subnet than configured', { NETUID: 7 }, ['fail deployed']],
    ['other limits than configured', { MAX_UPLOAD_BYTES: 1000 }, ['warn deployed']],
    ['no challenge', { CHALLENGES: {} }, ['warn challenges']],
  ]
  test.each(WRONG)('%s', async (_, vars, found) => {
    expect(amiss(await diagnose({ deployment: deploymentOf(vars) }))).toEqual(expect.arrayContaining(found))
  })

  test('every fault of a configuration has its line', async () => {
    const broken = { ...deploymentOf({ NETUID: 'x', NONCE_TTL_SECONDS: 300 }) }
    expect(amiss(await diagnose({ deployment: broken }))).toEqual([
      'fail configuration',
      'fail configuration',
    ])
  })
})

describe('each challenge through its origin', () => {
  const FAULTS: [slug: string, found: string[], why: RegExp][] = [
    ['refused', ['fail challenge:refused'], /does not answer/],
    ['reset', ['fail challenge:reset'], /does not answer/],
    ['garbage', ['fail challenge:garbage'], /does not answer/],
    ['tunnel', ['fail challenge:tunnel'], /edge 530/],
    ['login', ['fail challenge:login'], /access login/],
    ['failing', ['warn challenge:failing', 'warn marker:failing', 'fail token:failing'], /answers 503/],
  ]
  test.each(FAULTS)('%s', async (slug, found, why) => {
    const all = { ...(world.gateway.vars['CHALLENGES'] as Record<string, object>) }
    const deployment = deploymentOf({ CHALLENGES: { [slug]: all[slug] } })
    const secrets = new Map([
      [`CHALLENGE_TOKEN_${slug.toUpperCase()}`, TOKEN],
      ['ADMIN_TOKEN', ADMIN_TOKEN],
    ])
    const findings = await diagnose({ deployment: { ...deployment, secrets } })
    expect(amiss(findings)).toEqual(found)
    expect(findings.find(({ check }) => check === `challenge:${slug}`)?.says).toMatch(why)
  })

  test('a token the challenge does not take', async () => {
    const secrets = new Map([
      ['CHALLENGE_TOKEN_DEMO', 'canary-wrong-token'],
      ['ADMIN_TOKEN', ADMIN_TOKEN],
    ])
    const findings = await diagnose({ deployment: { ...deploymentOf(), secrets } })
    expect(amiss(findings)).toEqual(['warn marker:demo', 'fail token:demo'])
  })

  test('a slug the challenge does not answer to', async () => {
    const { demo } = { ...(world.gateway.vars['CHALLENGES'] as Record<string, object>) }
    const secrets = new Map([
      ['CHALLENGE_TOKEN_DEMO2', TOKEN],
      ['ADMIN_TOKEN', ADMIN_TOKEN],
    ])
    const deployment = { ...deploymentOf({ CHALLENGES: { demo2: demo } }), secrets }
    expect(amiss(await diagnose({ deployment }))).toContain('fail token:demo2')
  })

  test('a marker that the challenge does not send', async () => {
    const { demo } = { ...(world.gateway.vars['CHALLENGES'] as Record<string, object>) }
    const deployment = deploymentOf({ CHALLENGES: { demo: { ...demo, marker: 'X-Challenge-Origin' } } })
    const findings = await diagnose({ deployment })
    expect(amiss(findings)).toEqual(['fail challenge:demo'])
    expect(findings.find(({ check }) => check === 'challenge:demo')?.todo).toContain('marker')
  })
})

describe('production is stricter', () => {
  test('a local world fails there by everything that is fine here', async () => {
    const findings = amiss(await diagnose({ deployment: deploymentOf({}, 'production') }))
    expect(findings).toEqual([
      'fail development-keys',
      'fail origins',
      'fail secrets',
      'fail secrets',
      'warn marker:demo',
    ])
  })

  test('strangers may upload: a failure in production, a warning in staging, fine here', async () => {
    const open = await startWorld({ vars: { REQUIRE_REGISTERED_HOTKEY: false } })
    try {
      const dryRun = async (environment?: string) => {
        const deployment = deploymentOf({ REQUIRE_REGISTERED_HOTKEY: false }, environment)
        const findings = await diagnose({ gateway: open.gateway.url, deployment })
        return amiss(findings).filter((each) => /dry-run|registration/.test(each))
      }
      expect(await dryRun('production')).toEqual(['fail dry-run', 'fail registration'])
      expect(await dryRun('staging')).toEqual(['warn dry-run', 'warn registration'])
      expect(await dryRun()).toEqual([])
    } finally {
      await open.close()
    }
  })
})

/**
 * Of the challenges that the gateway itself lists, `truncated` answers 200 to whatever it is
 * asked.
 */
const SHOWS_PAGES = 'warn public-pages'

describe('really broken worlds', () => {
  const WORLDS: [name: string, vars: Record<string, unknown>, found: string[]][] = [
    [
      'without a chain',
      { CHAIN_ENDPOINTS: ['http://127.0.0.1:1'] },
      ['fail ready', 'warn dry-run', SHOWS_PAGES],
    ],
    ['with a configuration at fault', { NONCE_TTL_SECONDS: 10 }, ['fail ready']],
  ]
  test.each(WORLDS)('%s', async (_, vars, found) => {
    const broken = await startWorld({ vars })
    try {
      expect(amiss(await diagnose({ gateway: broken.gateway.url }))).toEqual(found)
    } finally {
      await broken.close()
    }
  })
})

describe('with a master', () => {
  test('a registered challenge that has no origin is named', async () => {
    const master = await startMaster({ adminToken: ADMIN_TOKEN })
    const vars = { MASTER_ORIGIN: master.url }
    const ruled = await startWorld({ vars })
    try {
      for (const [slug, status] of [
        ['vision', 'active'],
        ['sleeping', 'inactive'],
        ['demo', 'active'],
      ]) {
        await fetch(`${master.url}/v1/admin/challenges`, {
          method: 'POST',
          headers: { 'content-type': 'application/json', 'x-admin-token': ADMIN_TOKEN },
          body: JSON.stringify({ slug, status }),
        })
      }
      await ruled.gateway.runCron()
      const findings = await diagnose({ gateway: ruled.gateway.url, deployment: deploymentOf(vars) })
      const failed = findings.filter(
        ({ verdict, says }) => verdict === 'fail' && !says.includes(' of tokenless: '),
      )
      expect(failed).toEqual([
        {
          check: 'challenges',
          verdict: 'fail',
          says: 'vision is registered but has no origin',
          todo: 'set ORIGIN_TEMPLATE or CHALLENGES.vision',
        },
      ])
      const outside = await diagnose({ gateway: ruled.gateway.url, slug: 'vision' })
      expect(amiss(outside)).toEqual(['warn body-limit', 'fail dry-run', SHOWS_PAGES])
    } finally {
      await Promise.all([ruled.close(), master.close()])
    }
  })

  test('its challenges are examined too', async () => {
    const master = await startMaster({ adminToken: ADMIN_TOKEN })
    const vars = { MASTER_ORIGIN: master.url, ORIGIN_TEMPLATE: 'http://127.0.0.1:9/{slug}' }
    const ruled = await startWorld({ vars })
    try {
      const none = await diagnose({ gateway: ruled.gateway.url, deployment: deploymentOf(vars) })
      expect(none.find(({ check }) => check === 'registry')?.says).toMatch(/^0 challenges registered/)
      await fetch(`${master.url}/v1/admin/challenges`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-admin-token': ADMIN_TOKEN },
        body: JSON.stringify({ slug: 'registered', status: 'active' }),
      })
      await ruled.gateway.runCron()
      const deployment = deploymentOf({ ...vars, CHALLENGES: {} })
      const findings = await diagnose({ gateway: ruled.gateway.url, deployment, slug: undefined })
      expect(amiss(findings)).toContain('fail challenge:registered')
      expect(
        findings.filter(({ says }) => says.includes('CHALLENGE_TOKEN_REGISTERED is missing')),
      ).toHaveLength(1)
    } finally {
      await Promise.all([ruled.close(), master.close()])
    }
  })

  test('a master that never answered', async () => {
    const vars = { MASTER_ORIGIN: 'http://127.0.0.1:9' }
    const ruled = await startWorld({ vars })
    try {
      const found = async (challenges: object) =>
        amiss(
          await diagnose({
            gateway: ruled.gateway.url,
            deployment: deploymentOf({ ...vars, ...challenges }),
          }),
        )
      expect(await found({})).toContain('warn registry')
      expect(await found({ CHALLENGES: {} })).toContain('fail registry')
    } finally {
      await ruled.close()
    }
  })
})

describe('the old door', () => {
  const ofAnother = (target: string) =>
    target === '/version' ? json(200, { version: '0.1.0', netuid: 100 }) : undefined
  const unknown = { detail: 'Challenge not found' }
  const DOORS: [name: string, meddle: Meddle, slug: string | undefined, found: string][] = [
    ['takes uploads', ofAnother, 'demo', 'fail still takes uploads (POST answers 401)'],
    [
      'sends all requests to the gateway',
      () => ({ status: 308, headers: { location: `${front.url}/v1/challenges/demo/submissions` } }),
      'demo',
      'pass sends all requests to the gateway',
    ],
    ['is closed', () => json(404, {}), 'demo', 'pass takes no uploads (404)'],
    [
      'lives, and takes none',
      (target) => (target === '/health' ? json(200, {}) : json(404, {})),
      'demo',
      'warn takes no uploads (404), but GET /health answers 200',
    ],
    [
      'wants to know the challenge',
      (target) => (target.includes('/any-challenge/') ? json(404, unknown) : ofAnother(target)),
      undefined,
      'warn uploads to a made-up challenge answer 404, which proves nothing',
    ],
    [
      'needs no challenge to say yes',
      () => json(401, {}),
      undefined,
      'fail still takes uploads (POST answers 401)',
    ],
    ['tunnel is gone', () => json(530, {}), undefined, 'pass takes no uploads (530)'],
    [
      'has no version',
      (target) => (target === '/version' ? json(404, {}) : undefined),
      'demo',
      'fail still takes uploads (POST answers 401)',
    ],
  ]
  test.each(DOORS)('%s', async (_, meddle, slug, found) => {
    const door = await startMeddler(world.gateway.url, meddle)
    try {
      expect(await doorFound([door.url], slug)).toEqual([found])
    } finally {
      await door.close()
    }
  })

  test('nothing listens there', async () => {
    expect(await doorFound(['http://127.0.0.1:9'], 'demo')).toEqual(['pass closed (ECONNREFUSED)'])
  })

  test('the gateway under a second name is no old door; another gateway is', async () => {
    const second = await startMeddler(world.gateway.url, () => undefined)
    const other = await startWorld({ vars: { NETUID: 7 } })
    try {
      const [same, another] = await doorFound([second.url, other.gateway.url], 'demo')
      expect(same).toMatch(
        /^pass 127\.0\.0\.1:\d+ is the gateway itself; ask about the old server's own address too$/,
      )
      expect(another).toBe('fail still takes uploads (POST answers 401)')
    } finally {
      await Promise.all([second.close(), other.close()])
    }
  })

  async function doorFound(oldDoors: readonly string[], slug: string | undefined): Promise<string[]> {
    const findings =
      slug === undefined ? await examineListed([], { oldDoors, slug }) : await diagnose({ oldDoors, slug })
    return findings
      .filter(({ check }) => check === 'old-door')
      .map(({ verdict, says }) => `${verdict} ${says}`)
  }
})
