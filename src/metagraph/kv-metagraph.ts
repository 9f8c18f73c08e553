/**
 * The metagraph of one isolate: a memo in memory, KV behind it, and the chain behind KV.
 *
 * Four events ask the chain: the cron, the first request that finds no usable snapshot (it waits),
 * a request that finds an old one (it does not wait), and a hotkey that the snapshot lacks. When
 * they fail, the last good snapshot serves until it is too old by the chain's clock.
 *
 * State is values only: a request may read what another one wrote, never wait for another one's
 * I/O.
 */

import type { LookupAnswer, Place } from '../admission/ports.ts'
import type { TextStore } from '../kv-memo.ts'
import type { Lease, RefreshTerms } from '../lease/rules.ts'
import { ageSeconds, type Metagraph } from '../protocol/metagraph.ts'
import { consultForSnapshot } from './consult.ts'
import { usableAt } from './continuity.ts'
import type { FaultReason } from './fault.ts'
import { createFreshRegistrations, type LookupOutcome } from './fresh-registrations.ts'
import { acceptPushed, type Confirmations } from './push.ts'
import type { Attempt, Chain } from './round.ts'
import type { Snapshot } from './snapshot.ts'
import { createSnapshotStore, type WriteOutcome } from './snapshot-store.ts'

/**
 * For a refresh that no request waits for: the platform ends background work 30 s after the
 * response.
 */
const REFRESH_LIMIT_MS = 20_000
/** For one that an upload waits for; with KV and the lease it stays within 5 s. */
const INLINE_LIMIT_MS = 4000
/** Between two inline refreshes of one subnet. */
const INLINE_PAUSE_SECONDS = 10
/** Between two background refreshes, of one isolate and of one subnet. */
const BACKGROUND_PAUSE_SECONDS = 60
/** How often a request that waits for another's refresh looks whether it is done. */
const POLL_MS = 50
/** The cron refreshes without waiting for a turn. */
const ALWAYS: RefreshTerms = { sinceClaimSeconds: 0, sinceSuccessSeconds: 0 }

export interface MetagraphOptions extends Chain {
  readonly kv: TextStore
  readonly lease: Lease
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
  /**
   * `stored`: KV has the new snapshot. `unchanged`: it was confirmed. `kept`: the previous one
   * stays.
   */
  readonly outcome: 'stored' | 'unchanged' | 'kept'
  readonly reason: WriteOutcome | FaultReason | 'not_our_turn' | 'no_endpoint_ready' | 'endpoints_contradict'
  /** Of the snapshot that serves now. */
  readonly endpoint: string | undefined
  readonly block: number | undefined
  /** What was wrong with the endpoints that gave no answer that could be believed. */
  readonly faults: readonly Attempt[]
}

export interface KvMetagraph {
  /**
   * The usable snapshot that is at hand, from memory or KV: the chain is not asked. Never throws.
   */
  held(now: number): Promise<Metagraph | undefined>
  /**
   * The usable snapshot at `now`, or undefined. With none at hand it refreshes first, for at most
   * 5 s. Never throws.
   */
  current(now: number): Promise<Metagraph | undefined>
  /** A fresh registration found before and not in the snapshot yet; asks no endpoint. */
  recall(hotkey: string, now: number): Place | undefined
  /**
   * Looks for a hotkey that is not in the snapshot; only after its signature was verified.
   * `client`: see `Lease`. Never throws.
   */
  lookup(hotkey: string, now: number, client?: string): Promise<LookupAnswer>
  /** The cron's refresh. Never throws. */
  refresh(now: number): Promise<RefreshOutcome>
  /**
   * Begins a refresh when the cron seems dead or a lookup found a hotkey; pass the promise to
   * `waitUntil`. Undefined: none is due.
   */
  refreshIfOverdue(now: number): Promise<RefreshOutcome> | undefined
  /** Takes a recording from an operator. Never throws. */
  push(value: unknown, now: number, confirm: Confirmations): Promise<RefreshOutcome>
  /**
   * Endpoints that contradict each other, so that there is no usable snapshot; as far as this
   * isolate knows.
   */
  contradicting(now: number): readonly string[]
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
  let contradicting: readonly string[] = []

  const usable = (snapshot: Snapshot | undefined, now: number) => usableAt(snapshot, now, maxAgeSeconds)

  async function refresh(
    trigger: Trigger,
    terms: RefreshTerms,
    now: number,
    limitMs: number,
  ): Promise<RefreshOutcome> {
    const claim = await lease.claimRefresh(now, terms)
    if (!claim.granted) {
      contradicting = claim.contradicting
      return conclude(trigger, 'kept', 'not_our_turn', [])
    }
    const held = await store.reread(now)
    const { value, faults, ...round } = await consultForSnapshot(options, held, {
      coolDowns: claim.coolDowns,
      now,
      limitMs,
    })
    contradicting = round.contradicting
    await lease.report(now, {
      coolDowns: round.coolDowns,
      refresh: { succeeded: value !== undefined, contradicting },
    })
    if (value !== undefined) return keep(trigger, value, now, faults)
    const reason = contradicting.length > 0 ? 'endpoints_contradict' : faults[0]?.reason
    return conclude(trigger, 'kept', reason ?? 'no_endpoint_ready', faults)
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

  /**
   * One request refreshes; those that come meanwhile look, on their own timers, whether it is
   * done.
   */
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
    held: async (now) => usable(await store.read(now), now),

    async current(now) {
      const held = usable(await store.read(now), now)
      if (held !== undefined || options.endpoints.length === 0) return held
      await refreshInline(now)
      return usable(store.peek(), now)
    },
    recall: (hotkey, now) => fresh.recall(hotkey, store.peek(), now),
    lookup: (hotkey, now, client = '') => fresh.lookup(hotkey, store.peek(), now, client),
    refresh: (now) => refresh('cron', ALWAYS, now, refreshLimitMs),

    refreshIfOverdue(now) {
      const snapshot = store.peek()
      if (snapshot === undefined || options.endpoints.length === 0) return undefined
      if (now - backgroundAt < BACKGROUND_PAUSE_SECONDS) return undefined
      const awaited = fresh.awaits(snapshot, now)
      if (!awaited && ageSeconds(snapshot, now) <= overdue) return undefined
      backgroundAt = now
      // While the cron is alive an unchanged snapshot may look old: KV is not written for every
      // confirmation.
      const sinceSuccessSeconds = awaited ? 0 : cronPeriodSeconds
      const terms = { sinceClaimSeconds: BACKGROUND_PAUSE_SECONDS, sinceSuccessSeconds }
      return refresh('overdue', terms, now, refreshLimitMs)
    },

    async push(value, now, confirm) {
      const pushed = acceptPushed(value, await store.reread(now), { ...options, now, confirm })
      return pushed.ok ? keep('push', pushed.value, now, []) : conclude('push', 'kept', pushed.reason, [])
    },

    contradicting: (now) => (usable(store.peek(), now) === undefined ? contradicting : []),
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}
