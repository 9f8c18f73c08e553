/**
 * The public routes of the two known challenges, as the Python proxy of each family has them, and
 * what an operator may write.
 */

import { describe, expect, test } from 'vitest'
import { builtInPolicy } from '../../src/challenge/built-in.ts'
import { parsePolicy } from '../../src/challenge/parse-policy.ts'
import { type ChallengePolicy, OPEN_POLICY, planPassThrough } from '../../src/challenge/policy.ts'
import { readPassThrough } from '../../src/challenge/public-path.ts'
import type { ProtocolFamily } from '../../src/protocol/canonical.ts'

const FAMILIES: readonly ProtocolFamily[] = ['platform', 'base']

/**
 * What the policy makes of a request path below the challenge, as the route would: path policy
 * first.
 */
function planned(policy: ChallengePolicy, method: string, path: string) {
  const target = readPassThrough(`http://h/challenges/x${path}`)
  if (!target.ok) return undefined
  const plan = planPassThrough(policy, method, target.value.path)
  return plan.ok ? plan.value : undefined
}

function policyOf(value: unknown): ChallengePolicy {
  const parsed = parsePolicy(value, OPEN_POLICY)
  if (!parsed.ok) throw new Error(parsed.faults.join('; '))
  return parsed.value
}

function faultsOf(value: unknown): readonly string[] {
  const parsed = parsePolicy(value, OPEN_POLICY)
  return parsed.ok ? [] : parsed.faults
}

describe.each(FAMILIES)("prism's public reads in family %s", (family) => {
  /** `undefined` for what is refused here and was normalised there. */
  const READS: [path: string, sent: string | undefined][] = [
    ['/leaderboard', '/v1/leaderboard'],
    ['/leaderboard/', '/v1/leaderboard'],
    ['/leaderboard?x=1', '/v1/leaderboard'],
    ['/architectures', '/v1/architectures'],
    ['/training-variants', '/v1/training-variants'],
    ['/epochs', '/v1/epochs'],
    ['/epochs/current', '/v1/epochs/current'],
    ['/gpu/status', '/v1/gpu/status'],
    ['/health/eval-jobs', '/v1/health/eval-jobs'],
    ['/submissions/1', '/v1/submissions/1'],
    ['/submissions/1/', '/v1/submissions/1'],
    ['/submissions/a%20b', '/v1/submissions/a b'],
    ['/v1/x/', '/v1/x'],
    ['/v1/x', '/v1/x'],
    ['/v1/a/b/c/', '/v1/a/b/c'],
    ['/v1/internal/x', '/v1/internal/x'],
    ['/v1', '/v1'],
    ['/v1/', '/v1/'],
    ['/LEADERBOARD', '/LEADERBOARD'],
    ['/leaderboard-extra', '/leaderboard-extra'],
    ['/leaderboard/extra', '/leaderboard/extra'],
    ['/epochs/1', '/epochs/1'],
    ['/submissions', '/submissions'],
    ['/submissions/', '/submissions/'],
    ['/submissions/1/events', '/submissions/1/events'],
    ['/V1/x/', '/V1/x/'],
    ['/other/', '/other/'],
    ['', '/'],
    ['/health', undefined],
    ['//leaderboard', undefined],
    ['/x/../leaderboard', undefined],
    ['/submissions//1', undefined],
    ['/submissions/a%2fb', undefined],
    ['/v1//x', undefined],
    ['/v1/./x', undefined],
    ['/v1/../x', undefined],
    ['/v1/../internal/x', undefined],
    ['/internal//../v1/x', undefined],
    ['/internal//..', undefined],
  ]
  test.each(READS)('%s', (path, sent) => {
    for (const method of ['GET', 'POST']) {
      expect(planned(builtInPolicy(family, 'prism'), method, path)?.path).toBe(sent)
    }
  })

  test('nothing else is particular about it', () => {
    const changed = { remap: expect.any(Array), absent: expect.any(Array) }
    expect(builtInPolicy(family, 'prism')).toEqual({ ...OPEN_POLICY, ...changed })
  })
})

