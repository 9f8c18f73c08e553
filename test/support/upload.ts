/**
 * A valid upload, the world it is valid in, and one change at a time.
 *
 * The clock stands at NOW. Signatures are real: Alice signs, with the development seed that
 * everybody knows.
 */

import { createHash } from 'node:crypto'
import {
  type Admitted,
  admitUpload,
  type Budgets,
  type Found,
  type Policy,
  type Upload,
} from '../../src/admission/admit.ts'
import { type BodyBudget, createBodyBudget } from '../../src/admission/budget.ts'
import { createAttemptBudget } from '../../src/admission/likely-cause.ts'
import type {
  Ledger,
  LedgerFindings,
  LookupAnswer,
  Ports,
  Reservation,
  RunningDigest,
} from '../../src/admission/ports.ts'
import { OPEN_POLICY } from '../../src/challenge/policy.ts'
import { createSigner } from '../../src/crypto/sign.ts'
import { createVerifier } from '../../src/crypto/signature.ts'
import { encodeSs58 } from '../../src/crypto/ss58.ts'
import { canonicalMessage, type ProtocolFamily } from '../../src/protocol/canonical.ts'
import { rejected } from '../../src/protocol/problem.ts'
import { accepted } from '../../src/protocol/result.ts'
import { metagraphOf } from './metagraph.ts'
import { byteStream } from './stream.ts'

export const NOW = 1_700_000_000
export const WINDOW_SECONDS = 300
export const RETENTION_SECONDS = 3600
export const MAX_BYTES = 1000
const PATH = '/v1/challenges/demo/submissions'

export const ALICE = createSigner(
  seed('e5be9a5092b81bca64be81d212e7f2f9eba183bb7a90954f7b76361f6edb5c0a'),
  'sr25519',
)
export const ALICE_HOTKEY = encodeSs58(ALICE.publicKey)
export const STRANGER = createSigner(new Uint8Array(32).fill(7), 'ed25519')
export const STRANGER_HOTKEY = encodeSs58(STRANGER.publicKey)

export interface Changes {
  readonly signer?: typeof ALICE
  readonly headers?: Record<string, string | undefined>
  readonly signed?: Partial<Parameters<typeof canonicalMessage>[0]>
  readonly wrap?: boolean
  readonly timestamp?: string
  readonly nonce?: string
  /** What is sent; what was signed is `signedBody`, the same unless given. */
  readonly body?: Uint8Array
  readonly signedBody?: Uint8Array
  readonly contentLength?: string | undefined
  readonly challengeText?: string
  readonly path?: string
  /** The URL as asked for; the path's own unless given. */
  readonly url?: string
  readonly family?: ProtocolFamily
}

export const BODY = new TextEncoder().encode('zip-bytes')

/** The upload, and whether its body was touched. */
export function signedUpload(changes: Changes = {}): {
  upload: Upload
  wasRead: () => boolean
} {
  const { signer = ALICE, nonce = 'nonce-1', timestamp = String(NOW), body = BODY, path = PATH } = changes
  const hotkey = encodeSs58(signer.publicKey)
  const message = canonicalMessage({
    family: changes.family ?? 'platform',
    netuid: 100,
    slug: 'demo',
    method: 'POST',
    path,
    hotkey,
    nonce,
    timestamp,
    bodyHash: sha256(changes.signedBody ?? body),
    ...changes.signed,
  })
  const signedText = changes.wrap === true ? `<Bytes>${message}</Bytes>` : message
  const signature = signer.sign(new TextEncoder().encode(signedText), new Uint8Array(32).fill(1))
  const contentLength = 'contentLength' in changes ? changes.contentLength : String(body.byteLength)
  const headers = toHeaders({
    'x-hotkey': hotkey,
    'x-signature': `0x${hex(signature)}`,
    'x-nonce': nonce,
    'x-timestamp': timestamp,
    'content-length': contentLength,
    ...changes.headers,
  })
  let read = false
  const stream = byteStream([body], () => {
    read = true
  })
  const upload: Upload = {
    challengeText: changes.challengeText ?? 'demo',
    method: 'POST',
    path,
    url: changes.url ?? `https://gateway.example.com${path}`,
    headers,
    body: stream,
    requestId: 'request-1',
    client: '203.0.113.5',
    receivedAt: NOW,
  }
  return { upload, wasRead: () => read }
}

export interface World {
  readonly policy: Policy
  readonly ports: Ports
  readonly budgets: Budgets
  /** Nonces spent so far. */
  readonly spent: Map<string, Reservation>
}

