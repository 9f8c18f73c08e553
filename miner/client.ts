/**
 * The SDK: `import { createClient, seedSigner } from 'platform-edge-gateway/client'`.
 *
 * Runs wherever there is `fetch` and `crypto.subtle`: Node, browsers, workers. Nothing is thrown
 * for what the network or the gateway says; every call answers a value (`Answer`). What is thrown
 * is a bug of the caller, such as a slug that cannot be one.
 */

import { hexToBytes } from '@noble/hashes/utils.js'
import { base64 } from '@scure/base'
import { isSlug, type ProtocolFamily } from '../src/protocol/canonical.ts'
import { isFilename } from '../src/protocol/filename.ts'
import { MINER_USER_AGENT } from '../src/protocol/user-agent.ts'
import { type Answer, lostAnswer, originalOf, readAnswer } from './answer.ts'
import type { DryRunReport } from './documents.ts'
import { clockOffset, mayHaveArrived, waitBefore } from './retry.ts'
import { hashBody, type SignedUpload, signedUpload, submissionsPath, uploadMessage } from './sign.ts'
import { type HotkeySigner, signatureHex } from './signer.ts'

export { type Answer, type Delivered, firstArrived, type Problem, parseProblem } from './answer.ts'
export type { DryRunReport, Limits } from './documents.ts'
export { MAX_RETRIES } from './retry.ts'
export { hashBody, type SignedUpload, submissionsPath } from './sign.ts'
export { type HotkeySigner, keySigner, type SignRaw, seedSigner, walletSigner } from './signer.ts'

/** How an attempt differs from the one before. */
type Attempt = 'fresh nonce' | 'same nonce' | 'as it was'

/** What a header can carry. */
const PRINTABLE = /^[\x20-\x7e]{1,256}$/

/** The part of `fetch` that is used. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>

export interface ClientOptions {
  /** `https://gateway.example.com` */
  readonly gateway: string
  /** Needed to sign; reads work without. */
  readonly signer?: HotkeySigner
  /** Netuid and protocol family; what is absent is asked of the gateway (`GET /version`). */
  readonly protocol?: Partial<Protocol>
  /**
   * Retry what may pass; true unless given. With a fresh nonce, but for an upload that may have
   * arrived.
   */
  readonly retries?: boolean
  /** Told before an upload's body leaves, before each wait, and when the clock was corrected. */
  readonly onEvent?: (event: ClientEvent) => void
  readonly fetch?: Fetch
  /** Unix milliseconds. */
  readonly now?: () => number
  readonly sleep?: (milliseconds: number) => Promise<unknown>
}

export interface Protocol {
  readonly netuid: number
  readonly family: ProtocolFamily
}

export type ClientEvent =
  /**
   * An upload is about to leave. From here on it may arrive; only the same nonce tells whether it
   * did.
   */
  | { readonly event: 'send'; readonly nonce: string }
  | {
      readonly event: 'retry'
      readonly seconds: number
      readonly retry: number
      /** Whether the nonce goes out again, since the upload may have arrived. */
      readonly sameNonce: boolean
      readonly after: Answer<unknown>
    }
  | { readonly event: 'clock'; readonly offsetSeconds: number }

export interface Upload {
  /** The challenge's slug. */
  readonly challenge: string
  readonly body: Uint8Array<ArrayBuffer>
  /**
   * A plain file name in printable ASCII, without a slash or backslash; the challenge gets it
   * unsigned.
   */
  readonly filename?: string
  readonly contentType?: string
  /**
   * Random unless given. A given nonce is kept in retries, so that a 409 tells whether the first
   * attempt arrived.
   */
  readonly nonce?: string
}

export interface Client {
  /** The headers of one upload, and the message they sign. */
  signUpload(upload: Upload): Promise<Answer<SignedUpload>>
  /** Signs and sends. `T` is what the challenge answers. */
  submitUpload<T = unknown>(upload: Upload): Promise<Answer<T>>
  /** The dry run: signs, and asks what would become of it. */
  verifyUpload(upload: Upload): Promise<Answer<DryRunReport>>
  getSubmission<T = unknown>(challenge: string, id: string): Promise<Answer<T>>
  /** `GET` of a path of the gateway. */
  read<T>(path: string): Promise<Answer<T>>
}

