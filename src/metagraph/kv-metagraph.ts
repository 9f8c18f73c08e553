/**
 * The metagraph of one isolate, wired: a memo over KV over the chain.
 *
 * The chain is asked by the cron, by the first request that finds no usable snapshot (it waits), by a request that finds an old
 * one (it does not wait), and for hotkeys the snapshot does not know. Whatever fails, the last good snapshot serves until its
 * age, by the chain's clock, ends it.
 *
 * State is values only: a request may read what another one wrote, never wait for another one's I/O.
 */

import type { Lease, RefreshTerms } from '../lease/rules.ts'
import { ageSeconds, type Metagraph } from '../protocol/metagraph.ts'
import { type Attempt, type Chain, consultForSnapshot } from './consult.ts'
import type { FaultReason } from './fault.ts'
import {
  createFreshRegistrations,
  type LookupAnswer,
  type LookupOutcome,
  type Place,
} from './fresh-registrations.ts'
import { acceptPushed } from './push.ts'
import type { Snapshot } from './snapshot.ts'
import { createSnapshotStore, type TextStore, type WriteOutcome } from './snapshot-store.ts'

/** For a refresh nobody waits for: the platform ends background work 30 s after the response. */
const REFRESH_LIMIT_MS = 20_000
/** For one that an upload waits for; with KV and the lease it stays within 5 s. */
const INLINE_LIMIT_MS = 4000
/** Between two inline refreshes of one subnet. */
const INLINE_PAUSE_SECONDS = 10
/** Between two background refreshes, of one isolate and of one subnet. */
const BACKGROUND_PAUSE_SECONDS = 60
/** How often a request that waits for another's refresh looks whether it is done. */
const POLL_MS = 50
/** The cron does not ask for leave. */
const ALWAYS: RefreshTerms = { sinceClaimSeconds: 0, sinceSuccessSeconds: 0 }

export interface MetagraphOptions extends Chain {
  readonly kv: TextStore
  readonly lease: Lease
  readonly maxAgeSeconds: number
  readonly cronPeriodSeconds: number
  /** Hears of every refresh and push that was not refused for being early; for the log. */
  readonly onRefresh: (outcome: RefreshOutcome) => void
  /** Hears of every lookup that asked the chain. */
  readonly onLookup: (outcome: LookupOutcome) => void
  /** How long the cron's and the background refresh may take; 20 s unless told. */
  readonly refreshLimitMs?: number
}

export interface RefreshOutcome {
  readonly trigger: 'cron' | 'inline' | 'overdue' | 'push'
  /** `stored`: KV has the new snapshot. `unchanged`: it was confirmed. `kept`: the previous one stays. */
  readonly outcome: 'stored' | 'unchanged' | 'kept'
  readonly reason: WriteOutcome | FaultReason | 'not_our_turn' | 'no_endpoint_ready'
  /** Of the snapshot that serves now. */
  readonly endpoint: string | undefined
  readonly block: number | undefined
  /** What was wrong with the endpoints that were asked in vain. */
  readonly faults: readonly Attempt[]
}

export interface KvMetagraph {
  /** The usable snapshot at `now`, or undefined. With none at hand it refreshes first, for at most 5 s. Never throws. */
  current(now: number): Promise<Metagraph | undefined>
  /** A fresh registration found before and not in the snapshot yet; asks nobody. */
  recall(hotkey: string, now: number): Place | undefined
  /** Looks for a hotkey that is not in the snapshot; only after its signature was verified. Never throws. */
  lookup(hotkey: string, now: number): Promise<LookupAnswer>
  /** The cron's refresh. Never throws. */
  refresh(now: number): Promise<RefreshOutcome>
  /** Begins a refresh when the cron seems dead or a lookup found someone; hand the promise to `waitUntil`. Undefined: none is due. */
  refreshIfOverdue(now: number): Promise<RefreshOutcome> | undefined
  /** Takes a recording from an operator. Never throws. */
  push(value: unknown, now: number, confirmLoss: boolean): Promise<RefreshOutcome>
}

type Trigger = RefreshOutcome['trigger']

