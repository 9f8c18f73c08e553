/**
 * The last good snapshot: in this isolate's memory, and in KV for all of them.
 *
 * KV answers late and sometimes wrongly (another place may see an old value, or none, for a minute), so what it says never
 * displaces a younger memo. Writes are rare on purpose: the free plan has 1,000 a day.
 */

import { ageSeconds } from '../protocol/metagraph.ts'
import { sameMembers } from './continuity.ts'
import type { ChainTarget } from './recording.ts'
import { parseSnapshot, type Snapshot, serializeSnapshot } from './snapshot.ts'

/** How long the memo answers without a look at KV; also the least time KV itself caches a read. */
const MEMO_SECONDS = 30

/** What is used of `KVNamespace`. */
export interface TextStore {
  get(key: string, options: { type: 'text'; cacheTtl: number }): Promise<string | null>
  put(key: string, value: string): Promise<void>
}

export type WriteOutcome =
  | 'first_snapshot'
  | 'members_changed'
  | 'half_of_maximum_age'
  | 'same_members'
  | 'kv_write_failed'

export interface SnapshotStore {
  /** What this isolate holds, however old; asks nobody. */
  peek(): Snapshot | undefined
  /** The youngest snapshot known, however old; looks at KV when the last look is 30 s ago. Never throws. */
  read(now: number): Promise<Snapshot | undefined>
  /** The same, after a look at KV. */
  reread(now: number): Promise<Snapshot | undefined>
  /** Makes the snapshot this isolate's, and KV's when members changed or KV's is older than half the maximum age. */
  keep(snapshot: Snapshot, now: number): Promise<WriteOutcome>
}

export function createSnapshotStore(
  kv: TextStore,
  target: ChainTarget,
  maxAgeSeconds: number,
): SnapshotStore {
  const key = `metagraph:${target.netuid}`
  let memo: Snapshot | undefined
  let stored: Snapshot | undefined
  let readAt = Number.NEGATIVE_INFINITY

  const store: SnapshotStore = {
    peek: () => memo,

    async read(now) {
      const fresh = now >= readAt && now - readAt < MEMO_SECONDS
      return fresh ? memo : store.reread(now)
    },

    async reread(now) {
      try {
        const text = await kv.get(key, { type: 'text', cacheTtl: MEMO_SECONDS })
        stored = text === null ? undefined : parseSnapshot(text, target)
        if (stored !== undefined && stored.block >= (memo?.block ?? 0)) memo = stored
      } catch {
        // KV is down: the memo serves while it is young enough.
      }
      readAt = now
      return memo
    },

    async keep(snapshot, now) {
      if (snapshot.block >= (memo?.block ?? 0)) memo = snapshot
      const reason = reasonToWrite(stored, snapshot, now, maxAgeSeconds)
      if (reason === 'same_members') return reason
      try {
        await kv.put(key, serializeSnapshot(snapshot, target.genesisHash))
        stored = snapshot
        return reason
      } catch {
        return 'kv_write_failed'
      }
    },
  }
  return store
}

function reasonToWrite(
  stored: Snapshot | undefined,
  snapshot: Snapshot,
  now: number,
  maxAgeSeconds: number,
): WriteOutcome {
  if (stored === undefined) return 'first_snapshot'
  if (!sameMembers(stored, snapshot)) return 'members_changed'
  return ageSeconds(stored, now) >= maxAgeSeconds / 2 ? 'half_of_maximum_age' : 'same_members'
}
