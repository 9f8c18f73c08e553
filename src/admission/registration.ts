/**
 * Registration: whether a hotkey may upload, and with which uid.
 *
 * A hotkey is known by its text: another SS58 spelling of a registered key is an unknown hotkey.
 * Where registration is not required any spelling may upload, and `nameOf` makes sure that blocks,
 * quota and nonces of the key still apply. Without a usable snapshot the gateway does not call any
 * hotkey unregistered: it answers that it cannot tell.
 */

import { decodeSs58, encodeSs58 } from '../crypto/ss58.ts'
import type { UnknownHotkeyFacts } from '../protocol/facts.ts'
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
  /** The block at which a lookup found the hotkey; absent when the snapshot has it. */
  readonly foundAtBlock?: number
}

/** Whether a hotkey may upload: as whom, or with which refusal. */
export type Standing = Result<Member>

/**
 * The name under which the lists, blocked uids, quota and nonce ledger know a hotkey. Where
 * registration is not required that is the metagraph's spelling (SS58 prefix 42) of the key: each
 * key has thousands of spellings, and each would otherwise have a quota and nonces of its own.
 */
export function nameOf(hotkey: string, policy: Pick<RegistrationPolicy, 'requireRegisteredHotkey'>): string {
  const address = policy.requireRegisteredHotkey ? undefined : decodeSs58(hotkey)
  return address === undefined ? hotkey : encodeSs58(address.publicKey)
}

/** A cron period is five minutes, but the next request may bring a snapshot already. */
const METAGRAPH_RETRY_SECONDS = 30

/**
 * Blocked hotkeys come first, so that they need no metagraph and are not looked up on the chain.
 * Their refusal is `blocked_uid` without a uid: clients of the Python proxy that this gateway
 * replaces take that code as final. Then comes the allow-list, then the metagraph. Blocked uids
 * stay blocked even where registration is not required.
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
  const place = metagraph && placeOf(name, now, metagraph, source)
  if (metagraph !== undefined && place !== undefined) {
    const { uid } = place
    const isSpelledSo = name === hotkey
    if (!policy.blockedUids.has(uid))
      return accepted(isSpelledSo ? { ...place, registered: true } : { uid: undefined, registered: false })
    return rejected('blocked_uid', { ...who, uid, ...metagraphFacts(metagraph, now) })
  }
  if (!policy.requireRegisteredHotkey) return accepted({ uid: undefined, registered: false })
  if (metagraph === undefined)
    return rejected('metagraph_unavailable', { retry_after_seconds: METAGRAPH_RETRY_SECONDS })
  return rejected('unknown_hotkey', { ...who, ...metagraphFacts(metagraph, now), looked_up: false })
}

/** The hotkey's uid in the snapshot, or where an earlier lookup found it. */
function placeOf(
  hotkey: string,
  now: number,
  metagraph: Metagraph,
  source: MetagraphSource,
): (Pick<Member, 'foundAtBlock'> & { readonly uid: number }) | undefined {
  const uid = uidOf(metagraph, hotkey)
  if (uid !== undefined) return { uid }
  const found = source.recall(hotkey, now)
  return found && { uid: found.uid, foundAtBlock: found.block }
}

interface Proven {
  /** As judged when the headers arrived. */
  readonly before: Standing
  readonly hotkey: string
  readonly now: number
  readonly client: string
  readonly policy: RegistrationPolicy
  readonly source: MetagraphSource
}

/**
 * The standing of a hotkey whose signature verified, after its body was read. Meanwhile it may
 * have lost its uid, or the snapshot may have grown too old. A hotkey that a lookup found keeps
 * its place for this request, unless a younger snapshot lacks it.
 */
export async function standingAfter(proven: Proven): Promise<Standing> {
  const { before, hotkey, now, policy, source } = proven
  const standing = await standingOf(hotkey, now, policy, source)
  if (standing.ok || standing.rejection.code !== 'unknown_hotkey') return standing
  const { facts } = standing.rejection
  const foundAt = before.ok ? before.value.foundAtBlock : undefined
  if (foundAt === undefined) return lookUpUnknown(facts, proven)
  return foundAt > facts.metagraph_block ? before : comeBack(facts, METAGRAPH_RETRY_SECONDS)
}

/**
 * Asks the chain: the hotkey may have registered after the snapshot. `looked_up` says whether the
 * chain was asked.
 */
async function lookUpUnknown(
  facts: UnknownHotkeyFacts,
  { now, client, policy, source }: Proven,
): Promise<Standing> {
  const answer = await source.lookup(facts.hotkey, now, client)
  if (answer === 'unregistered') return rejected('unknown_hotkey', { ...facts, looked_up: true })
  if ('retryAfterSeconds' in answer) {
    return comeBack(facts, answer.retryAfterSeconds)
  }
  const { looked_up: _, ...snapshot } = facts
  if (policy.blockedUids.has(answer.uid)) return rejected('blocked_uid', { ...snapshot, uid: answer.uid })
  return accepted({ uid: answer.uid, registered: true })
}

function comeBack(facts: UnknownHotkeyFacts, seconds: number) {
  return rejected('unknown_hotkey', { ...facts, retry_after_seconds: seconds })
}

function metagraphFacts(metagraph: Metagraph, now: number) {
  return { metagraph_block: metagraph.block, metagraph_age_seconds: ageSeconds(metagraph, now) }
}
