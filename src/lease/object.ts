/**
 * Durable Object, one per subnet: the state behind `rules.ts`.
 *
 * It is an object and not KV because turns and budgets need one exact counter: KV shows other
 * places old values for a minute and allows one write a second per key (1,000 a day on the free
 * plan). There is one row, and a method is one read and one write. The lookups of each client are
 * counted in memory only, for a minute, so that no address is stored.
 */

import { DurableObject } from 'cloudflare:workers'
import {
  applyReport,
  claimLookup,
  claimRefresh,
  type LeaseState,
  type LookupClaim,
  minuteOf,
  NEW_LEASE,
  type RefreshClaim,
  type RefreshTerms,
  type RoundReport,
} from './rules.ts'

const STATE = 'lease'

export class MetagraphLease extends DurableObject<Env> {
  /** Lookups granted in one minute, by client. */
  #granted = { minute: 0, byClient: new Map<string, number>() }

  claimRefresh(now: number, terms: RefreshTerms): RefreshClaim {
    return this.#keep(claimRefresh(this.#state(), now, terms))
  }

  claimLookup(now: number, client: string): LookupClaim {
    const minute = minuteOf(now)
    if (this.#granted.minute !== minute) this.#granted = { minute, byClient: new Map() }
    const { byClient } = this.#granted
    const spent = client === '' ? 0 : (byClient.get(client) ?? 0)
    const claim = this.#keep(claimLookup(this.#state(), now, spent))
    if (claim.granted) byClient.set(client, spent + 1)
    return claim
  }

  report(now: number, report: RoundReport): void {
    this.ctx.storage.kv.put(STATE, applyReport(this.#state(), now, report))
  }

  /** What an older version stored may lack a field. */
  #state(): LeaseState {
    return { ...NEW_LEASE, ...this.ctx.storage.kv.get<LeaseState>(STATE) }
  }

  #keep<C extends RefreshClaim | LookupClaim>([state, claim]: [LeaseState, C]): C {
    if (claim.granted) this.ctx.storage.kv.put(STATE, state)
    return claim
  }
}
