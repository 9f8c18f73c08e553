/**
 * The cron's question to every challenge: are you there? Any answer of the challenge below 500
 * says yes.
 */

import type { Challenge } from '../challenge/challenge.ts'
import { targetAt } from '../origin/bridge.ts'
import type { CallOrigin } from '../origin/origin.ts'
import type { Probe } from './sums.ts'

export const PROBE_TIMEOUT_MS = 5000
/**
 * An invocation has six connections that wait for response headers, and a seventh fetch stands in
 * line while its own timer runs (developers.cloudflare.com/workers/platform/limits). Four of them
 * leave two for the chain and the master.
 */
const AT_A_TIME = 4
/** An invocation has 200 subrequests (wrangler.toml) for the chain, the master and these. */
const MOST_FETCHES = 150

/** By slug, of the active ones; `now` in Unix milliseconds. Never throws. */
export async function probeChallenges(
  call: CallOrigin,
  challenges: readonly Challenge[],
  now: () => number,
): Promise<Record<string, Probe>> {
  const waiting = withinBudget(challenges.filter(({ status }) => status === 'active'))
  const probes: [slug: string, probe: Probe][] = []
  const probeNext = async (): Promise<void> => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const reachable = await answers(call, next)
      probes.push([next.slug, { at: now() / 1000, reachable }])
    }
  }
  await Promise.all(Array.from({ length: AT_A_TIME }, probeNext))
  return Object.fromEntries(probes)
}

/** A challenge that does not answer costs one fetch for each of its origins. */
function withinBudget(challenges: readonly Challenge[]): Challenge[] {
  let fetches = 0
  return challenges.filter(({ origins }) => {
    fetches += origins.length
    return fetches <= MOST_FETCHES
  })
}

async function answers(call: CallOrigin, challenge: Challenge): Promise<boolean> {
  const headers = new Headers({ accept: '*/*' })
  const answer = await call({ ...targetAt(challenge, '/health', ''), method: 'GET', headers })
  if (!answer.delivered) return false
  // A body that is left unread would hold its connection.
  await answer.response.body?.cancel().catch(() => {})
  return answer.response.status < 500
}