describe.each(FAMILIES)("agent-challenge's signed routes in family %s", (family) => {
  const ROUTES: [method: string, path: string, signed: boolean, env: boolean][] = [
    ['GET', '/submissions/1/env', true, true],
    ['PUT', '/submissions/1/env', true, true],
    ['PUT', '/submissions/1/env/', true, true],
    ['POST', '/submissions/1/env/confirm-empty', true, true],
    ['POST', '/submissions/1/launch', true, true],
    ['POST', '/submissions/1/launch/', true, true],
    ['POST', '/submissions', true, false],
    ['POST', '/submissions/', true, false],
    ['HEAD', '/submissions/1/env', false, false],
    ['PATCH', '/submissions/1/env', false, false],
    ['POST', '/submissions/1/env', false, false],
    ['DELETE', '/submissions/1/env', false, false],
    ['OPTIONS', '/submissions/1/env', false, false],
    ['GET', '/submissions/1/env/confirm-empty', false, false],
    ['GET', '/submissions/1/launch', false, false],
    ['GET', '/submissions', false, false],
    ['PUT', '/submissions', false, false],
    ['POST', '/v1/submissions', false, false],
    ['POST', '/Submissions', false, false],
    ['PUT', '/submissions/1/ENV', false, false],
    ['PUT', '/submissions/a/b/env', false, false],
    ['PUT', '/submissions/env', false, false],
    ['POST', '/submissions/1', false, false],
    ['POST', '/', false, false],
  ]
  test.each(ROUTES)('%s %s', (method, path, keepsSignature, isEnv) => {
    const plan = planned(builtInPolicy(family, 'agent-challenge'), method, path)
    expect(plan).toEqual({ path, keepsSignature, keepsAuthorization: false, isEnv })
  })

  test.each(['//submissions', '/x/../submissions', '/submissions/a%2fb/env'])(
    '%s is refused before it could be normalised',
    (path) => {
      expect(planned(builtInPolicy(family, 'agent-challenge'), 'POST', path)).toBeUndefined()
    },
  )
})

test.each(['demo', 'constructor', '__proto__', 'PRISM'])('%s has no policy of its own', (slug) => {
  for (const family of FAMILIES) expect(builtInPolicy(family, slug)).toBe(OPEN_POLICY)
})

