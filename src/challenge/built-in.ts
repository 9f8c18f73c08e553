/**
 * The built-in policies of two challenges, as the Python proxy of each protocol family treats
 * them. They are data, written as an operator writes the policy of any other challenge.
 *
 * That proxy resolves dots and double slashes before it compares. This gateway has refused such
 * paths by then, so only the slash at the end is left to ignore.
 */

import type { ProtocolFamily } from '../protocol/canonical.ts'
import { parsePolicy } from './parse-policy.ts'
import { type ChallengePolicy, OPEN_POLICY } from './policy.ts'
import { parseTemplate } from './template.ts'

interface BuiltIn {
  /** As `CHALLENGES.<slug>.policy`. */
  readonly policy: Readonly<Record<string, readonly unknown[]>>
  /** Paths that the gateway answers with 404. */
  readonly absent?: readonly string[]
}

/** `/a/b` is asked for and `/v1/a/b` is sent. */
const belowV1 = (path: string) => ({ from: path, to: `/v1${path}` })

/** Dashboards ask prism without /v1. The first rule only takes the slash off the end. */
const PRISM_READS = [
  { from: '/v1/**', to: '/v1/**' },
  ...[
    '/leaderboard',
    '/architectures',
    '/training-variants',
    '/epochs',
    '/epochs/current',
    '/gpu/status',
    '/health/eval-jobs',
    '/submissions/{id}',
  ].map(belowV1),
]

/** Where agent-challenge takes a miner's environment values. */
const AGENT_ENV = [
  'GET,PUT /submissions/{id}/env',
  'POST /submissions/{id}/env/confirm-empty',
  'POST /submissions/{id}/launch',
]
/** Its miners sign for the challenge, which verifies a message of its own. */
const AGENT_SIGNED = ['POST /submissions', ...AGENT_ENV]

const PLATFORM: Readonly<Record<string, BuiltIn>> = {
  prism: { policy: { remap: PRISM_READS } },
  'agent-challenge': { policy: { signed: AGENT_SIGNED, env: AGENT_ENV } },
}

const BASE: Readonly<Record<string, BuiltIn>> = {
  prism: {
    policy: { remap: [...PRISM_READS, ...['/architectures/**', '/submissions/{id}/curve'].map(belowV1)] },
    absent: ['/architectures/{id}/report'],
  },
  'agent-challenge': {
    policy: {
      signed: [
        ...AGENT_SIGNED,
        ...['prepare', 'retry', 'deployed', 'cancel'].map((step) => `POST /submissions/{id}/review/${step}`),
        ...['prepare', 'retry', 'cancel', 'failure'].map((step) => `POST /submissions/{id}/eval/${step}`),
        ...['report', 'history'].map((view) => `GET /submissions/{id}/review/${view}`),
        'GET /submissions/{id}/eval/status',
      ],
      env: AGENT_ENV,
      bearer: [
        'GET /review/v1/assignments/{id}',
        ...['artifact', 'rules'].map((part) => `GET /review/v1/assignments/{id}/${part}`),
        ...['model-call-started', 'failure', 'report'].map(
          (step) => `POST /review/v1/assignments/{id}/${step}`,
        ),
        ...['progress', 'telemetry-session', 'result'].map((step) => `POST /evaluation/v1/runs/{id}/${step}`),
      ],
    },
  },
}

/** By family and slug; docs/challenges.md shows them. */
export const BUILT_IN: Readonly<Record<ProtocolFamily, Readonly<Record<string, BuiltIn>>>> = {
  platform: PLATFORM,
  base: BASE,
}

/**
 * The policy of a challenge that has none configured; a fault in the tables is a bug, and the
 * tests see it.
 */
export function builtInPolicy(family: ProtocolFamily, slug: string): ChallengePolicy {
  const table = BUILT_IN[family]
  const builtIn = Object.hasOwn(table, slug) ? table[slug] : undefined
  if (builtIn === undefined) return OPEN_POLICY
  const parsed = parsePolicy(builtIn.policy, OPEN_POLICY)
  if (!parsed.ok) throw new Error(parsed.faults.join('; '))
  return { ...parsed.value, absent: (builtIn.absent ?? []).flatMap((path) => [parseTemplate(path) ?? []]) }
}
