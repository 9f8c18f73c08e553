/**
 * The last good snapshot: in this isolate's memory, and in KV for all of them.
 *
 * Writes are rare on purpose: the free plan has 1,000 a day.
 */

import { createKvMemo, type KvMemo, type TextStore } from '../kv-memo.ts'
import { ageSeconds } from '../protocol/metagraph.ts'
import { sameMembers } from './continuity.ts'
import type { ChainTarget } from './recording.ts'
import { parseSnapshot, type Snapshot, serializeSnapshot } from './snapshot.ts'

export type WriteOutcome =
  | 'first_snapshot'
  | 'members_changed'
  | 'block_went_back'
  | 'half_of_maximum_age'
  | 'same_members'
  | 'kv_write_failed'

export interface SnapshotStore extends Pick<KvMemo<Snapshot>, 'peek' | 'read' | 'reread'> {
  /**
   * Puts the snapshot into this isolate's memory. KV gets it when members changed, when KV's is
   * older than half the maximum age, or when KV's has a higher block: that one was of another
   * chain or false, and would keep out this one's successors in every other isolate.
   */
  keep(snapshot: Snapshot, now: number): Promise<WriteOutcome>
}

export function createSnapshotStore(
  kv: TextStore,
  target: ChainTarget,
  maxAgeSeconds: number,
): SnapshotStore {
  const memo = createKvMemo(kv, `metagraph:${target.netuid}`, (text) => parseSnapshot(text, target))
  return {
    peek: memo.peek,
    read: memo.read,
    reread: memo.reread,
    async keep(snapshot, now) {
      memo.hold(snapshot, now)
      const reason = reasonToWrite(memo.stored(), snapshot, now, maxAgeSeconds)
      if (reason === 'same_members') return reason
      const written = await memo.store(snapshot, serializeSnapshot(snapshot, target.genesisHash))
      return written ? reason : 'kv_write_failed'
    },
  }
}

function reasonToWrite(
  stored: Snapshot | undefined,
  snapshot: Snapshot,
  now: number,
  maxAgeSeconds: number,
): WriteOutcome {
  if (stored === undefined) return 'first_snapshot'
  if (!sameMembers(stored, snapshot)) return 'members_changed'
  if (stored.block > snapshot.block) return 'block_went_back'
  return ageSeconds(stored, now) >= maxAgeSeconds / 2 ? 'half_of_maximum_age' : 'same_members'
}