describe('what only the family base lets through', () => {
  const AGENT: [method: string, path: string, kept: 'signature' | 'authorization' | 'nothing'][] = [
    ['POST', '/submissions/1/review/prepare', 'signature'],
    ['POST', '/submissions/1/review/retry', 'signature'],
    ['POST', '/submissions/1/review/deployed', 'signature'],
    ['POST', '/submissions/1/review/cancel/', 'signature'],
    ['POST', '/submissions/1/eval/prepare', 'signature'],
    ['POST', '/submissions/1/eval/retry', 'signature'],
    ['POST', '/submissions/1/eval/cancel', 'signature'],
    ['POST', '/submissions/1/eval/failure', 'signature'],
    ['GET', '/submissions/1/review/report', 'signature'],
    ['GET', '/submissions/1/review/history', 'signature'],
    ['GET', '/submissions/1/eval/status', 'signature'],
    ['GET', '/submissions/1/review/prepare', 'nothing'],
    ['POST', '/submissions/1/review/report', 'nothing'],
    ['POST', '/submissions/1/review/failure', 'nothing'],
    ['POST', '/submissions/1/eval/deployed', 'nothing'],
    ['POST', '/submissions/1/eval/status', 'nothing'],
    ['POST', '/submissions/1/2/review/prepare', 'nothing'],
    ['GET', '/review/v1/assignments/1', 'authorization'],
    ['GET', '/review/v1/assignments/1/artifact', 'authorization'],
    ['GET', '/review/v1/assignments/1/rules', 'authorization'],
    ['POST', '/review/v1/assignments/1/model-call-started', 'authorization'],
    ['POST', '/review/v1/assignments/1/failure', 'authorization'],
    ['POST', '/review/v1/assignments/1/report', 'authorization'],
    ['POST', '/evaluation/v1/runs/1/progress', 'authorization'],
    ['POST', '/evaluation/v1/runs/1/telemetry-session', 'authorization'],
    ['POST', '/evaluation/v1/runs/1/result', 'authorization'],
    ['POST', '/review/v1/assignments/1', 'nothing'],
    ['POST', '/review/v1/assignments/1/artifact', 'nothing'],
    ['GET', '/review/v1/assignments/1/report', 'nothing'],
    ['GET', '/review/v1/assignments', 'nothing'],
    ['GET', '/evaluation/v1/runs/1/progress', 'nothing'],
    ['GET', '/evaluation/v1/runs/1', 'nothing'],
    ['POST', '/evaluation/v1/runs/1/anything', 'nothing'],
  ]
  test.each(AGENT)('agent-challenge: %s %s keeps %s', (method, path, kept) => {
    const plan = (family: ProtocolFamily) => planned(builtInPolicy(family, 'agent-challenge'), method, path)
    const nothing = { path, keepsSignature: false, keepsAuthorization: false, isEnv: false }
    const keepsSignature = kept === 'signature'
    expect(plan('base')).toEqual({ ...nothing, keepsSignature, keepsAuthorization: kept === 'authorization' })
    expect(plan('platform')).toEqual(nothing)
  })

  const PRISM: [path: string, base: string | undefined, platform: string][] = [
    ['/architectures/a', '/v1/architectures/a', '/architectures/a'],
    ['/architectures/a/b/c', '/v1/architectures/a/b/c', '/architectures/a/b/c'],
    ['/submissions/1/curve', '/v1/submissions/1/curve', '/submissions/1/curve'],
    ['/submissions/1/curve/', '/v1/submissions/1/curve', '/submissions/1/curve/'],
    ['/architectures/a/report', undefined, '/architectures/a/report'],
    ['/architectures/a/report/', undefined, '/architectures/a/report/'],
    ['/architectures/a/b/report', '/v1/architectures/a/b/report', '/architectures/a/b/report'],
    ['/architectures/report', '/v1/architectures/report', '/architectures/report'],
  ]
  test.each(PRISM)('prism: %s is sent as %s', (path, base, platform) => {
    expect(planned(builtInPolicy('base', 'prism'), 'GET', path)?.path).toBe(base)
    expect(planned(builtInPolicy('platform', 'prism'), 'GET', path)?.path).toBe(platform)
  })

  test('a report of an architecture is not found', () => {
    const plan = planPassThrough(builtInPolicy('base', 'prism'), 'GET', '/architectures/a/report')
    expect(plan).toMatchObject({ ok: false, rejection: { code: 'not_found' } })
  })
})

describe('a configured part', () => {
  const builtIn = builtInPolicy('base', 'agent-challenge')
  const over = (value: unknown) => {
    const parsed = parsePolicy(value, builtIn)
    if (!parsed.ok) throw new Error(parsed.faults.join('; '))
    return parsed.value
  }

  const PARTS = ['remap', 'signed', 'bearer', 'env', 'allow', 'cache'] as const
  test.each(PARTS)('%s replaces that part and no other, and an empty list switches it off', (part) => {
    expect(over({ [part]: [] })).toEqual({ ...builtIn, [part]: [] })
  })

  test('a cache rule leaves the signatures where they were', () => {
    const policy = over({ cache: [{ path: '/leaderboard', seconds: 30 }] })
    expect(policy.cache).toHaveLength(1)
    expect({ ...policy, cache: [] }).toEqual(builtIn)
  })

  test('bearer keeps the authorization of its routes only', () => {
    const policy = over({ bearer: ['POST /runs/{id}/result'] })
    expect(planned(policy, 'POST', '/runs/1/result')?.keepsAuthorization).toBe(true)
    expect(planned(policy, 'GET', '/review/v1/assignments/1')?.keepsAuthorization).toBe(false)
  })

  test('allow by itself is nothing at all', () => {
    expect(planned(over({ allow: [] }), 'GET', '/x')).toBeUndefined()
  })
})

