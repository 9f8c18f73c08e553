/**
 * Checks the master's weights, and removes what the public may not see.
 *
 * Validators set these on chain, so an answer with weights of another subnet, or with expired
 * ones, is refused. The text of a challenge's failure (an exception that names internal URLs) is
 * not passed on.
 */

import { isRecord, parseJson } from '../protocol/json.ts'

/** Replaces the text of a source's error. */
const SAFE_ERROR = 'Challenge unavailable'

export interface Weights {
  /** JSON; the master's own bytes unless an error in it had to be replaced. */
  readonly text: string
  /** Unix seconds, rounded down; not to be served from then on. */
  readonly expiresAt: number
}

/** Undefined for anything but usable weights of subnet `netuid` that are valid at `now`. */
export function parseWeights(text: string, netuid: number, now: number): Weights | undefined {
  const value = parseJson(text)
  if (!isRecord(value) || value['netuid'] !== netuid) return undefined
  const { uids, weights, hotkey_weights, expires_at, source_challenges } = value
  if (!Array.isArray(uids) || !Array.isArray(weights) || uids.length !== weights.length) return undefined
  if (!uids.every(isUid) || !weights.every(isShare) || !isRecord(hotkey_weights)) return undefined
  if (!Array.isArray(source_challenges) || !source_challenges.every(isRecord)) return undefined
  const expiresAt = Math.floor(parseTime(expires_at) / 1000)
  if (!(expiresAt > now)) return undefined
  const failed = source_challenges.some(({ error }) => error !== null && error !== undefined)
  if (!failed) return { text, expiresAt }
  const safe = source_challenges.map((each) => ({
    ...each,
    error: each['error'] == null ? null : SAFE_ERROR,
  }))
  return { text: JSON.stringify({ ...value, source_challenges: safe }), expiresAt }
}

/**
 * RFC 3339 in milliseconds; NaN for a time without a zone, which readers would take for different
 * times.
 */
function parseTime(text: unknown): number {
  return typeof text === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)$/.test(text)
    ? Date.parse(text)
    : Number.NaN
}

function isUid(value: unknown): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= 65_535
}

function isShare(value: unknown): boolean {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0
}
