/**
 * What the commands share: the gateway's client, the key, the file, and one way to end on a refusal.
 */

import { readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { isSlug } from '../../src/protocol/canonical.ts'

import { originalOf } from '../answer.ts'
import {
  type Answer,
  type Client,
  type ClientEvent,
  createClient,
  type HotkeySigner,
  keySigner,
  type Limits,
} from '../client.ts'
import { isTemporary } from '../retry.ts'
import { type LoadedKey, loadKey } from '../wallet/wallet.ts'
import type { Arguments } from './arguments.ts'
import { EXIT, errorCode, Fault } from './fault.ts'
import type { Output } from './output.ts'
import { createTransport } from './transport.ts'

type Environment = Readonly<Record<string, string | undefined>>

export interface Session {
  readonly args: Arguments
  readonly env: Environment
  readonly out: Output
}

/** What gateways take unless configured otherwise; a larger file is worth asking. */
const USUAL_MAX_BYTES = 7_500_000
/** As the gateway forwards it. */
const FILENAME = /^(?!\.{1,2}$)[\x20-\x2e\x30-\x5b\x5d-\x7e]{1,255}$/

export function gatewayUrl({ args, env }: Session): string {
  const url = (args.gateway ?? env['PLATFORM_EDGE_URL']) || undefined
  if (url === undefined) {
    throw new Fault(EXIT.usage, 'no gateway given', 'Use --gateway URL or set PLATFORM_EDGE_URL.')
  }
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
    throw new Fault(EXIT.usage, `${url} is not a URL`, 'Give it as https://gateway.example.com.')
  return url
}

export function clientFor(session: Session, signer?: HotkeySigner, label = '', retries = true): Client {
  const { args, out } = session
  const { netuid, family } = args
  const protocol = {
    ...(netuid === undefined ? {} : { netuid }),
    ...(family === undefined ? {} : { family }),
  }
  return createClient({
    gateway: gatewayUrl(session),
    retries,
    protocol,
    fetch: createTransport(out.progress(label)),
    onEvent: (event) => out.note(eventLine(event)),
    ...(signer === undefined ? {} : { signer }),
  })
}

export async function keyFor({ args, env, out }: Session): Promise<LoadedKey & { signer: HotkeySigner }> {
  const { walletName: name, walletHotkey: hotkey, walletPath, secretFile, scheme } = args
  const loaded = await loadKey({ name, hotkey, path: walletPath, secretFile, scheme }, env)
  for (const warning of loaded.warnings) out.warn(warning)
  return { ...loaded, signer: keySigner(loaded.key.signer) }
}

export function challengeOf({ args }: Session): string {
  const { challenge } = args
  if (challenge === undefined) throw new Fault(EXIT.usage, 'no challenge given', 'Use --challenge SLUG.')
  if (isSlug(challenge)) return challenge
  const guess = challenge
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '')
  throw new Fault(
    EXIT.usage,
    `"${challenge}" is not a slug`,
    isSlug(guess)
      ? `Did you mean --challenge ${guess}?`
      : 'A slug has lower-case letters, digits and hyphens.',
  )
}

export interface SubmissionFile {
  readonly content: Uint8Array<ArrayBuffer>
  readonly name: string
  /** When a header can carry it. */
  readonly filename: string | undefined
}

/** Reads it once it is known to be of a size the gateway takes. */
export async function readSubmission(session: Session, file: string): Promise<SubmissionFile> {
  const entry = await stat(file).catch((error: unknown) => {
    throw new Fault(EXIT.file, `cannot read ${file} (${errorCode(error)})`, 'Check the path.')
  })
  if (!entry.isFile())
    throw new Fault(EXIT.file, `${file} is not a file`, 'Pack a directory into one file first.')
  if (entry.size === 0) throw new Fault(EXIT.file, `${file} is empty`, 'There is nothing to submit.')
  if (entry.size > USUAL_MAX_BYTES) {
    const limits = await clientFor(session).read<Limits>('/v1/limits')
    const most = (limits.ok ? limits.value?.max_upload_bytes : undefined) ?? USUAL_MAX_BYTES
    if (entry.size > most)
      throw new Fault(
        EXIT.file,
        `${file} has ${entry.size} bytes; the gateway takes at most ${most}`,
        'Make it smaller.',
      )
  }
  const content = await readFile(file).catch((error: unknown) => {
    throw new Fault(
      EXIT.file,
      `cannot read ${file} (${errorCode(error)})`,
      'Check that the file is yours to read.',
    )
  })
  const name = path.basename(file)
  const told = session.args.filename ?? name
  return { content, name, filename: FILENAME.test(told) ? told : undefined }
}

