/**
 * Really signed uploads, made before the clock runs, by the 255 miners of a full subnet or some of
 * them.
 */

import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { signUpload, submissionsPath } from '../../../miner/sign.ts'
import { createSigner, type Signer } from '../../../src/crypto/sign.ts'
import { hashOf } from './bodies.ts'

export const SLUG = 'bench'
export const NETUID = 100
export const UPLOAD_PATH = submissionsPath(SLUG)
const MINERS = 255
/** Registered too, and each uploads at most once: no isolate has seen its key. */
const RARE_MINERS = 2000

/**
 * Uid 0 is the subnet's owner and may not upload; the others may. Miners sign with sr25519, so the
 * load does too.
 */
export const [OWNER, ...REGISTERED] = Array.from({ length: 1 + MINERS }, (_, uid) =>
  createSigner(createHash('sha256').update(`bench hotkey ${uid}`).digest(), 'sr25519'),
)

const RARE = Array.from({ length: RARE_MINERS }, (_, index) =>
  createSigner(createHash('sha256').update(`bench rare hotkey ${index}`).digest(), 'sr25519'),
)
export const MEMBERS: readonly Uint8Array[] = [OWNER, ...REGISTERED, ...RARE].flatMap((signer) =>
  signer === undefined ? [] : signer.publicKey,
)
let rareUsed = 0

/** Registered miners that have not been given out before. */
export function takeRare(count: number): readonly Signer[] {
  const taken = RARE.slice(rareUsed, rareUsed + count)
  if (taken.length < count) throw new Error('every rare hotkey has uploaded')
  rareUsed += count
  return taken
}

export function strangers(count: number): readonly Signer[] {
  return Array.from({ length: count }, () => createSigner(randomBytes(32), 'sr25519'))
}

/** Counts on through all runs, so that every hotkey uploads equally often. */
let turn = 0

/**
 * Header lines of `count` uploads, each ended by CRLF; valid for the gateway's freshness window of
 * 300 seconds.
 */
export function signUploads(
  count: number,
  bytes: number,
  signers: readonly Signer[] = REGISTERED,
): readonly string[] {
  const bodyHash = hashOf(bytes)
  const timestamp = Math.floor(Date.now() / 1000)
  return Array.from({ length: count }, () => {
    const signer = signers[turn++ % signers.length]
    if (signer === undefined) throw new Error('no signer')
    const nonce = randomUUID()
    const upload = { family: 'platform', netuid: NETUID, slug: SLUG, bodyHash, nonce, timestamp } as const
    const { headers } = signUpload(upload, signer, randomBytes(32))
    return Object.entries(headers)
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('')
  })
}
