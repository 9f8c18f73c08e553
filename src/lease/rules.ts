/**
 * What all isolates of the gateway must agree on: whose turn it is to ask the chain, and how
 * often.
 *
 * Public nodes ration by source address and the gateway's isolates share theirs, so refreshes,
 * lookups and cool-downs are counted in one place per subnet. Rules only; `object.ts` keeps the
 * state.
 */

/**
 * Lookups of fresh registrations, subnet-wide. Public nodes allow about 60 requests a minute in
 * all.
 */
export const LOOKUPS_PER_MINUTE = 20
/** Lookups for one client, so that a stranger with many keys leaves the others their share. */
export const LOOKUPS_PER_CLIENT = 5

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
  /** Endpoints that contradicted each other in the last refresh, by name. */
  readonly contradicting: readonly string[]
}

export const NEW_LEASE: LeaseState = {
  claimedAt: 0,
  refreshedAt: 0,
  minute: 0,
  lookups: 0,
  coolDowns: {},
  contradicting: [],
}

/**
 * A refresh is granted when the last one began, and the last one that succeeded was, at least so
 * long ago.
 */
export interface RefreshTerms {
  readonly sinceClaimSeconds: number
  readonly sinceSuccessSeconds: number
}

interface Granted {
  readonly granted: true
  readonly coolDowns: CoolDowns
}

/** After how many seconds to ask again. */
interface Denied {
  readonly granted: false
  readonly retryAfterSeconds: number
}

/** A refresh that is denied learns which endpoints contradicted each other in the last one. */
export type RefreshClaim = Granted | (Denied & Pick<LeaseState, 'contradicting'>)

/** `spentBy`: whose share of the minute is used up, the client's or the whole subnet's. */
export type LookupClaim = Granted | (Denied & { readonly spentBy: 'client' | 'subnet' })

/** What one round of questions to the endpoints brought. */
export interface RoundReport {
  readonly coolDowns: CoolDowns
  /** Of a refresh; a lookup leaves it out. */
  readonly refresh?: { readonly succeeded: boolean; readonly contradicting: readonly string[] }
}

/**
 * The one counter of a subnet. Never throws: when it cannot be reached, refreshes are granted and
 * lookups are not.
 */
export interface Lease {
  claimRefresh(now: number, terms: RefreshTerms): Promise<RefreshClaim>
  /**
   * `client` is the network that asks; empty when it is not known, and then only the subnet's
   * budget counts.
   */
  claimLookup(now: number, client: string): Promise<LookupClaim>
  report(now: number, report: RoundReport): Promise<void>
}

export function claimRefresh(
  state: LeaseState,
  now: number,
  terms: RefreshTerms,
): [LeaseState, RefreshClaim] {
  const wait = Math.max(
    terms.sinceClaimSeconds - elapsed(state.claimedAt, now),
    terms.sinceSuccessSeconds - elapsed(state.refreshedAt, now),
  )
  if (wait > 0) {
    const { contradicting } = state
    return [state, { granted: false, retryAfterSeconds: Math.ceil(wait), contradicting }]
  }
  return [
    { ...state, claimedAt: now },
    { granted: true, coolDowns: state.coolDowns },
  ]
}

/** `spentByClient`: what the client was granted in this minute already. */
export function claimLookup(
  state: LeaseState,
  now: number,
  spentByClient: number,
): [LeaseState, LookupClaim] {
  const minute = minuteOf(now)
  const lookups = state.minute === minute ? state.lookups : 0
  const denied = { granted: false, retryAfterSeconds: Math.ceil(60 - (now % 60)) } as const
  if (spentByClient >= LOOKUPS_PER_CLIENT) return [state, { ...denied, spentBy: 'client' }]
  if (lookups >= LOOKUPS_PER_MINUTE) return [state, { ...denied, spentBy: 'subnet' }]
  return [
    { ...state, minute, lookups: lookups + 1 },
    { granted: true, coolDowns: state.coolDowns },
  ]
}

export function minuteOf(now: number): number {
  return Math.floor(now / 60)
}

export function applyReport(state: LeaseState, now: number, report: RoundReport): LeaseState {
  const coolDowns = Object.entries({ ...state.coolDowns, ...report.coolDowns }).filter(
    ([, until]) => until > now,
  )
  return {
    ...state,
    refreshedAt: report.refresh?.succeeded ? now : state.refreshedAt,
    contradicting: report.refresh?.contradicting ?? state.contradicting,
    coolDowns: Object.fromEntries(coolDowns),
  }
}

/** A time in the future means that the clock was set back; no request waits for it. */
function elapsed(since: number, now: number): number {
  return since > now ? Number.POSITIVE_INFINITY : now - since
}
