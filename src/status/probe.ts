/**
 * The cron's question to every challenge: are you there? Any answer of its own below 500 says yes.
 */

import type { Challenge } from '../challenge/challenge.ts'
import { originUrls } from '../origin/bridge.ts'
import type { CallOrigin } from '../origin/origin.ts'
import type { Probe } from './object.ts'

export const PROBE_TIMEOUT_MS = 5000
/** An invocation has 50 subrequests (wrangler.toml) for the chain, the master and these. */
const MOST_PROBES = 32

/** By slug, of the active ones; `now` in Unix seconds. Never throws. */
export async function probeChallenges(
  call: CallOrigin,
  challenges: readonly Challenge[],
  now: number,
): Promise<Record<string, Probe>> {
  const active = challenges.filter(({ status }) => status === 'active').slice(0, MOST_PROBES)
  const probes = active.map(async (challenge): Promise<[string, Probe]> => {
    const { slug, marker } = challenge
    const headers = new Headers({ accept: '*/*' })
    const answer = await call({ ...originUrls(challenge, '/health', ''), method: 'GET', headers, marker })
    if (!answer.delivered) return [slug, { at: now, reachable: false }]
    // A body that nobody reads would hold its connection.
    await answer.response.body?.cancel().catch(() => {})
    return [slug, { at: now, reachable: answer.response.status < 500 }]
  })
  return Object.fromEntries(await Promise.all(probes))
}
