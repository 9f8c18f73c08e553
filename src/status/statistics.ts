/**
 * What one isolate counts of the uploads it answers, and hands over in batches: at most one every
 * ten seconds.
 *
 * Names are closed: slugs of known challenges, codes of the table of refusals, and three words for
 * the challenge's own answers. Nothing here says who uploaded. A batch that is lost, with its
 * isolate or on the way, is lost; only statistics are.
 */

import type { RequestEntry } from '../log.ts'

const BATCH_MS = 10_000
/** After this a planned batch counts as lost: its request may have been dropped. */
const PLAN_MS = 3 * BATCH_MS
/**
 * Upper ends of the buckets that times are counted in: 10 ms, and half as much again each, to over
 * a minute.
 */
export const BOUNDS_MS = Array.from({ length: 23 }, (_, step) => Math.round(10 * 1.5 ** step))

/** Of one challenge, or of none that is known. */
export interface Tally {
  /**
   * By code of the refusal; `accepted`, `challenge_4xx` and `challenge_5xx` for what the challenge
   * itself answered.
   */
  readonly outcomes: Record<string, number>
  /** Answers of the challenge by bucket of `BOUNDS_MS`, sparse. */
  readonly times: Record<number, number>
}

/**
 * `no_answer`: nothing usable came back. `error`: a 5xx of the challenge. `token`: its 401, which
 * refuses the gateway.
 */
type FailureKind = 'no_answer' | 'error' | 'token'

/**
 * Unix seconds of the latest of either, with their fraction: which of the two came later decides.
 */
export interface Sightings {
  readonly success?: number
  readonly failure?: number
  /** Of the latest failure. */
  readonly kind?: FailureKind | undefined
}

/** The nonce store, as uploads met it; Unix seconds. */
export interface LedgerSeen {
  /** Mean time of its latest answers. */
  readonly ms?: number
  readonly answeredAt?: number
  readonly failedAt?: number
}

export interface Batch {
  /** By slug; the empty one for uploads to no known challenge. */
  readonly tallies: Record<string, Tally>
  readonly sightings: Record<string, Sightings>
  readonly ledger: LedgerSeen
}

export interface Statistics {
  /** Work for `waitUntil` when a batch is to be sent. */
  count(entry: RequestEntry): Promise<void> | undefined
}

/** `now` in Unix milliseconds. */
export function createStatistics(
  send: (batch: Batch) => Promise<unknown>,
  now: () => number,
  sleep: (ms: number) => Promise<void>,
): Statistics {
  let counted = new Counting()
  let sentAt = Number.NEGATIVE_INFINITY
  let plannedAt = Number.NEGATIVE_INFINITY

  async function sendAfter(delayMs: number): Promise<void> {
    if (delayMs > 0) await sleep(delayMs)
    const batch = counted.toBatch()
    counted = new Counting()
    sentAt = now()
    plannedAt = Number.NEGATIVE_INFINITY
    await send(batch).catch(() => {})
  }

  return {
    count(entry) {
      counted.add(entry, now() / 1000)
      if (now() - plannedAt < PLAN_MS) return undefined
      plannedAt = now()
      return sendAfter(Math.max(0, sentAt + BATCH_MS - plannedAt))
    },
  }
}

class Counting {
  readonly #tallies = new Map<string, Tally>()
  readonly #sightings = new Map<string, Sightings>()
  #ledger: LedgerSeen = {}
  #ledgerMs = 0
  #ledgerCalls = 0

  add(entry: RequestEntry, now: number): void {
    const { slug = '', origin_ms: originMs } = entry
    const outcome = outcomeOf(entry)
    const tally = this.#tallies.get(slug) ?? { outcomes: {}, times: {} }
    this.#tallies.set(slug, tally)
    const { outcomes, times } = tally
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
    if (originMs !== undefined) {
      const kind = failureOf(outcome, entry.origin_status)
      const seen = kind === undefined ? { success: now } : { failure: now, kind }
      this.#sightings.set(slug, { ...this.#sightings.get(slug), ...seen })
    }
    if (originMs !== undefined && entry.outcome === 'ok') {
      const bucket = BOUNDS_MS.findIndex((bound) => originMs <= bound)
      const at = bucket < 0 ? BOUNDS_MS.length - 1 : bucket
      times[at] = (times[at] ?? 0) + 1
    }
    this.#addLedger(outcome, entry.ledger_ms, now)
  }

  #addLedger(outcome: string, ms: number | undefined, now: number): void {
    if (outcome === 'nonce_store_unavailable') this.#ledger = { ...this.#ledger, failedAt: now }
    else if (ms !== undefined) {
      this.#ledgerMs += ms
      this.#ledgerCalls += 1
      this.#ledger = { ...this.#ledger, ms: this.#ledgerMs / this.#ledgerCalls, answeredAt: now }
    }
  }

  toBatch(): Batch {
    return {
      tallies: Object.fromEntries(this.#tallies),
      sightings: Object.fromEntries(this.#sightings),
      ledger: this.#ledger,
    }
  }
}

/**
 * What a record by slug holds: a challenge may be called `constructor`, and every object seems to
 * have one.
 */
export function bySlug<T>(record: Readonly<Record<string, T>> | undefined, slug: string): T | undefined {
  return record !== undefined && Object.hasOwn(record, slug) ? record[slug] : undefined
}

function failureOf(outcome: string, status: number | undefined): FailureKind | undefined {
  if (outcome === 'challenge_unavailable') return 'no_answer'
  if (outcome === 'challenge_5xx') return 'error'
  return status === 401 ? 'token' : undefined
}

function outcomeOf({ outcome, origin_status: status = 0 }: RequestEntry): string {
  if (outcome !== 'ok') return outcome
  if (status < 400) return 'accepted'
  return status < 500 ? 'challenge_4xx' : 'challenge_5xx'
}
