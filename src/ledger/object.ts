/**
 * The nonce ledger: one Durable Object per `{netuid}:{slug}:{hotkey}`, one row per nonce that
 * hotkey has used there.
 *
 * An object runs one call at a time, and a reservation is one synchronous statement that inserts
 * the nonce or finds it taken. So exactly one of any number of copies of an upload is reserved.
 * The runtime holds the answer back until the row is on disk. Each row carries the random id of
 * the request that reserved it. When the answer was lost, the same request asks again and hears
 * 'reserved'; every other request is a replay.
 *
 * Time is the caller's (Unix seconds), except in the alarm, which purges in the background. The
 * purge is housekeeping: a nonce is free by its age, whether its row is still there or not. The
 * object never empties itself with `deleteAll()`: an idle object costs about 12 KB, but a
 * reservation that races the deletion could let a replay pass.
 *
 * The same call counts the reservations of the last hour for the quota. It counts the rows of the
 * nonces, so the quota writes no rows: an instance reads their times once, when it wakes, and then
 * counts in memory. The count is exact because a row outlives the hour (`config.ts`).
 */

import { DurableObject } from 'cloudflare:workers'
import { QUOTA_SECONDS, type Quota, type Settlement } from '../admission/ports.ts'
import type { OriginalUpload } from '../protocol/facts.ts'

/**
 * Rows that one alarm looks at. The rest wait for the next alarm, so that a reservation waits a
 * few ms at most.
 */
export const PURGE_BATCH_ROWS = 2_000

/**
 * How long a row outlives its retention. A caller reads its clock, verifies, asks the chain and
 * then asks this object, perhaps twice. That takes up to 15 s, in which the row of the first
 * upload must stay. The rest is for clocks that differ.
 */
export const PURGE_MARGIN_SECONDS = 60

/**
 * With nothing due sooner the purge runs hourly: every alarm is a billed request and a billed row.
 */
const PURGE_INTERVAL_SECONDS = 3600

export interface ReserveCall {
  readonly nonce: string
  readonly requestId: string
  readonly bodyHash: string
  /** Now, in Unix seconds. */
  readonly reservedAt: number
  /**
   * The nonce is refused for exactly this many seconds and free one second later. A row keeps the
   * value that it was written with.
   */
  readonly retentionSeconds: number
  /** A row in flight for longer is reported as `unknown`: its request can no longer settle it. */
  readonly inFlightSeconds: number
  /** Most reservations in an hour. 0 or absent: any number, and the answer is the bare verdict. */
  readonly uploadsPerHour?: number
}

export type FindCall = Omit<ReserveCall, 'requestId' | 'retentionSeconds'>

/** `exceeded`: the quota is used up, and the nonce is still free. */
type Verdict = 'reserved' | 'free' | 'exceeded' | OriginalUpload
type Answer = Verdict | { readonly verdict: Verdict; readonly quota: Quota }

/** `outcome` in one number: these three, or the challenge's HTTP status. */
const IN_FLIGHT = 0
const NOT_DELIVERED = 1
const UNKNOWN = 2
const LOWEST_STATUS = 100

// WITHOUT ROWID and without a second index: a reservation writes (and is billed for) one row.
const CREATE = `CREATE TABLE nonces (
  nonce TEXT PRIMARY KEY,
  request_id TEXT NOT NULL,
  body_hash TEXT NOT NULL,
  reserved_at INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  outcome INTEGER NOT NULL
) STRICT, WITHOUT ROWID`

// Inserts, takes over a row whose time is up, or changes nothing and returns nothing.
const RESERVE = `INSERT INTO nonces (nonce, request_id, body_hash, reserved_at, expires_at, outcome)
  VALUES (?, ?, ?, ?, ?, ${IN_FLIGHT})
  ON CONFLICT (nonce) DO UPDATE SET
    request_id = excluded.request_id, body_hash = excluded.body_hash,
    reserved_at = excluded.reserved_at, expires_at = excluded.expires_at, outcome = excluded.outcome
  WHERE expires_at < excluded.reserved_at
  RETURNING 1`

const RECENT = 'SELECT reserved_at FROM nonces WHERE reserved_at > ? ORDER BY reserved_at'

const FIND = 'SELECT request_id, body_hash, reserved_at, expires_at, outcome FROM nonces WHERE nonce = ?'

const FREE = `DELETE FROM nonces WHERE nonce = ? AND request_id = ? AND outcome = ${IN_FLIGHT} RETURNING reserved_at`

