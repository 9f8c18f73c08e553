/**
 * Registration: whether a hotkey may upload, and with which uid.
 *
 * A hotkey is known by its text: another SS58 spelling of a registered key is an unknown hotkey. Only where registration is not required
 * any spelling may upload, and then `nameOf` keeps it from passing by what stands against its key.
 * Without a usable snapshot no hotkey is called unregistered: the gateway says that it does not know.
 */

import { decodeSs58, encodeSs58 } from '../crypto/ss58.ts'
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

/**
 * What lists, blocked uids, quota and nonce ledger know a hotkey by. Where registration is not required that is the metagraph's spelling
 * (SS58 prefix 42) of its key, whatever was sent: each key has thousands of spellings, and each would be a newcomer to all of these.
 */
export function nameOf(hotkey: string, policy: Pick<RegistrationPolicy, 'requireRegisteredHotkey'>): string {
  const address = policy.requireRegisteredHotkey ? undefined : decodeSs58(hotkey)
  return address === undefined ? hotkey : encodeSs58(address.publicKey)
}

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
  const name = nameOf(hotkey, policy)
  if (policy.blockedHotkeys.has(name)) return rejected('blocked_uid', { ...who, uid: null })
  if (policy.extraHotkeys.has(name)) return accepted({ uid: undefined, registered: true })
  const metagraph = await source.current(now)
  const uid = metagraph && (uidOf(metagraph, name) ?? source.recall(name, now)?.uid)
  if (metagraph !== undefined && uid !== undefined) {
    const isSpelledSo = name === hotkey
    if (!policy.blockedUids.has(uid))
      return accepted({ uid: isSpelledSo ? uid : undefined, registered: isSpelledSo })
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
  { receivedAt, client }: { readonly receivedAt: number; readonly client: string },
  policy: RegistrationPolicy,
  source: MetagraphSource,
): Promise<Standing> {
  if (standing.ok || standing.rejection.code !== 'unknown_hotkey') return standing
  const { looked_up, ...facts } = standing.rejection.facts
  const answer = await source.lookup(facts.hotkey, receivedAt, client)
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
