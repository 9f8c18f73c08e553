/**
 * The registry of one isolate: a memo in memory, KV behind it, and the master behind KV.
 *
 * The cron asks the master, and so does a request for an unknown challenge: at most once a minute
 * in one isolate, and in all isolates together, which take turns through the lease. When the
 * master fails, the last good registry serves, however old, and states its age: challenges stay
 * reachable without their master. KV writes are rare on purpose (1,000 a day on the free plan).
 *
 * State is values only: a request may read what another one wrote, never wait for another one's
 * I/O.
 */

import { sha512 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import { createKvMemo, type TextStore } from '../kv-memo.ts'
import { isRecord, parseJson } from '../protocol/json.ts'
import type { Result } from '../protocol/result.ts'
import { type PublishedRegistry, parseRegistry } from './published.ts'

/** Least time between two questions to the master because of unknown challenges. */
export const MISS_PAUSE_SECONDS = 60
/** KV learns this late that an unchanged registry was confirmed: twice the cron's period. */
const CONFIRM_SECONDS = 600

/** The master's answer, or why there is none. */
export type MasterAnswer = Result<{ readonly text: string }, { readonly cause: string }>

export interface RegistryOptions {
  readonly netuid: number
  readonly kv: TextStore
  /** Asks the master for its registry. Never throws. */
  readonly ask: () => Promise<MasterAnswer>
  /** Whether a minute has passed since any isolate was last told so. Never throws. */
  readonly takeTurn: (now: number) => Promise<boolean>
  /** Hears of every question to the master; for the log. */
  readonly onSync: (outcome: SyncOutcome) => void
}

export interface SyncOutcome {
  readonly trigger: 'cron' | 'miss'
  /**
   * `stored`: KV has the new registry. `unchanged`: it was confirmed. `kept`: the previous one
   * stays, or KV could not be written.
   */
  readonly outcome: 'stored' | 'unchanged' | 'kept'
  readonly reason: string
  /** How many the serving registry has. */
  readonly challenges: number
}

export interface Registry extends PublishedRegistry {
  /** Unix seconds when the master last said so. */
  readonly fetchedAt: number
  /** Strong, of the public document. */
  readonly etag: string
}

export interface KvRegistry {
  /** The last good registry, however old. Never throws. */
  current(now: number): Promise<Registry | undefined>
  /** The same, after the master was asked, when it is time. Never throws. */
  afterMiss(now: number): Promise<Registry | undefined>
  /** The cron's. Never throws. */
  refresh(now: number): Promise<SyncOutcome>
}

export function createRegistry(options: RegistryOptions): KvRegistry {
  const memo = createKvMemo(options.kv, `registry:${options.netuid}`, parseStored)
  let missedAt = Number.NEGATIVE_INFINITY

  async function sync(trigger: SyncOutcome['trigger'], now: number): Promise<SyncOutcome> {
    await memo.reread(now)
    const answer = await options.ask()
    const published = answer.ok ? parseRegistry(parseJson(answer.value.text)) : undefined
    if (published === undefined) return conclude(trigger, 'kept', answer.ok ? 'malformed' : answer.cause)
    const registry = toRegistry(published, now)
    memo.hold(registry, now)
    const stored = memo.stored()
    const changed = stored === undefined || stored.text !== registry.text
    const confirmed = stored !== undefined && elapsed(stored.fetchedAt, now) < CONFIRM_SECONDS
    if (!changed && confirmed) return conclude(trigger, 'unchanged', 'same')
    const text = JSON.stringify({ fetchedAt: now, registry: JSON.parse(registry.text) })
    return (await memo.store(registry, text))
      ? conclude(trigger, 'stored', changed ? 'changed' : 'confirmed')
      : conclude(trigger, 'kept', 'kv_write_failed')
  }

  function conclude(
    trigger: SyncOutcome['trigger'],
    outcome: SyncOutcome['outcome'],
    reason: string,
  ): SyncOutcome {
    const concluded = { trigger, outcome, reason, challenges: memo.peek()?.challenges.length ?? 0 }
    options.onSync(concluded)
    return concluded
  }

  return {
    current: memo.read,

    async afterMiss(now) {
      if (elapsed(missedAt, now) < MISS_PAUSE_SECONDS) return memo.peek()
      missedAt = now
      // When it is another isolate's turn, its result may already be in KV.
      if (!(await options.takeTurn(now))) return memo.reread(now)
      await sync('miss', now)
      return memo.peek()
    },

    refresh: (now) => sync('cron', now),
  }
}

function parseStored(text: string): Registry | undefined {
  const value = parseJson(text)
  if (!isRecord(value)) return undefined
  const { fetchedAt, registry } = value
  if (typeof fetchedAt !== 'number' || !Number.isSafeInteger(fetchedAt) || fetchedAt < 0) return undefined
  const published = parseRegistry(registry)
  return published && toRegistry(published, fetchedAt)
}

function toRegistry(published: PublishedRegistry, fetchedAt: number): Registry {
  return {
    ...published,
    fetchedAt,
    etag: `"${bytesToHex(sha512(utf8ToBytes(published.text))).slice(0, 32)}"`,
  }
}

/** A time in the future means that the clock was set back; no question waits for it. */
function elapsed(since: number, now: number): number {
  return since > now ? Number.POSITIVE_INFINITY : now - since
}