describe('a configured policy', () => {
  test('is open where it says nothing', () => {
    expect(policyOf({})).toEqual(OPEN_POLICY)
  })

  test('the first remap that matches counts, and values move', () => {
    const policy = policyOf({
      remap: [
        { from: '/a/{x}/{y}', to: '/{y}/b/{x}' },
        { from: '/a/**', to: '/rest/**' },
        { from: '/', to: '/home' },
      ],
    })
    const sent = (path: string) => planned(policy, 'GET', path)?.path
    expect(['/a/1/2', '/a/1', '/a/1/2/3', '/a/', '/', '/b'].map(sent)).toEqual([
      '/2/b/1',
      '/rest/1',
      '/rest/1/2/3',
      '/a/',
      '/home',
      '/b',
    ])
  })

  test('a remap never leads to a private path', () => {
    const policy = policyOf({ remap: [{ from: '/x/**', to: '/**' }] })
    expect(planned(policy, 'GET', '/x/scores')?.path).toBe('/scores')
    for (const path of ['/x/internal/v1', '/x/health', '/x/Version', '/x/benchmarks/1/run']) {
      expect(planned(policy, 'GET', path)).toBeUndefined()
    }
  })

  const ALLOWED: [method: string, path: string, allowed: boolean][] = [
    ['GET', '/scores/1', true],
    ['GET', '/scores/1/', true],
    ['HEAD', '/scores/1', true],
    ['POST', '/submissions', true],
    ['POST', '/scores/1', false],
    ['HEAD', '/submissions', false],
    ['GET', '/scores', false],
    ['GET', '/scores/1/2', false],
    ['GET', '/v2/scores/1', false],
    ['GET', '/', false],
  ]
  test.each(ALLOWED)('allow-list: %s %s %s', (method, path, allowed) => {
    const policy = policyOf({
      allow: ['GET /scores/{id}', 'POST /submissions'],
      remap: [{ from: '/scores/{id}', to: '/v2/scores/{id}' }],
    })
    expect(planned(policy, method, path) !== undefined).toBe(allowed)
  })

  test('an empty allow-list allows nothing', () => {
    expect(planned(policyOf({ allow: [] }), 'GET', '/')).toBeUndefined()
  })

  test('cache rules are kept for the cache', () => {
    expect(
      policyOf({
        cache: [
          { path: '/scores/{id}', seconds: 30, stale_seconds: 600 },
          { path: '/', seconds: 1 },
        ],
      }).cache,
    ).toEqual([
      { path: ['scores', '{id}'], seconds: 30, staleSeconds: 600 },
      { path: [], seconds: 1, staleSeconds: 0 },
    ])
  })
})

