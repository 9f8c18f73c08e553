/**
 * Whether Cloudflare lets miners' scripts through to the gateway. Browser Integrity Check is on in
 * every zone by default and refuses clients by their name before the Worker is asked:
 * https://developers.cloudflare.com/waf/tools/browser-integrity-check/
 */

import { type Finding, pass, warn } from './finding.ts'
import type { Patient } from './outside.ts'
import { explain } from './refusal.ts'

const CALLERS: readonly (readonly [who: string, userAgent: string])[] = [
  ['Python-urllib', 'Python-urllib/3.13'],
  ['a client without a name', ''],
]

export async function checkEdge({ ask }: Patient): Promise<Finding> {
  const tried = await Promise.all(
    CALLERS.map(async ([who, name]) => ({
      who,
      answer: await ask('/health', { headers: { 'user-agent': name } }),
    })),
  )
  const refused = tried.filter(({ answer }) => !answer.reached || answer.status !== 200)
  const [first] = refused
  if (first === undefined)
    return pass('edge', 'lets scripts through: Python-urllib, and clients without a name')
  const says = `turns away ${refused.map(({ who }) => who).join(' and ')}: ${explain(first.answer)}`
  const todo =
    'switch Browser Integrity Check off for this hostname (docs/deploy.md, "Both zones"); until then a miner\'s client must send a User-Agent of its own'
  return warn('edge', says, todo)
}