export function createClient(options: ClientOptions): Client {
  const gateway = new URL(options.gateway)
  const send = options.fetch ?? ((url, init) => fetch(url, init))
  const now = options.now ?? Date.now
  const sleep = options.sleep ?? ((milliseconds) => new Promise((done) => setTimeout(done, milliseconds)))
  let offsetSeconds = 0
  let known: Protocol | undefined

  const seconds = () => Math.floor(now() / 1000)
  const urlOf = (path: string) => gateway.origin + gateway.pathname.replace(/\/+$/, '') + path

  async function ask<T>(path: string, init: RequestInit): Promise<Answer<T>> {
    const url = urlOf(path)
    const headers = { ...init.headers, 'User-Agent': MINER_USER_AGENT }
    try {
      // A redirect of an upload would take it to whatever answered.
      return await readAnswer<T>(await send(url, { ...init, headers, redirect: 'manual' }), url, seconds())
    } catch (error) {
      return { ok: false, kind: 'unreachable', cause: causeOf(error) }
    }
  }

  /**
   * Asks again what may pass. `once` is an upload that must not count twice: while it may have
   * arrived it is sent as it was, and gets a fresh nonce only when the gateway says that it did
   * not arrive.
   */
  async function persist<T>(
    attempt: (how: Attempt) => Promise<Answer<T>>,
    once?: Upload,
  ): Promise<Answer<T>> {
    let corrected = false
    let how: Attempt = 'fresh nonce'
    let doubted: Answer<T> | undefined
    for (let retry = 0; ; ) {
      const answer = await attempt(how)
      const original = originalOf(answer)
      // A nonce that was used before this call, or for another file, is not one of our attempts.
      if (original !== undefined && (doubted === undefined || !original.body_matches)) return answer
      const lost = lostAnswer(answer)
      if (lost !== undefined) return lost
      const gone = original?.outcome === 'not_delivered'
      if (gone && once?.nonce !== undefined) return answer
      const before = doubted
      if (gone) doubted = undefined
      else if (once !== undefined && mayHaveArrived(answer)) doubted ??= answer

      const offset = clockOffset(answer, seconds())
      if (options.retries !== false && offset !== undefined && !corrected) {
        corrected = true
        offsetSeconds = offset
        how = doubted === undefined ? 'fresh nonce' : 'same nonce'
        options.onEvent?.({ event: 'clock', offsetSeconds: offset })
        continue
      }
      const wait = options.retries === false ? undefined : waitBefore(retry, answer, Math.random())
      if (wait === undefined && gone) return before ?? answer
      if (wait === undefined)
        return doubted === undefined || answer.ok ? answer : { ...answer, mayHaveArrived: true }
      retry += 1
      how = doubted === undefined ? 'fresh nonce' : 'as it was'
      options.onEvent?.({
        event: 'retry',
        seconds: wait,
        retry,
        sameNonce: how !== 'fresh nonce',
        after: answer,
      })
      await sleep(wait * 1000)
    }
  }

  const read = <T>(path: string) => persist(() => ask<T>(path, { method: 'GET' }))

  async function protocol(): Promise<Answer<Protocol>> {
    known ??= whole(options.protocol ?? {})
    if (known !== undefined) return local(known)
    const version = await read<{ readonly netuid?: unknown; readonly protocol_family?: unknown }>('/version')
    if (!version.ok) return version
    const { netuid, protocol_family } = version.value ?? {}
    if (typeof netuid !== 'number' || (protocol_family !== 'platform' && protocol_family !== 'base')) {
      return { ok: false, kind: 'unreachable', cause: `${gateway.origin} does not answer as a gateway` }
    }
    const given = options.protocol ?? {}
    known = { netuid: given.netuid ?? netuid, family: given.family ?? protocol_family }
    return local(known)
  }

  async function sign(upload: Upload, bodyHash: string, { netuid, family }: Protocol): Promise<SignedUpload> {
    const { signer } = options
    if (signer === undefined) throw new TypeError('createClient needs a signer to sign')
    const nonce = upload.nonce ?? crypto.randomUUID()
    const timestamp = seconds() + offsetSeconds
    const toSign = { family, netuid, slug: upload.challenge, nonce, timestamp, bodyHash }
    const message = new TextEncoder().encode(uploadMessage(toSign, signer.hotkey))
    return signedUpload(toSign, signer.hotkey, signatureHex(await signer.sign(message)))
  }

  async function post<T>(upload: Upload, suffix: string): Promise<Answer<T>> {
    const path = pathOf(upload) + suffix
    const found = await protocol()
    if (!found.ok || found.value === undefined) return found.ok ? unreachable() : found
    const agreed = found.value
    const bodyHash = await hashBody(upload.body)
    let signed: SignedUpload | undefined
    const attempt = async (how: Attempt): Promise<Answer<T>> => {
      const nonce = how === 'fresh nonce' ? upload.nonce : signed?.headers['X-Nonce']
      if (how !== 'as it was' || signed === undefined)
        signed = await sign({ ...upload, ...(nonce === undefined ? {} : { nonce }) }, bodyHash, agreed)
      const { headers, message } = signed
      if (suffix === '') options.onEvent?.({ event: 'send', nonce: headers['X-Nonce'] })
      const all = { ...headers, ...describe(upload, bodyHash) }
      const answer = await ask<T>(path, { method: 'POST', headers: all, body: upload.body })
      return { ...answer, sent: { nonce: headers['X-Nonce'], message } }
    }
    return suffix === '' ? persist(attempt, upload) : persist(attempt)
  }

  return {
    async signUpload(upload) {
      pathOf(upload)
      const found = await protocol()
      if (!found.ok || found.value === undefined) return found.ok ? unreachable() : found
      return local(await sign(upload, await hashBody(upload.body), found.value))
    },
    submitUpload: (upload) => post(upload, ''),
    verifyUpload: (upload) => post(upload, '/verify'),
    getSubmission: (challenge, id) => read(`${submissionsPath(slugOf(challenge))}/${encodeURIComponent(id)}`),
    read,
  }
}