describe('faults', () => {
  const FAULTS: [policy: unknown, fault: string][] = [
    [null, 'policy must be a table'],
    ['open', 'policy must be a table'],
    [[], 'policy must be a table'],
    [{ remaps: [] }, 'policy may have only remap, signed, bearer, env, allow, cache'],
    [{ remap: {} }, 'policy.remap must be a list'],
    [{ signed: 'POST /x' }, 'policy.signed must be a list'],
    [{ remap: ['/a'] }, 'policy.remap[0] must be a table'],
    [{ remap: [{ from: '/a', to: '/b', when: 1 }] }, 'policy.remap[0] may have only'],
    [{ remap: [{ from: 'a', to: '/b' }] }, 'policy.remap[0].from must have a path'],
    [{ remap: [{ from: '/a' }] }, 'policy.remap[0].to must have a path'],
    [{ remap: [{ from: '/a', to: '/{x}' }] }, 'policy.remap[0].to uses'],
    [{ remap: [{ from: '/{x}', to: '/**' }] }, 'policy.remap[0].to uses'],
    [{ remap: [{ from: '/a', to: '/internal' }] }, 'policy.remap[0].to names a path that is never public'],
    [{ remap: [{ from: '/a/{x}', to: '/Internal/{x}' }] }, 'policy.remap[0].to names'],
    [{ remap: [{ from: '/health', to: '/a' }] }, 'policy.remap[0].from names'],
    [{ allow: [{ path: '/a' }] }, 'policy.allow[0] must be methods and a path'],
    [{ allow: ['/a'] }, 'policy.allow[0] must be methods and a path'],
    [{ allow: ['get /a'] }, 'policy.allow[0] must be methods and a path'],
    [{ allow: ['GET, POST /a'] }, 'policy.allow[0] must be methods and a path'],
    [{ allow: ['TRACE /a'] }, 'policy.allow[0] must be methods and a path'],
    [{ allow: ['GET'] }, 'policy.allow[0] must have a path'],
    [{ env: ['GET /a', 'GET /a/../b'] }, 'policy.env[1] must have a path'],
    [{ env: ['GET /a//b'] }, 'policy.env[0] must have a path'],
    [{ env: ['GET /a/'] }, 'policy.env[0] must have a path'],
    [{ env: ['GET /a;b'] }, 'policy.env[0] must have a path'],
    [{ env: ['GET /%61'] }, 'policy.env[0] must have a path'],
    [{ env: ['GET /**/a'] }, 'policy.env[0] must have a path'],
    [{ env: ['GET /*'] }, 'policy.env[0] must have a path'],
    [{ env: ['GET /{x}/{x}'] }, 'policy.env[0] must have a path'],
    [{ env: ['GET /{X}'] }, 'policy.env[0] must have a path'],
    [{ env: ['GET /a{x}'] }, 'policy.env[0] must have a path'],
    [{ env: ['GET /a?b=1'] }, 'policy.env[0] must have a path'],
    [{ cache: ['/a'] }, 'policy.cache[0] must be a table'],
    [
      { cache: [{ path: '/a', seconds: 0 }] },
      'policy.cache[0].seconds must be a whole number from 1 to 86400',
    ],
    [{ cache: [{ path: '/a', seconds: '30' }] }, 'policy.cache[0].seconds'],
    [{ cache: [{ path: '/a', seconds: 1.5 }] }, 'policy.cache[0].seconds'],
    [{ cache: [{ path: '/a', seconds: 86_401 }] }, 'policy.cache[0].seconds'],
    [{ cache: [{ path: '/a', seconds: 1, stale_seconds: -1 }] }, 'policy.cache[0].stale_seconds'],
    [{ cache: [{ path: '/a', seconds: 1, stale_seconds: 604_801 }] }, 'policy.cache[0].stale_seconds'],
    [{ cache: [{ path: '/a', seconds: 1, stale: 1 }] }, 'policy.cache[0] may have only'],
  ]
  test.each(FAULTS)('%j', (policy, fault) => {
    const faults = faultsOf(policy)
    expect(faults).toHaveLength(1)
    expect(faults[0]).toContain(fault)
  })

  test('all are named at once, by position, and no value is', () => {
    const faults = faultsOf({
      hunter2: 1,
      remap: [{ from: 'hunter2', to: 'hunter2' }],
      signed: ['hunter2'],
      allow: 'hunter2',
      cache: [{ path: 'hunter2', seconds: 'hunter2' }],
    })
    expect(faults).toHaveLength(7)
    expect(faults.join()).not.toContain('hunter2')
  })
})
