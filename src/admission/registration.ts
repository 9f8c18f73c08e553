/**
 * Registration: whether a hotkey may upload, and with which uid.
 *
 * A hotkey is known by its text. Without a usable snapshot nobody is called unregistered: the gateway says that it does not know.
 */

import { ageSeconds, type Metagraph, uidOf } from '../protocol/metagraph.ts'
import { rejected } from '../protocol/problem.ts'
import { accepted, type Result } from '../protocol/result.ts'
import type { MetagraphSource } from './ports.ts'

export interface RegistrationPolicy {
  readonly netuid: number
  readonly requireRegisteredHotkey: boolean
  readonly blockedUids: ReadonlySet<number>
  readonly blockedHotkeys: ReadonlySet<string>
  readonly extraHotkeys: ReadonlySet<string>
}

interface Member {
  readonly uid: number | undefined
  readonly registered: boolean
}

/** Whether a hotkey may upload: as whom, or with which refusal. */
export type Standing = Result<Member>

/** A cron period is five minutes, but the next request may bring a snapshot already. */
const METAGRAPH_RETRY_SECONDS = 30

/**
 * A blocked hotkey before all else, whoever it is: `blocked_uid`, which a client of the reference knows as a refusal for good, without
 * a uid, so that it neither needs a metagraph nor is looked up on the chain.
 * Then the allow-list, then the metagraph; blocked uids stay blocked even where registration is not required (reference 2.6).
 */
export async function standingOf(
  hotkey: string,
  now: number,
  policy: RegistrationPolicy,
  source: MetagraphSource,
): Promise<Standing> {
  const who = { hotkey, netuid: policy.netuid }
  if (policy.blockedHotkeys.has(hotkey)) return rejected('blocked_uid', { ...who, uid: null })
  if (policy.extraHotkeys.has(hotkey)) return accepted({ uid: undefined, registered: true })
  const metagraph = await source.current(now)
  const uid = metagraph && (uidOf(metagraph, hotkey) ?? source.recall(hotkey, now)?.uid)
  if (metagraph !== undefined && uid !== undefined) {
    if (!policy.blockedUids.has(uid)) return accepted({ uid, registered: true })
    return rejected('blocked_uid', { ...who, uid, ...metagraphFacts(metagraph, now) })
  }
  if (!policy.requireRegisteredHotkey) return accepted({ uid: undefined, registered: false })
  if (metagraph === undefined)
    return rejected('metagraph_unavailable', { retry_after_seconds: METAGRAPH_RETRY_SECONDS })
  return rejected('unknown_hotkey', { ...who, ...metagraphFacts(metagraph, now), looked_up: false })
}

/**
 * Asks the chain for an unknown hotkey that has proven itself: it may have registered after the snapshot. Every other standing stays
 * as it is. `looked_up` tells a hotkey that the chain does not know from one that could not be asked for.
 */
export async function lookUpUnknown(
  standing: Standing,
  now: number,
  policy: RegistrationPolicy,
  source: MetagraphSource,
): Promise<Standing> {
  if (standing.ok || standing.rejection.code !== 'unknown_hotkey') return standing
  const { looked_up, ...facts } = standing.rejection.facts
  const answer = await source.lookup(facts.hotkey, now)
  if (answer === 'unregistered') return rejected('unknown_hotkey', { ...facts, looked_up: true })
  if ('retryAfterSeconds' in answer) {
    return rejected('unknown_hotkey', { ...facts, looked_up, retry_after_seconds: answer.retryAfterSeconds })
  }
  if (policy.blockedUids.has(answer.uid)) return rejected('blocked_uid', { ...facts, uid: answer.uid })
  return accepted({ uid: answer.uid, registered: true })
}

function metagraphFacts(metagraph: Metagraph, now: number) {
  return { metagraph_block: metagraph.block, metagraph_age_seconds: ageSeconds(metagraph, now) }
}
