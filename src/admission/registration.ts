/**
 * Registration: whether a hotkey may upload, and with which uid.
 *
 * A hotkey is known by its text: another SS58 spelling of a registered key is an unknown hotkey. Only where registration is not required
 * any spelling may upload, and then `nameOf` keeps it from passing by what stands against its key.
 * Without a usable snapshot no hotkey is called unregistered: the gateway says that it does not know.
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
 * Then the allow-list, then the metagraph; blocked uids stay blocked even where registration is not required.
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

/** In the snapshot, or where an earlier lookup found the hotkey. */
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
 * The standing of a hotkey that has proven itself, now that its body is here: it may have lost its place meanwhile, or its uid, or the
 * snapshot may have grown too old. One that a lookup found keeps its place for this request, unless a younger snapshot knows better.
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

/** Asks the chain: the hotkey may have registered after the snapshot. `looked_up` says whether the chain was asked. */
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