/** The value of a 2xx, or a Fault that says who refused and what to do. */
export function delivered<T>(answer: Answer<T>, session: Session): Extract<Answer<T>, { ok: true }> {
  if (answer.ok) return answer
  throw refusal(answer, session)
}

type Refused = Extract<Answer<unknown>, { ok: false }>

export function refusal(answer: Refused, session: Session): Fault {
  const fault = reason(answer, session)
  if (answer.mayHaveArrived !== true) return fault
  const original = originalOf(answer)
  const nonce = answer.sent?.nonce
  const requestId = original?.request_id ?? (answer.kind === 'unreachable' ? undefined : answer.requestId)
  const why = original === undefined ? fault.message : `the gateway says ${original.outcome}`
  return new Fault(
    EXIT.unreachable,
    `nobody knows whether the upload arrived (nonce ${nonce}, request ${requestId ?? 'without id'}): ${why}`,
    original?.outcome === 'unknown'
      ? 'Ask the challenge, which saw that request id if it saw the upload. Upload again only if it has nothing.'
      : `Upload the same file with --nonce ${nonce} to find out: that cannot count twice.`,
    { ...fault.more, json: { ...fault.more.json, may_have_arrived: true, nonce, request_id: requestId } },
  )
}

function reason(answer: Refused, session: Session): Fault {
  if (answer.kind === 'unreachable') {
    return new Fault(
      EXIT.unreachable,
      // Not the whole URL, which may hold a password.
      `no answer from ${new URL(gatewayUrl(session)).origin} (${answer.cause})`,
      'Check the URL and your network; platform-edge doctor looks closer.',
    )
  }
  const exitCode = isTemporary(answer) || answer.status >= 500 ? EXIT.unreachable : EXIT.refused
  const request = answer.requestId === undefined ? '' : `, request ${answer.requestId}`
  if (answer.kind === 'challenge') {
    const text = shown(answer.text.replace(/\s+/g, ' ').slice(0, 200))
    return new Fault(
      exitCode,
      `the challenge answered ${answer.status}${text && `: ${text}`}${request}`,
      'This is its own answer; its documentation says more.',
    )
  }
  const { problem } = answer
  const cause = problem.code === 'invalid_signature' ? ` Likely cause: ${problem.likely_cause}.` : ''
  return new Fault(
    exitCode,
    `${problem.detail} (${answer.status} ${problem.code}${request})`,
    problem.hint + cause,
    {
      lines: problem.code === 'invalid_signature' ? bothTexts(problem.canonical_message, answer) : [],
      json: { problem, ...(answer.sent && { signed_message: answer.sent.message }) },
    },
  )
}

/** What the gateway expected and what was signed, one below the other, where they should have been one. */
export function bothTexts(canonicalMessage: string | undefined, { sent }: Answer<unknown>): string[] {
  if (canonicalMessage === undefined || sent === undefined || sent.message === canonicalMessage) return []
  return [`  canonical_message ${shown(canonicalMessage)}`, `  signed            ${shown(sent.message)}`]
}

/** What others wrote must not steer the terminal. */
function shown(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`)
}

function eventLine(event: ClientEvent): string {
  if (event.event === 'clock') {
    const way = event.offsetSeconds > 0 ? 'behind' : 'ahead'
    return `your clock is ${Math.abs(event.offsetSeconds)} s ${way}; signing with the gateway's time`
  }
  const { after } = event
  const why = after.ok
    ? ''
    : after.kind === 'unreachable'
      ? after.cause
      : after.kind === 'problem'
        ? (NEWS[originalOf(after)?.outcome ?? ''] ?? after.problem.detail)
        : String(after.status)
  const requestId = originalOf(after)?.request_id ?? ('requestId' in after ? after.requestId : undefined)
  const named = [
    ...(after.sent === undefined ? [] : [`nonce ${after.sent.nonce}`]),
    ...(requestId === undefined ? [] : [`request ${requestId}`]),
  ]
  const ids = named.length === 0 ? '' : ` (${named.join(', ')})`
  const how = after.sent === undefined ? '' : event.sameNonce ? ' with the same nonce' : ', signed anew,'
  return `${why}${ids}; retry ${event.retry}${how} in ${event.seconds.toFixed(1)} s`
}

/** Of a replay that is not the end. */
const NEWS: Readonly<Record<string, string>> = {
  not_delivered: 'the upload did not arrive',
  in_flight: 'the upload is still on its way',
}
