/**
 * The door the gateway replaces. A signature names no host: as long as the old address takes
 * uploads, a signed upload can be used there too, past everything the gateway checks.
 */

import { submissionsPath } from '../../../miner/sign.ts'
import { type Answer, createAsk } from './ask.ts'
import { type Finding, fail, pass, warn } from './finding.ts'

/** What a server says that has no such route, or wants no client there. */
const SHUT = [403, 404, 410, 421]

/**
 * Without `slug` no challenge of the old server is known, and its 404 may be about the made-up
 * name.
 */
export async function checkOldDoor(door: URL, gateway: URL, slug: string | undefined): Promise<Finding> {
  const ask = createAsk(door)
  const [health, upload, behind, own] = await Promise.all([
    ask('/health'),
    ask(submissionsPath(slug ?? 'any-challenge'), { method: 'POST', body: new Uint8Array() }),
    ask('/version'),
    createAsk(gateway)('/version'),
  ])
  const todo = 'stop that service, or let its tunnel or firewall refuse all requests (docs/moving.md)'
  if (!upload.reached) {
    if (!health.reached) return pass('old-door', `closed (${upload.reason})`)
    return warn('old-door', `uploads get no answer, but GET /health answers ${health.status}`, todo)
  }
  if (leadsTo(upload.headers['location'], gateway))
    return pass('old-door', 'sends all requests to the gateway')
  if (versionOf(behind) !== undefined && versionOf(behind) === versionOf(own)) {
    const says = `${door.host} is the gateway itself; ask about the old server's own address too`
    return pass('old-door', says)
  }
  if (slug === undefined && upload.status === 404) {
    const says = 'uploads to a made-up challenge answer 404, which proves nothing'
    return warn('old-door', says, 'give --challenge SLUG, one the old server has')
  }
  if (upload.status >= 500 || SHUT.includes(upload.status)) {
    const open = health.reached && health.status < 300
    if (!open) return pass('old-door', `takes no uploads (${upload.status})`)
    return warn(
      'old-door',
      `takes no uploads (${upload.status}), but GET /health answers ${health.status}`,
      todo,
    )
  }
  return fail('old-door', `still takes uploads (POST answers ${upload.status})`, todo)
}

/** The id Cloudflare gives a deployed version: no other server answers with it. */
function versionOf(answer: Answer): string | undefined {
  const version = answer.reached && answer.status === 200 ? answer.fields['version'] : undefined
  return typeof version === 'string' && version !== '' ? version : undefined
}

function leadsTo(location: string | undefined, gateway: URL): boolean {
  return location !== undefined && URL.canParse(location) && new URL(location).host === gateway.host
}