/**
 * Unsigned headers: what the bytes are, and their hash, so that a change on the way is recognised
 * as one.
 */
function describe(upload: Upload, bodyHash: string): Record<string, string> {
  return {
    'Content-Type': upload.contentType ?? 'application/octet-stream',
    'Content-Digest': `sha-256=:${base64.encode(hexToBytes(bodyHash))}:`,
    'X-Body-Length': String(upload.body.length),
    ...(upload.filename === undefined ? {} : { 'X-Submission-Filename': upload.filename }),
  }
}

/** Throws for what no header can carry: a bug of the caller. */
function pathOf(upload: Upload): string {
  const { nonce = 'n', contentType = 'c', filename = 'f' } = upload
  if (!PRINTABLE.test(nonce)) throw new TypeError('a nonce has 1 to 256 printable ASCII characters')
  if (!PRINTABLE.test(contentType)) throw new TypeError('a content type has printable ASCII characters only')
  if (!isFilename(filename))
    throw new TypeError('a file name has 1 to 255 printable ASCII characters, no slash and no backslash')
  return submissionsPath(slugOf(upload.challenge))
}

function slugOf(challenge: string): string {
  if (!isSlug(challenge))
    throw new TypeError('a challenge is named by its slug: lower-case letters, digits, hyphens')
  return challenge
}

function whole({ netuid, family }: Partial<Protocol>): Protocol | undefined {
  return netuid === undefined || family === undefined ? undefined : { netuid, family }
}

function local<T>(value: T): Answer<T> {
  return { ok: true, status: 200, requestId: undefined, retryAfterSeconds: undefined, text: '', value }
}

function unreachable(): Answer<never> {
  return { ok: false, kind: 'unreachable', cause: 'no protocol known' }
}

/** `fetch failed` says nothing; its cause does. */
function causeOf(error: unknown): string {
  const deepest = error instanceof Error && error.cause instanceof Error ? error.cause : error
  if (!(deepest instanceof Error)) return 'no answer'
  return 'code' in deepest ? String(deepest.code) : deepest.message
}
