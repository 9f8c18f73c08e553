/**
 * What happens to the n-th upload: all of it from the seed, so that a run can be planned again.
 */

import { signUpload, submissionsPath } from '../../miner/sign.ts'
import { createSigner, type Signer } from '../../src/crypto/sign.ts'
import { encodeSs58 } from '../../src/crypto/ss58.ts'
import { DEV_KEYS } from '../../tools/dev/keys.ts'
import { createRandom, type Random } from '../crypto/random.ts'
import { sha256 } from '../support/upload.ts'
import { BEHAVIOURS, type Behaviour } from './witness.ts'

/**
 * `once`; `twice` at once; `again` after the answer; `leaves` before it; `other`: the same nonce
 * for another body, signed for it, after the first.
 */
const COURSES = ['once', 'once', 'once', 'twice', 'twice', 'again', 'leaves', 'leaves', 'other'] as const
type Course = (typeof COURSES)[number]

export const SLUG = 'soak'
/** Stands in every body, and must stand in no log. */
export const BODY_CANARY = 'soak-body-canary'
/** Every nonce matches, and nothing else does. */
export const NONCE_PATTERN = /soak-nonce-[0-9]+-[0-9]+/
const MOST_LEAVE_MS = 60

export interface Signed {
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array
  readonly bodyHash: string
}

export interface Planned {
  readonly course: Course
  readonly behaviour: Behaviour
  readonly leaveAfterMs: number
  readonly hotkey: string
  readonly nonce: string
  readonly first: Signed
  /** Of the course `other`. */
  readonly second: Signed | undefined
}

const SIGNERS = DEV_KEYS.map(({ seed, scheme }) =>
  createSigner(Uint8Array.from(Buffer.from(seed, 'hex')), scheme),
)

export function planUpload(seed: string, index: number, timestamp: number): Planned {
  const random = createRandom(`${seed}:${index}`)
  const course = pick(random, COURSES)
  // Most uploads meet a challenge that is well; one that hangs costs a second each.
  const behaviour = random.below(3) > 0 ? 'well' : pick(random, BEHAVIOURS)
  const signer = pick(random, SIGNERS)
  const nonce = `soak-nonce-${seed}-${index}`
  const first = sign(random, signer, nonce, timestamp)
  return {
    course,
    behaviour,
    leaveAfterMs: random.below(MOST_LEAVE_MS),
    hotkey: encodeSs58(signer.publicKey),
    nonce,
    first,
    second: course === 'other' ? sign(random, signer, nonce, timestamp) : undefined,
  }
}

function sign(random: Random, signer: Signer, nonce: string, timestamp: number): Signed {
  const body = Buffer.concat([Buffer.from(BODY_CANARY), random.bytes(sizeOf(random))])
  const bodyHash = sha256(body)
  const upload = {
    family: 'platform',
    netuid: 100,
    slug: SLUG,
    path: submissionsPath(SLUG),
    bodyHash,
    nonce,
    timestamp,
  } as const
  return { headers: signUpload(upload, signer, random.bytes(32)).headers, body, bodyHash }
}

/** Mostly small; now and then more than one read of the body. */
function sizeOf(random: Random): number {
  return random.below(20) === 0 ? random.below(300_000) : random.below(2000)
}

function pick<T>(random: Random, from: readonly T[]): T {
  const chosen = from[random.below(from.length)]
  if (chosen === undefined) throw new RangeError('nothing to pick from')
  return chosen
}
