/**
 * Durable Object, one per subnet: the sums behind the status page and the metrics, in one row.
 *
 * The object keeps no timer, because one that is pending keeps it from hibernating, and a busy
 * gateway would pay for it all month (`npm run bench:status`). It writes when it is called and ten
 * seconds have passed since the last time, so any number of isolates cost one row every ten
 * seconds at most, and at most ten seconds of counts are lost.
 */

import { DurableObject } from 'cloudflare:workers'
import type { Batch } from './statistics.ts'
import { addBatch, addProbes, type Board, NOTHING, type Probe, type Sums, toBoard } from './sums.ts'

const WRITE_SECONDS = 10
const ROW = 'sums'

/** Every `now` in Unix seconds, the caller's. */
export class StatusBoard extends DurableObject<Env> {
  #sums: Sums
  /**
   * A total that fell would look to Prometheus as if it had begun again at zero, so those that may
   * be lost are not shown.
   */
  #writtenTotals: Sums['totals']
  #writtenAt = Number.NEGATIVE_INFINITY
  #unwritten = false

  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, env)
    this.#sums = { ...NOTHING, ...ctx.storage.kv.get<Partial<Sums>>(ROW) }
    this.#writtenTotals = this.#sums.totals
  }

  record(now: number, batch: Batch): void {
    this.#keep(now, addBatch(this.#sums, now, batch))
  }

  probed(now: number, probes: Record<string, Probe>): void {
    this.#keep(now, addProbes(this.#sums, probes))
  }

  read(now: number): Board {
    if (this.#unwritten) this.#keep(now, this.#sums)
    return toBoard({ ...this.#sums, totals: this.#writtenTotals }, now)
  }

  #keep(now: number, sums: Sums): void {
    this.#sums = sums
    this.#unwritten = true
    // Callers' clocks differ a little; one that was set back holds nothing up.
    if (Math.abs(now - this.#writtenAt) < WRITE_SECONDS) return
    this.ctx.storage.kv.put(ROW, sums)
    this.#writtenTotals = sums.totals
    this.#writtenAt = now
    this.#unwritten = false
  }
}
