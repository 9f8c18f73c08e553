/**
 * The two challenges whose public routes the reference treats in its own way, to the letter of reference 3.6 and 3.7.
 *
 * The reference resolves dots and double slashes before it compares; here a path that has them was refused before (design
 * section 8), so what is left of that is the slash at the end, which does not count.
 */

import { parsePolicy } from './parse-policy.ts'
import { type ChallengePolicy, OPEN_POLICY } from './policy.ts'

const BUILT_IN: ReadonlyMap<string, ChallengePolicy> = new Map([
  // Dashboards ask without /v1. The first rule only takes the slash off the end.
  [
    'prism',
    parsed({
      remap: [
        { from: '/v1/**', to: '/v1/**' },
        { from: '/leaderboard', to: '/v1/leaderboard' },
        { from: '/architectures', to: '/v1/architectures' },
        { from: '/training-variants', to: '/v1/training-variants' },
        { from: '/epochs', to: '/v1/epochs' },
        { from: '/epochs/current', to: '/v1/epochs/current' },
        { from: '/gpu/status', to: '/v1/gpu/status' },
        { from: '/health/eval-jobs', to: '/v1/health/eval-jobs' },
        { from: '/submissions/{id}', to: '/v1/submissions/{id}' },
      ],
    }),
  ],
  // Its miners sign for the challenge itself, which verifies a message of its own.
  [
    'agent-challenge',
    parsed({
      signed: [
        'POST /submissions',
        'GET,PUT /submissions/{id}/env',
        'POST /submissions/{id}/env/confirm-empty',
        'POST /submissions/{id}/launch',
      ],
      env: [
        'GET,PUT /submissions/{id}/env',
        'POST /submissions/{id}/env/confirm-empty',
        'POST /submissions/{id}/launch',
      ],
    }),
  ],
])

/** The policy of a challenge that has none configured. */
export function builtInPolicy(slug: string): ChallengePolicy {
  return BUILT_IN.get(slug) ?? OPEN_POLICY
}

/** A fault here is a bug, and the tests see it. */
function parsed(policy: object): ChallengePolicy {
  const result = parsePolicy(policy)
  if (!result.ok) throw new Error(result.faults.join('; '))
  return result.value
}
