/**
 * The Lease over its Durable Object. A fault of the platform becomes the safer answer.
 *
 * A refresh is then granted: the gateway cannot do without, and each isolate still limits its own
 * refreshes. A lookup is not: it only spares a newcomer some minutes.
 */

import type { Lease, LookupClaim, RefreshClaim, RefreshTerms, RoundReport } from './rules.ts'

/** When lookups may be tried again after the object could not be reached. */
const LOOKUP_RETRY_SECONDS = 60

/**
 * The runtime's own repeats; its default, 5 within 10 s, is longer than an upload may wait for a
 * snapshot.
 */
const RETRY_BUDGET = { retry: { maxRetries: 1, timeoutMs: 1000 } } as const

export interface LeaseStub {
  claimRefresh(now: number, terms: RefreshTerms): Promise<RefreshClaim>
  claimLookup(now: number, client: string): Promise<LookupClaim>
  report(now: number, report: RoundReport): Promise<void>
}

/**
 * What is used of `DurableObjectNamespace<MetagraphLease>`; the installed types do not know
 * `retry` yet.
 */
export interface LeaseNamespace {
  getByName(
    name: string,
    options: DurableObjectNamespaceGetDurableObjectOptions & typeof RETRY_BUDGET,
  ): LeaseStub
}

export function createDurableLease(namespace: LeaseNamespace, name: string): Lease {
  // A stub that has seen a reset is broken for good, so each call takes a fresh one.
  const stub = () => namespace.getByName(name, RETRY_BUDGET)
  return {
    async claimRefresh(now, terms) {
      try {
        return await stub().claimRefresh(now, terms)
      } catch {
        return { granted: true, coolDowns: {} }
      }
    },
    async claimLookup(now, client) {
      try {
        return await stub().claimLookup(now, client)
      } catch {
        return { granted: false, retryAfterSeconds: LOOKUP_RETRY_SECONDS, spentBy: 'subnet' }
      }
    },
    async report(now, report) {
      try {
        await stub().report(now, report)
      } catch {
        // The next refresh begins a little early, or asks an endpoint that should be left alone.
      }
    },
  }
}
