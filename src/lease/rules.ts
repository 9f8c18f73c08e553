/**
 * What all isolates of the gateway must agree on: whose turn it is to ask the chain, and how often.
 *
 * Public nodes ration by source address and the gateway's isolates share theirs, so refreshes, lookups and cool-downs are counted
 * in one place per subnet. Rules only; `object.ts` keeps the state.
 */

/** Lookups of fresh registrations, subnet-wide. Public nodes allow about 60 requests a minute in all. */
export const LOOKUPS_PER_MINUTE = 20

/** Unix seconds until which an endpoint is left alone, by its name. */
export type CoolDowns = Readonly<Record<string, number>>

export interface LeaseState {
  /** Unix seconds when a refresh was last begun; 0 when never. */
  readonly claimedAt: number
  /** Unix seconds when a refresh last brought an answer that could be believed. */
  readonly refreshedAt: number
  /** Minute (Unix seconds / 60) that `lookups` counts. */
  readonly minute: number
  readonly lookups: number
  readonly coolDowns: CoolDowns
}

export const NEW_LEASE: LeaseState = { claimedAt: 0, refreshedAt: 0, minute: 0, lookups: 0, coolDowns: {} }

/** How long nobody must have begun a refresh, and how long none must have succeeded, for another to be granted. */
export interface RefreshTerms {
  readonly sinceClaimSeconds: number
  readonly sinceSuccessSeconds: number
}

/** Refused, it says after how many seconds to ask again. */
export type Claim =
  | { readonly granted: true; readonly coolDowns: CoolDowns }
  | { readonly granted: false; readonly retryAfterSeconds: number }

export interface RefreshReport {
  readonly succeeded: boolean
  readonly coolDowns: CoolDowns
}

/** The one counter of a subnet. Never throws: when it cannot be reached, refreshes are granted and lookups are not. */
export interface Lease {
  claimRefresh(now: number, terms: RefreshTerms): Promise<Claim>
  claimLookup(now: number): Promise<Claim>
  report(now: number, report: RefreshReport): Promise<void>
}

export function claimRefresh(state: LeaseState, now: number, terms: RefreshTerms): [LeaseState, Claim] {
  const wait = Math.max(
    terms.sinceClaimSeconds - elapsed(state.claimedAt, now),
    terms.sinceSuccessSeconds - elapsed(state.refreshedAt, now),
  )
  if (wait > 0) return [state, { granted: false, retryAfterSeconds: Math.ceil(wait) }]
  return [
    { ...state, claimedAt: now },
    { granted: true, coolDowns: state.coolDowns },
  ]
}

export function claimLookup(state: LeaseState, now: number): [LeaseState, Claim] {
  const minute = Math.floor(now / 60)
  const lookups = state.minute === minute ? state.lookups : 0
  if (lookups >= LOOKUPS_PER_MINUTE)
    return [state, { granted: false, retryAfterSeconds: Math.ceil(60 - (now % 60)) }]
  return [
    { ...state, minute, lookups: lookups + 1 },
    { granted: true, coolDowns: state.coolDowns },
  ]
}

export function applyReport(state: LeaseState, now: number, report: RefreshReport): LeaseState {
  const coolDowns = Object.entries({ ...state.coolDowns, ...report.coolDowns }).filter(
    ([, until]) => until > now,
  )
  return {
    ...state,
    refreshedAt: report.succeeded ? now : state.refreshedAt,
    coolDowns: Object.fromEntries(coolDowns),
  }
}

/** A time in the future is a clock that was set back: it holds nobody up. */
function elapsed(since: number, now: number): number {
  return since > now ? Number.POSITIVE_INFINITY : now - since
}
