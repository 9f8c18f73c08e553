/**
 * Durable Object, one per subnet: the state behind `rules.ts`.
 *
 * An object and not KV: turns and budgets need a counter that is exact everywhere at once, while KV shows other places old values
 * for a minute and allows one write a second per key (1,000 a day on the free plan). One row; a method is one read and one write.
 */

import { DurableObject } from 'cloudflare:workers'
import {
  applyReport,
  type Claim,
  claimLookup,
  claimRefresh,
  type LeaseState,
  NEW_LEASE,
  type RefreshReport,
  type RefreshTerms,
} from './rules.ts'

const STATE = 'lease'

export class MetagraphLease extends DurableObject<Env> {
  claimRefresh(now: number, terms: RefreshTerms): Claim {
    return this.#keep(claimRefresh(this.#state(), now, terms))
  }

  claimLookup(now: number): Claim {
    return this.#keep(claimLookup(this.#state(), now))
  }

  report(now: number, report: RefreshReport): void {
    this.ctx.storage.kv.put(STATE, applyReport(this.#state(), now, report))
  }

  #state(): LeaseState {
    return this.ctx.storage.kv.get<LeaseState>(STATE) ?? NEW_LEASE
  }

  #keep([state, claim]: [LeaseState, Claim]): Claim {
    if (claim.granted) this.ctx.storage.kv.put(STATE, state)
    return claim
  }
}
