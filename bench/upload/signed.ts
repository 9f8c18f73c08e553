/**
 * Really signed uploads, made before the clock runs: fresh nonces, hotkeys by turns, and one body for each size.
 */

import { createHash, randomBytes, randomUUID } from 'node:crypto'
import { DEV_KEYS } from '../../dev/keys.ts'
import { createSigner, type Signer } from '../../src/crypto/sign.ts'
import { signUpload, submissionsPath } from '../../src/miner/sign.ts'

export const SLUG = 'bench'
export const NETUID = 100
export const UPLOAD_PATH = submissionsPath(SLUG)

/** Registered on the development chain. Miners sign with sr25519, so the load does too. */
export const REGISTERED: readonly Signer[] = DEV_KEYS.filter(({ scheme }) => scheme === 'sr25519').map(
  ({ seed, scheme }) => createSigner(Buffer.from(seed, 'hex'), scheme),
)

export function strangers(count: number): readonly Signer[] {
  return Array.from({ length: count }, () => createSigner(randomBytes(32), 'sr25519'))
}

/** The body of every upload of this size. */
export function bodyOf(bytes: number): Buffer {
  return Buffer.alloc(bytes, 'def act(state):\n    return state.best_move()\n')
}

export function hashOf(bytes: number): string {
  const known = hashes.get(bytes) ?? createHash('sha256').update(bodyOf(bytes)).digest('hex')
  hashes.set(bytes, known)
  return known
}

const hashes = new Map<number, string>()

/** Header lines of `count` uploads, each ended by CRLF; valid for the gateway's freshness window of 300 seconds. */
export function signUploads(count: number, bytes: number, signers: readonly Signer[]): readonly string[] {
  const bodyHash = hashOf(bytes)
  const timestamp = Math.floor(Date.now() / 1000)
  return Array.from({ length: count }, (_, index) => {
    const signer = signers[index % signers.length]
    if (signer === undefined) throw new Error('no signer')
    const upload = {
      family: 'platform',
      netuid: NETUID,
      slug: SLUG,
      bodyHash,
      nonce: randomUUID(),
      timestamp,
    } as const
    const { headers } = signUpload(upload, signer, randomBytes(32))
    return Object.entries(headers)
      .map(([name, value]) => `${name}: ${value}\r\n`)
      .join('')
  })
}
