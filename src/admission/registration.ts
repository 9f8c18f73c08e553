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
  if (policy.blockedHotkeys.has(hotkey)) return rejected('blocked_uid', { uid: null })
  if (policy.extraHotkeys.has(hotkey)) return accepted({ uid: undefined, registered: true })
  const metagraph = await source.current(now)
  const uid = metagraph && (uidOf(metagraph, hotkey) ?? source.recall(hotkey, now)?.uid)
  if (metagraph !== undefined && uid !== undefined) return judgeUid(uid, metagraph, now, policy)
  if (!policy.requireRegisteredHotkey) return accepted({ uid: undefined, registered: false })
  if (metagraph === undefined)
    return rejected('metagraph_unavailable', { retry_after_seconds: METAGRAPH_RETRY_SECONDS })
  return rejected('unknown_hotkey', metagraphFacts(metagraph, now))
}

function judgeUid(uid: number, metagraph: Metagraph, now: number, policy: RegistrationPolicy): Standing {
  if (policy.blockedUids.has(uid)) return rejected('blocked_uid', { uid, ...metagraphFacts(metagraph, now) })
  return accepted({ uid, registered: true })
}

/** Gives an unknown hotkey, now that it has proven itself, its one chance: it may have registered after the snapshot. */
export async function secondChance(
  standing: Standing,
  hotkey: string,
  bodyKept: boolean,
  now: number,
  policy: RegistrationPolicy,
  source: MetagraphSource,
): Promise<Standing> {
  if (standing.ok || standing.rejection.code !== 'unknown_hotkey') return standing
  const { facts } = standing.rejection
  const answer = await source.lookup(hotkey, now)
  if (answer === 'unregistered') return standing
  if ('retryAfterSeconds' in answer) {
    return rejected('unknown_hotkey', { ...facts, retry_after_seconds: answer.retryAfterSeconds })
  }
  if (policy.blockedUids.has(answer.uid)) return rejected('blocked_uid', { uid: answer.uid, ...facts })
  // Found, but its body was too much for the room set aside: the next try finds it remembered.
  if (!bodyKept) return rejected('unknown_hotkey', { ...facts, retry_after_seconds: 1 })
  return accepted({ uid: answer.uid, registered: true })
}

function metagraphFacts(metagraph: Metagraph, now: number) {
  return { metagraph_block: metagraph.block, metagraph_age_seconds: ageSeconds(metagraph, now) }
}
