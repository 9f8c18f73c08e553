/**
 * What the headers of an upload claim, and whether it can be true. All of it is decided before the
 * body is read.
 *
 * Presence and grammar, then freshness, then whether hotkey and signature have a possible shape.
 */

import { parseSignature, schemeOf } from '../crypto/signature.ts'
import { decodeSs58 } from '../crypto/ss58.ts'
import { parseSigned } from '../protocol/choose-dialect.ts'
import type { SignedHeaders } from '../protocol/dialect.ts'
import { rejected } from '../protocol/problem.ts'
import { accepted, type Result } from '../protocol/result.ts'

/** The headers' values, parsed. */
export interface Claim extends SignedHeaders {
  /** Unix seconds. */
  readonly timestamp: bigint
  readonly publicKey: Uint8Array
  readonly signatureBytes: Uint8Array
}

export interface ClaimPolicy {
  /** This gateway's own, as the receiver of `btauth/1`; undefined where that dialect is off. */
  readonly gatewayHotkey: string | undefined
  readonly signatureTtlSeconds: number
  readonly nonceTtlSeconds: number
}

/** `now`: Unix seconds when the headers arrived. */
export function checkHeaders(headers: Headers, now: number, policy: ClaimPolicy): Result<Claim> {
  const signed = parseSigned(headers, policy.gatewayHotkey)
  if (!signed.ok) return signed
  const { time } = signed.value
  if (!time.ok) return time
  const fresh = checkFreshness(time.value, now, policy.signatureTtlSeconds)
  return fresh.ok ? checkShape(signed.value, time.value) : fresh
}

/** Whether hotkey and signature have the right shape. */
export function checkShape(signed: SignedHeaders, timestamp: bigint): Result<Claim> {
  const publicKey = decodeSs58(signed.hotkey)?.publicKey
  if (publicKey === undefined) {
    return rejected('invalid_signature', {
      likely_cause: `${signed.hotkeyHeader} is not an SS58 address with a right checksum`,
    })
  }
  const signatureBytes = parseSignature(signed.signature)
  if (signatureBytes === undefined) {
    return rejected('invalid_signature', {
      likely_cause: `${signed.signatureHeader} is not 128 hex digits with an optional 0x`,
    })
  }
  const scheme = schemeOf(signatureBytes)
  if (signed.scheme !== undefined && signed.scheme !== scheme) {
    return rejected('invalid_signature', {
      likely_cause: `the signature is ${scheme} and the request names ${signed.scheme}; name the scheme that signed`,
    })
  }
  return accepted({ ...signed, timestamp, publicKey, signatureBytes })
}

/** Both ends of the window are fresh. */
export function checkFreshness(timestamp: bigint, now: number, windowSeconds: number): Result<true> {
  const skew = timestamp - BigInt(now)
  const window = BigInt(windowSeconds)
  return skew <= window && -skew <= window ? accepted(true) : stale(timestamp, now, windowSeconds)
}

/**
 * A slow body must not outlast the memory of its nonce. An earlier copy of the request reserved
 * the nonce at `timestamp - window` at the earliest, so a replay is certain to be seen until
 * `timestamp
 * - window + retention`.
 */
export function checkDelay(timestamp: bigint, now: number, policy: ClaimPolicy): Result<true> {
  const longest = policy.nonceTtlSeconds - policy.signatureTtlSeconds
  return BigInt(now) - timestamp <= BigInt(longest) ? accepted(true) : stale(timestamp, now, longest)
}

function stale(timestamp: bigint, now: number, allowedSeconds: number) {
  return rejected('stale_signature', {
    server_time: now,
    request_time: toSafeNumber(timestamp),
    skew_seconds: toSafeNumber(timestamp - BigInt(now)),
    max_skew_seconds: allowedSeconds,
  })
}

function toSafeNumber(value: bigint): number | null {
  const number = Number(value)
  return Number.isSafeInteger(number) ? number : null
}