export function createMetagraph(options: MetagraphOptions): KvMetagraph {
  const { lease, maxAgeSeconds, cronPeriodSeconds } = options
  const store = createSnapshotStore(options.kv, options, maxAgeSeconds)
  const fresh = createFreshRegistrations(options, lease, options.onLookup)
  const overdue = 2 * cronPeriodSeconds
  const refreshLimitMs = options.refreshLimitMs ?? REFRESH_LIMIT_MS
  let inline = { startedAt: Number.NEGATIVE_INFINITY, done: true }
  let backgroundAt = Number.NEGATIVE_INFINITY

  const usable = (snapshot: Snapshot | undefined, now: number): Snapshot | undefined =>
    snapshot !== undefined && ageSeconds(snapshot, now) <= maxAgeSeconds ? snapshot : undefined

  async function refresh(
    trigger: Trigger,
    terms: RefreshTerms,
    now: number,
    limitMs: number,
  ): Promise<RefreshOutcome> {
    const claim = await lease.claimRefresh(now, terms)
    if (!claim.granted) return conclude(trigger, 'kept', 'not_our_turn', [])
    const previous = await store.reread(now)
    const { value, faults, coolDowns } = await consultForSnapshot(
      options,
      previous,
      claim.coolDowns,
      now,
      limitMs,
    )
    await lease.report(now, { succeeded: value !== undefined, coolDowns })
    if (value === undefined)
      return conclude(trigger, 'kept', faults[0]?.reason ?? 'no_endpoint_ready', faults)
    return keep(trigger, value, now, faults)
  }

  async function keep(
    trigger: Trigger,
    snapshot: Snapshot,
    now: number,
    faults: readonly Attempt[],
  ): Promise<RefreshOutcome> {
    const reason = await store.keep(snapshot, now)
    const outcome = reason === 'same_members' ? 'unchanged' : reason === 'kv_write_failed' ? 'kept' : 'stored'
    return conclude(trigger, outcome, reason, faults)
  }

  function conclude(
    trigger: Trigger,
    outcome: RefreshOutcome['outcome'],
    reason: RefreshOutcome['reason'],
    faults: readonly Attempt[],
  ): RefreshOutcome {
    const serving = store.peek()
    const concluded = { trigger, outcome, reason, endpoint: serving?.endpoint, block: serving?.block, faults }
    if (reason !== 'not_our_turn') options.onRefresh(concluded)
    return concluded
  }

  /** One request refreshes; those that come meanwhile look, on their own timers, whether it is done. */
  async function refreshInline(now: number): Promise<void> {
    const mine = { startedAt: now, done: false }
    const theirs = inline
    if (now >= theirs.startedAt && now - theirs.startedAt < INLINE_PAUSE_SECONDS) {
      for (let waited = 0; !theirs.done && waited < INLINE_LIMIT_MS; waited += POLL_MS) await sleep(POLL_MS)
      return
    }
    inline = mine
    const terms = { sinceClaimSeconds: INLINE_PAUSE_SECONDS, sinceSuccessSeconds: 0 }
    await refresh('inline', terms, now, INLINE_LIMIT_MS)
    mine.done = true
  }

  return {
    async current(now) {
      const held = usable(await store.read(now), now)
      if (held !== undefined || options.endpoints.length === 0) return held
      await refreshInline(now)
      return usable(store.peek(), now)
    },
    recall: (hotkey, now) => fresh.recall(hotkey, store.peek(), now),
    lookup: (hotkey, now) => fresh.lookup(hotkey, store.peek(), now),
    refresh: (now) => refresh('cron', ALWAYS, now, refreshLimitMs),

    refreshIfOverdue(now) {
      const snapshot = store.peek()
      if (snapshot === undefined || options.endpoints.length === 0) return undefined
      if (now - backgroundAt < BACKGROUND_PAUSE_SECONDS) return undefined
      const awaited = fresh.newestBlock() > snapshot.block
      if (!awaited && ageSeconds(snapshot, now) <= overdue) return undefined
      backgroundAt = now
      // While the cron is alive an unchanged snapshot may look old: KV is not written for every confirmation.
      const sinceSuccessSeconds = awaited ? 0 : cronPeriodSeconds
      const terms = { sinceClaimSeconds: BACKGROUND_PAUSE_SECONDS, sinceSuccessSeconds }
      return refresh('overdue', terms, now, refreshLimitMs)
    },

    async push(value, now, confirmLoss) {
      const { netuid, genesisHash } = options
      const pushed = acceptPushed(value, await store.reread(now), now, { netuid, genesisHash, confirmLoss })
      return pushed.ok ? keep('push', pushed.value, now, []) : conclude('push', 'kept', pushed.reason, [])
    },
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