export interface WorldChanges {
  readonly policy?: Partial<Policy>
  /** SS58 by uid; undefined for a gateway without a snapshot. */
  readonly hotkeys?: readonly string[] | undefined
  readonly token?: boolean
  readonly ledger?: Partial<Ledger>
  readonly capBytes?: number
  /** How long the body takes to arrive. */
  readonly bodySeconds?: number
  /** Room for hotkeys that are not in the snapshot. */
  readonly newcomerBytes?: number
  /** What the chain says of a hotkey that is not in the snapshot. */
  readonly lookup?: LookupAnswer
  readonly recall?: { readonly uid: number; readonly block: number }
}

/** Alice is uid 1; uid 0 is the all-sevens key, blocked as in production. */
export function world(changes: WorldChanges = {}): World {
  const spent = new Map<string, Reservation>()
  const hotkeys = 'hotkeys' in changes ? changes.hotkeys : [STRANGER_HOTKEY, ALICE_HOTKEY]
  const origin = new URL('https://origin.example.com')
  return {
    spent,
    budgets: {
      uploads: budgetOf(changes.capBytes),
      newcomers: budgetOf(changes.newcomerBytes),
      passing: budgetOf(),
    },
    policy: {
      family: 'platform',
      netuid: 100,
      gatewayHotkey: undefined,
      challenges: [
        {
          slug: 'demo',
          name: 'Demo Challenge',
          status: 'active',
          origins: [origin],
          marker: undefined,
          policy: OPEN_POLICY,
        },
        {
          slug: 'asleep',
          name: 'Asleep',
          status: 'inactive',
          origins: [origin],
          marker: undefined,
          policy: OPEN_POLICY,
        },
      ],
      signatureTtlSeconds: WINDOW_SECONDS,
      nonceTtlSeconds: RETENTION_SECONDS,
      maxUploadBytes: MAX_BYTES,
      requireRegisteredHotkey: true,
      blockedUids: new Set([0]),
      blockedHotkeys: new Set(),
      extraHotkeys: new Set(),
      ...changes.policy,
    },
    ports: {
      now: () => NOW + (changes.bodySeconds ?? 0),
      metagraph: {
        current: async () => hotkeys && metagraphOf(hotkeys, NOW - 24),
        recall: () => changes.recall,
        lookup: async () => changes.lookup ?? 'unregistered',
      },
      ledger: { ...memoryLedger(spent), ...changes.ledger },
      verify: createVerifier(),
      after: () => () => {},
      newDigest,
      causes: createAttemptBudget(() => NOW),
      hasToken: () => changes.token ?? true,
    },
  }
}

function budgetOf(capBytes = 1_000_000): BodyBudget {
  return createBodyBudget({ capBytes, now: () => NOW, abandonedSeconds: 600 })
}

export function admit(upload: Upload, { policy, ports, budgets }: World): Promise<Found<Admitted>> {
  return admitUpload(upload, policy, ports, budgets)
}

/** A SHA-256 that runs, as the worker takes it from the platform. */
export function newDigest(): RunningDigest {
  const digest = createHash('sha256')
  return {
    update: async (bytes) => {
      digest.update(bytes)
    },
    hex: async () => digest.digest('hex'),
  }
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** What the ledger in memory finds out whenever it is asked. */
export const ASKED: LedgerFindings = { milliseconds: 3 }

function memoryLedger(spent: Map<string, Reservation>): Ledger {
  const original = (mine: Reservation, first: Reservation) => ({
    request_id: first.requestId,
    reserved_at: first.reservedAt,
    body_matches: first.bodyHash === mine.bodyHash,
    outcome: 'in_flight' as const,
  })
  return {
    async reserve(_, reservation) {
      const first = spent.get(reservation.nonce)
      if (first !== undefined && first.requestId !== reservation.requestId) {
        return { ...rejected('nonce_already_used', { original: original(reservation, first) }), found: ASKED }
      }
      spent.set(reservation.nonce, reservation)
      return { ...accepted('reserved'), found: ASKED }
    },
    async find(_, reservation) {
      const first = spent.get(reservation.nonce)
      return { ...accepted(first && original(reservation, first)), found: ASKED }
    },
    async free(_, nonce, requestId) {
      return spent.get(nonce)?.requestId === requestId && spent.delete(nonce)
    },
    settle: async () => {},
  }
}

export function toHeaders(values: Record<string, string | undefined>): Headers {
  const headers = new Headers()
  for (const [name, value] of Object.entries(values)) if (value !== undefined) headers.set(name, value)
  return headers
}

function seed(text: string): Uint8Array {
  return Uint8Array.from(Buffer.from(text, 'hex'))
}

export function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex')
}
