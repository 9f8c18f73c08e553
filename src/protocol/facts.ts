/**
 * The facts of each refusal, and the sentences that are made from them.
 *
 * No fact may hold a token, a signature, a body byte or an origin's host.
 */

/** What to do after most refusals that spent nothing. */
export const SIGN_AGAIN = 'Sign again with a fresh nonce and timestamp, then send.'

/** What a limit counts, as words behind its number. */
export const LIMITED: Record<LimitName, string> = {
  address: 'uploads from one address',
  hotkey: 'uploads of one hotkey',
  uploads: 'uploads of one hotkey to one challenge',
  dry_run: 'dry runs from one address',
}

/** What to do about a used nonce, by the outcome of the upload that used it. */
export const REPLAY_HINTS: Record<NonceOutcome, string> = {
  in_flight:
    'The first upload with this nonce is still on its way. Wait, then send the identical request again.',
  delivered:
    'The challenge answered the first upload with this nonce. Sign with a fresh nonce only if you want to upload again.',
  not_delivered:
    'The first upload with this nonce never reached the challenge. Sign again with a fresh nonce.',
  unknown:
    'The first upload with this nonce may have reached the challenge. Look for it among your submissions there; sign again with a fresh nonce if it is not one of them.',
}

/**
 * Units that are mistaken for seconds, with the smallest number that is read as each: March 1973
 * in that unit, and a far future in every coarser unit.
 */
const UNITS = [
  [100_000_000_000_000, 'microseconds'],
  [100_000_000_000, 'milliseconds'],
] as const
/**
 * In seconds this is March 1973. Seconds, milli- and microseconds that are read as nanoseconds are
 * less.
 */
const LONG_PAST = 100_000_000

export type NoFacts = Record<never, never>
/** The setting that this gateway lacks, where that is the only reason for the refusal. */
export type SettingFacts = { readonly setting?: string }
export interface RetryFacts {
  readonly retry_after_seconds: number
}
/** The slugs of active challenges, at most 20. */
export type ChallengeFacts = { readonly challenges: readonly string[] }
type MetagraphFacts = { readonly metagraph_block: number; readonly metagraph_age_seconds: number }
type HotkeyFacts = { readonly hotkey: string; readonly netuid: number }
/**
 * `looked_up`: the chain itself was asked and does not know the hotkey. Otherwise it may have
 * registered after the snapshot.
 */
export type UnknownHotkeyFacts = HotkeyFacts &
  MetagraphFacts & { readonly looked_up: boolean; readonly retry_after_seconds?: number }
/** `uid` null: the hotkey itself is blocked, under any uid. */
export type BlockedFacts = HotkeyFacts & Partial<MetagraphFacts> & { readonly uid: number | null }
/** `reason` says what was wrong, in words of the gateway and not of the client. */
export type BadRequestFacts = { readonly reason?: string }

/**
 * What is limited: a client's address, a hotkey, a hotkey's uploads to one challenge, or an
 * address's dry runs.
 */
export type LimitName = 'address' | 'hotkey' | 'uploads' | 'dry_run'

/** `limit_requests` in any `limit_seconds`. */
export interface LimitFacts extends RetryFacts {
  readonly limit: LimitName
  readonly limit_requests: number
  readonly limit_seconds: number
}

/**
 * What became of the request that first used a nonce. `unknown`: it may or may not have reached
 * the challenge.
 */
export type NonceOutcome = 'in_flight' | 'delivered' | 'not_delivered' | 'unknown'

export interface OriginalUpload {
  /** `X-Request-Id` that the challenge saw with the first upload. */
  readonly request_id: string
  /** Unix seconds. */
  readonly reserved_at: number
  /** Whether the first upload had the same SHA-256 as this one. */
  readonly body_matches: boolean
  readonly outcome: NonceOutcome
  /** The challenge's HTTP status, present when `outcome` is `delivered`. */
  readonly status?: number
}

/** One field of the canonical message and where the gateway took it from. */
export interface SignedField {
  readonly name: string
  readonly value: string
  readonly source: string
}

/** A refusal stays short however long the query is that was signed. */
const SHOWN_CHARACTERS = 768

/** A field as a refusal shows it: of a long value its beginning, and its length. */
export function shownField(field: SignedField): SignedField {
  return { ...field, value: beginningOf(field.value, SHOWN_CHARACTERS) }
}

/** The signed text, long enough for one field of the shown length and all the others. */
export function shownMessage(message: string): string {
  return beginningOf(message, 2 * SHOWN_CHARACTERS)
}

function beginningOf(text: string, most: number): string {
  return text.length <= most ? text : `${text.slice(0, most)}… (${text.length} characters)`
}

/** What `invalid_signature` shows; all but `likely_cause` is absent when the body was not read. */
export interface InvalidSignatureFacts {
  readonly likely_cause: string
  readonly canonical_message?: string
  readonly fields?: readonly SignedField[]
  readonly body_bytes?: number
}

/**
 * `request_time` and `skew_seconds` are null for a number no clock can show (beyond 2^53). Skew is
 * client minus server.
 */
export interface StaleFacts {
  readonly server_time: number
  readonly request_time: number | null
  readonly skew_seconds: number | null
  readonly max_skew_seconds: number
}

/** How far off a clock is, and which way. */
export function clockSentence(facts: StaleFacts): string {
  const skew = facts.skew_seconds
  if (skew === null)
    return 'Send X-Timestamp in whole Unix seconds: no clock shows this number. Divide nanoseconds by 1,000,000,000.'
  const unit = UNITS.find(([from]) => (facts.request_time ?? 0) >= from)?.[1]
  if (unit !== undefined) return `X-Timestamp is in ${unit}: send whole seconds.`
  if (facts.server_time > LONG_PAST && (facts.request_time ?? 0) < LONG_PAST)
    return 'The signed time is decades ago: send X-Timestamp in whole seconds, X-Bittensor-Nonce in nanoseconds.'
  const way = skew > 0 ? 'ahead of' : 'behind'
  return `The signed time is ${Math.abs(skew)} seconds ${way} the gateway's clock; at most ${facts.max_skew_seconds} are allowed.`
}
