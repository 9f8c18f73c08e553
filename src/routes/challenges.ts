/**
 * `GET /v1/challenges`: where uploads can go. The active challenges, each with the full URL of its
 * upload route.
 */

import type { RouteContext } from './context.ts'

/** How long a client may keep the list. An isolate's memo of the registry can be as old. */
const CACHE_SECONDS = 30

export async function getChallenges(c: RouteContext): Promise<Response> {
  const { origin } = new URL(c.req.raw.url)
  const known = await c.env.gateway.challenges.known(c.env.receivedAt)
  const challenges = known
    .filter(({ status }) => status === 'active')
    .map(({ slug, name }) => ({ slug, name, upload_url: `${origin}/v1/challenges/${slug}/submissions` }))
  return c.json({ challenges }, 200, { 'cache-control': `public, max-age=${CACHE_SECONDS}` })
}
