/**
 * The worker of `npm run bench:ledger` (the driver is ledger.ts): the real NonceLedger, a way to
 * fill it, and one HTTP route per measured thing.
 */

import { NonceLedger, PURGE_BATCH_ROWS, type ReserveCall } from '../../src/ledger/object.ts'

/** SHA-256 of nothing; the ledger only keeps it. */
const BODY_HASH = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

const RETENTION_SECONDS = 86_400

type Billed = { work: string; read: number; written: number }

interface BenchEnv {
  readonly NONCES: DurableObjectNamespace<BenchLedger>
}

export class BenchLedger extends NonceLedger {
  /** Adds rows with random nonces, in random order as in life, all expiring at `expiresAt`. */
  fill(rows: number, expiresAt: number): void {
    this.ctx.storage.sql.exec(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
       INSERT INTO nonces SELECT lower(hex(randomblob(18))), lower(hex(randomblob(18))), ?, ?, ?, 200 FROM n`,
      rows,
      BODY_HASH,
      expiresAt - RETENTION_SECONDS,
      expiresAt,
    )
  }

  startPurge(): Promise<void> {
    return this.ctx.storage.setAlarm(Date.now())
  }

  /** One lookup: the purge walks upwards, so when the last row is not due, none is. */
  purging(): boolean {
    const last = this.ctx.storage.sql
      .exec<{ expires_at: number }>('SELECT expires_at FROM nonces ORDER BY nonce DESC LIMIT 1')
      .toArray()[0]
    return last !== undefined && last.expires_at < Date.now() / 1000
  }

  size(): { rows: number; bytes: number } {
    const { rows } = this.ctx.storage.sql.exec<{ rows: number }>('SELECT count(*) AS rows FROM nonces').one()
    return { rows, bytes: this.ctx.storage.sql.databaseSize }
  }

  /** The counters Cloudflare bills, of each thing a ledger does for a request. */
  async billedCalls(now: number): Promise<Billed[]> {
    const first = call('first', now)
    const { nonce, requestId } = first
    const later = { ...first, reservedAt: now + RETENTION_SECONDS + 1 }
    const counted = (nonce: string, uploadsPerHour = 3) => ({ ...call(nonce, now), uploadsPerHour })
    return [
      await this.#count('reservation', () => this.reserve(first)),
      await this.#count('replay', () => this.reserve({ ...first, requestId: 'another' })),
      await this.#count('lost answer asked again', () => this.reserve(first)),
      await this.#count('find', () => this.find(first)),
      await this.#count('settle by a stranger', () => this.settle(nonce, 'x', { outcome: 'unknown' })),
      await this.#count('settle', () => this.settle(nonce, requestId, { outcome: 'delivered', status: 200 })),
      await this.#count('first with a quota, after one', () => this.reserve(counted('second'))),
      await this.#count('next with a quota', () => this.reserve(counted('third'))),
      await this.#count('beyond the quota', () => this.reserve(counted('fourth'))),
      await this.#count('expired row taken over', () => this.reserve(later)),
    ]
  }

  /** The counters of one batch of the purge, in an object of its own. */
  billedBatch(work: string, expiresAt: number): Promise<Billed> {
    this.fill(PURGE_BATCH_ROWS, expiresAt)
    return this.#count(work, () => this.alarm())
  }

  /** Sums the counters of every statement that `run` executes. */
  async #count(work: string, run: () => unknown): Promise<Billed> {
    const { sql } = this.ctx.storage
    const exec = sql.exec
    const cursors: SqlStorageCursor<Record<string, SqlStorageValue>>[] = []
    const record = (...args: Parameters<SqlStorage['exec']>) => {
      const cursor = exec.apply(sql, args)
      cursors.push(cursor)
      return cursor
    }
    Object.defineProperty(sql, 'exec', { configurable: true, value: record })
    await run()
    Reflect.deleteProperty(sql, 'exec')
    return {
      work,
      read: cursors.reduce((sum, cursor) => sum + cursor.rowsRead, 0),
      written: cursors.reduce((sum, cursor) => sum + cursor.rowsWritten, 0),
    }
  }
}

export default {
  /** `/{what}/{object}/{rows}` */
  async fetch(request, env) {
    const [what, object = '', rows] = new URL(request.url).pathname.slice(1).split('/')
    const now = Math.floor(Date.now() / 1000)
    if (what === 'hop') return new Response('reserved')
    const ledger = env.NONCES.getByName(object)
    if (what === 'reserve') return Response.json(await ledger.reserve(call(crypto.randomUUID(), now)))
    if (what === 'fill') await ledger.fill(Number(rows), now - 1)
    if (what === 'purge') await ledger.startPurge()
    if (what === 'purging') return Response.json(await ledger.purging())
    if (what === 'billed') return Response.json(await billed(env.NONCES, now))
    return Response.json(await ledger.size())
  },
} satisfies ExportedHandler<BenchEnv>

async function billed(ledgers: BenchEnv['NONCES'], now: number): Promise<Billed[]> {
  const purge = `purge of ${PURGE_BATCH_ROWS} rows`
  return [
    ...(await ledgers.getByName('calls').billedCalls(now)),
    await ledgers.getByName('due').billedBatch(`${purge}, all due`, now - 1),
    await ledgers.getByName('kept').billedBatch(`${purge}, none due`, now + RETENTION_SECONDS),
  ]
}

function call(nonce: string, reservedAt: number): ReserveCall {
  return {
    nonce,
    requestId: crypto.randomUUID(),
    bodyHash: BODY_HASH,
    reservedAt,
    retentionSeconds: RETENTION_SECONDS,
    inFlightSeconds: 60,
    uploadsPerHour: 0,
  }
}
