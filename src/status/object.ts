/**
 * Durable Object, one per subnet: the sums behind the status page and the metrics.
 *
 * Five-minute buckets of one day, one row each, and one row for what has no date. Held in memory; written when ten seconds have passed
 * since the last time, else a little later, so that any number of isolates cost two rows every ten seconds at most.
 */

import { DurableObject } from 'cloudflare:workers'
import { type Batch, bySlug, type Sightings, type Tally } from './statistics.ts'

const BUCKET_SECONDS = 300
const DAY_SECONDS = 86_400
const WRITE_MS = 10_000

/** What the cron found when it asked a challenge for its health. */
export interface Probe {
  readonly at: number
  readonly reachable: boolean
}

type Tallies = Record<string, Tally>

interface Sums {
  /** Since ever, by slug and outcome: what a counter of Prometheus is. */
  readonly totals: Record<string, Record<string, number>>
  readonly sightings: Record<string, Sightings>
  readonly probes: Record<string, Probe>
  readonly ledger: { readonly ms: number; readonly at: number } | undefined
}

/** What the page is made of. */
export interface Board extends Sums {
  readonly hour: Tallies
  readonly day: Tallies
}

const EMPTY: Sums = { totals: {}, sightings: {}, probes: {}, ledger: undefined }

export class StatusBoard extends DurableObject<Env> {
  readonly #buckets: Map<number, Tallies>
  #sums: Sums
  #writtenAt = Number.NEGATIVE_INFINITY
  #planned = false

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    const { kv } = ctx.storage
    this.#sums = kv.get<Sums>('sums') ?? EMPTY
    this.#buckets = new Map(
      [...kv.list<Tallies>({ prefix: 'at:' })].map(([key, tallies]) => [Number(key.slice(3)), tallies]),
    )
  }

  /** Takes a batch of an isolate; `now` in Unix seconds, the isolate's. */
  record(now: number, batch: Batch): void {
    const at = now - (now % BUCKET_SECONDS)
    this.#buckets.set(at, sum([this.#buckets.get(at) ?? {}, batch.tallies]))
    const { totals, sightings, ledger } = this.#sums
    const counted = Object.entries(batch.tallies).map(([slug, { outcomes }]) => [
      slug,
      addUp([bySlug(totals, slug) ?? {}, outcomes]),
    ])
    this.#sums = {
      ...this.#sums,
      totals: { ...totals, ...Object.fromEntries(counted) },
      sightings: latest(sightings, batch.sightings),
      ledger: batch.ledgerMs === undefined ? ledger : { ms: batch.ledgerMs, at: now },
    }
    this.#write()
  }

  /** Takes the probes of one cron, of every challenge there is. */
  probed(probes: Record<string, Probe>): void {
    const seen = Object.entries(probes).map(([slug, { at, reachable }]): [string, Sightings] => [
      slug,
      reachable ? { success: at } : { failure: at },
    ])
    const sightings = latest(this.#sums.sightings, Object.fromEntries(seen))
    this.#sums = { ...this.#sums, probes, sightings }
    this.#write()
  }

  read(now: number): Board {
    const since = (seconds: number) =>
      sum([...this.#buckets].flatMap(([at, tallies]) => (at > now - seconds ? [tallies] : [])))
    return { ...this.#sums, hour: since(3600), day: since(DAY_SECONDS) }
  }

  #write(): void {
    if (this.#planned) return
    const wait = this.#writtenAt + WRITE_MS - Date.now()
    this.#planned = wait > 0
    if (wait > 0) setTimeout(() => this.#writeNow(), wait)
    else this.#writeNow()
  }

  #writeNow(): void {
    this.#planned = false
    this.#writtenAt = Date.now()
    const { kv } = this.ctx.storage
    kv.put('sums', this.#sums)
    const newest = Math.max(...this.#buckets.keys())
    for (const [at, tallies] of this.#buckets) {
      if (at === newest) kv.put(`at:${at}`, tallies)
      else if (at < newest - DAY_SECONDS) {
        this.#buckets.delete(at)
        kv.delete(`at:${at}`)
      }
    }
  }
}

function sum(parts: readonly Tallies[]): Tallies {
  const slugs = new Set(parts.flatMap((part) => Object.keys(part)))
  return Object.fromEntries(
    [...slugs].map((slug) => {
      const of = parts.flatMap((part) => bySlug(part, slug) ?? [])
      return [
        slug,
        { outcomes: addUp(of.map((tally) => tally.outcomes)), times: addUp(of.map((tally) => tally.times)) },
      ]
    }),
  )
}

function addUp(parts: readonly Record<string, number>[]): Record<string, number> {
  const total: Record<string, number> = {}
  for (const part of parts)
    for (const [name, count] of Object.entries(part)) total[name] = (total[name] ?? 0) + count
  return total
}

/** Isolates hand over late, so the later time wins. */
function latest(
  old: Record<string, Sightings>,
  recent: Record<string, Sightings>,
): Record<string, Sightings> {
  const merged = Object.entries(recent).map(([slug, seen]) => {
    const before = bySlug(old, slug)
    const success = Math.max(before?.success ?? 0, seen.success ?? 0)
    const failure = Math.max(before?.failure ?? 0, seen.failure ?? 0)
    return [slug, { ...(success > 0 && { success }), ...(failure > 0 && { failure }) }]
  })
  return { ...old, ...Object.fromEntries(merged) }
}