const SETTLE = `UPDATE nonces SET outcome = ? WHERE nonce = ? AND request_id = ? AND outcome = ${IN_FLIGHT}`

// One batch along the primary key: where it ends, how much of it is due, and when the rest of it
// falls due.
const SURVEY = `SELECT count(*) AS seen, max(nonce) AS last,
    count(*) FILTER (WHERE expires_at < ?) AS due, min(expires_at) FILTER (WHERE expires_at >= ?) AS next
  FROM (SELECT nonce, expires_at FROM nonces WHERE nonce > ? ORDER BY nonce LIMIT ?)`

const PURGE = 'DELETE FROM nonces WHERE nonce > ? AND nonce <= ? AND expires_at < ?'

type Row = {
  request_id: string
  body_hash: string
  reserved_at: number
  expires_at: number
  outcome: number
}
type Survey = { seen: number; last: string | null; due: number; next: number | null }

export class NonceLedger extends DurableObject<Env> {
  /** A new object: it has no table, no row and no alarm. */
  #isNew: boolean
  /** What this instance knows of the object's alarm. When it knows nothing, it looks once. */
  #alarm: 'set' | 'none' | 'unknown'
  /**
   * Times of the last hour's reservations, oldest first as far as callers' clocks agree; undefined
   * until they are read.
   */
  #recent: number[] | undefined
  /**
   * Where the current walk of the purge has come to, and the first expiry it has passed. An
   * eviction loses it, and the walk starts again.
   */
  #walk: { after: string; next: number | null } = { after: '', next: null }

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    const tables = ctx.storage.sql.exec("SELECT 1 FROM sqlite_schema WHERE name = 'nonces'").toArray()
    this.#isNew = tables.length === 0
    this.#alarm = this.#isNew ? 'none' : 'unknown'
  }

  /**
   * The first call makes the table: what the constructor writes would be a commit of its own. So
   * a new object's table, first row and alarm are one write.
   */
  get #sql(): SqlStorage {
    const { sql } = this.ctx.storage
    if (this.#isNew) sql.exec(CREATE)
    this.#isNew = false
    return sql
  }

  /** Reserves the nonce for this request, or tells which upload holds it or what forbids it. */
  reserve(call: ReserveCall): Answer | Promise<Answer> {
    const { nonce, requestId, bodyHash, reservedAt } = call
    const expiresAt = reservedAt + call.retentionSeconds
    if (
      !this.#isExceeded(call) &&
      this.#sql.exec(RESERVE, nonce, requestId, bodyHash, reservedAt, expiresAt).toArray().length === 1
    ) {
      this.#recent?.push(reservedAt)
      const answer = this.#answer(call, 'reserved')
      if (this.#alarm === 'set') return answer
      return this.#arm(expiresAt + 1 + PURGE_MARGIN_SECONDS).then(() => answer)
    }
    const row = this.#holder(call)
    if (row === undefined) return this.#answer(call, 'exceeded')
    return this.#answer(call, row.request_id === requestId ? 'reserved' : toOriginal(row, call))
  }

  /** The upload that holds the nonce, or 'free'; writes nothing. */
  find(call: FindCall): Answer {
    const row = this.#holder(call)
    if (row !== undefined) return this.#answer(call, toOriginal(row, call))
    return this.#answer(call, this.#isExceeded(call) ? 'exceeded' : 'free')
  }

  /**
   * Forgets a nonce that the same request reserved and has not used; it does not count against the
   * quota either.
   */
  free(nonce: string, requestId: string): void {
    const [row] = this.#sql.exec<{ reserved_at: number }>(FREE, nonce, requestId).toArray()
    const at = row === undefined ? -1 : (this.#recent?.indexOf(row.reserved_at) ?? -1)
    if (at >= 0) this.#recent?.splice(at, 1)
  }

  /**
   * Writes the outcome once, for the request that reserved the nonce; anything else changes
   * nothing.
   */
  settle(nonce: string, requestId: string, settlement: Settlement): void {
    this.#sql.exec(SETTLE, toCode(settlement), nonce, requestId)
  }

  #holder({ nonce, reservedAt }: FindCall): Row | undefined {
    const row = this.#sql.exec<Row>(FIND, nonce).toArray()[0]
    return row === undefined || row.expires_at < reservedAt ? undefined : row
  }

  #isExceeded({ uploadsPerHour = 0, reservedAt }: FindCall): boolean {
    return uploadsPerHour > 0 && this.#since(reservedAt).length >= uploadsPerHour
  }

  /** Without a quota no times are remembered, since nothing would prune them. */
  #answer({ uploadsPerHour = 0, reservedAt }: FindCall, verdict: Verdict): Answer {
    if (uploadsPerHour === 0) {
      this.#recent = undefined
      return verdict
    }
    const recent = this.#since(reservedAt)
    // The reservation that must age out before there is room. After the quota was lowered it is
    // not the oldest.
    const leaving = recent[Math.max(0, recent.length - uploadsPerHour)] ?? reservedAt
    const quota = {
      remaining: Math.max(0, uploadsPerHour - recent.length),
      resetSeconds: Math.max(1, leaving + QUOTA_SECONDS - reservedAt),
    }
    return { verdict, quota }
  }

  #since(now: number): number[] {
    const start = now - QUOTA_SECONDS
    const known =
      this.#recent ??
      this.#sql
        .exec<{ reserved_at: number }>(RECENT, start)
        .toArray()
        .map((row) => row.reserved_at)
    this.#recent = known.filter((reservedAt) => reservedAt > start)
    return this.#recent
  }

  /**
   * Purges one batch and sets the next alarm; an empty ledger sets none. A failing purge is logged
   * and tried again an interval later. If it were rethrown, the platform would retry it a few
   * times and then never again.
   */
  override async alarm(): Promise<void> {
    const now = Math.floor(Date.now() / 1000) - PURGE_MARGIN_SECONDS
    let goOnAt: number | undefined
    try {
      goOnAt = this.#purgeBatch(now)
    } catch (fault) {
      console.error({ event: 'nonce_purge_failed', cause: String(fault) })
      goOnAt = now + PURGE_INTERVAL_SECONDS
    }
    const wakeAt = goOnAt === undefined ? undefined : goOnAt + PURGE_MARGIN_SECONDS
    // Nothing was awaited since the start, so no reservation can have set another alarm meanwhile.
    this.#alarm = wakeAt === undefined ? 'none' : 'set'
    if (wakeAt !== undefined) await this.ctx.storage.setAlarm(wakeAt * 1000)
  }

  /**
   * `now` is the margin before the present. Returns when to go on, by the same clock: `now` when
   * rows are left to look at, undefined when the ledger is empty.
   */
  #purgeBatch(now: number): number | undefined {
    const { after } = this.#walk
    const batch = this.#sql.exec<Survey>(SURVEY, now, now, after, PURGE_BATCH_ROWS).one()
    if (batch.last !== null && batch.due > 0) this.#sql.exec(PURGE, after, batch.last, now)
    const next = earlier(this.#walk.next, batch.next)
    if (batch.last !== null && batch.seen === PURGE_BATCH_ROWS) {
      this.#walk = { after: batch.last, next }
      return now
    }
    this.#walk = { after: '', next: null }
    // Rows that were reserved before the walk's position are in the table but not in `next`.
    const empty = this.#sql.exec('SELECT 1 FROM nonces LIMIT 1').toArray().length === 0
    return empty ? undefined : Math.max(now + PURGE_INTERVAL_SECONDS, (next ?? 0) + 1)
  }

  /** An alarm that is set already stays: it is for an older row. */
  async #arm(wakeAt: number): Promise<void> {
    const isSet = this.#alarm === 'unknown' && (await this.ctx.storage.getAlarm()) !== null
    if (!isSet) await this.ctx.storage.setAlarm(wakeAt * 1000)
    this.#alarm = 'set'
  }
}

function toOriginal(row: Row, call: FindCall): OriginalUpload {
  const original = {
    request_id: row.request_id,
    reserved_at: row.reserved_at,
    body_matches: row.body_hash === call.bodyHash,
  }
  if (row.outcome >= LOWEST_STATUS) return { ...original, outcome: 'delivered', status: row.outcome }
  if (row.outcome === NOT_DELIVERED) return { ...original, outcome: 'not_delivered' }
  const aged = call.reservedAt - row.reserved_at > call.inFlightSeconds
  return { ...original, outcome: row.outcome === IN_FLIGHT && !aged ? 'in_flight' : 'unknown' }
}

function toCode(settlement: Settlement): number {
  if (settlement.outcome === 'not_delivered') return NOT_DELIVERED
  if (settlement.outcome !== 'delivered') return UNKNOWN
  return settlement.status >= LOWEST_STATUS ? settlement.status : UNKNOWN
}

function earlier(a: number | null, b: number | null): number | null {
  if (a === null) return b
  return b === null ? a : Math.min(a, b)
}
