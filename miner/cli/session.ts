/**
 * What the commands share: the gateway's client, the key and the file.
 */

import { readFile, stat } from 'node:fs/promises'
import path from 'node:path'
import { isSlug } from '../../src/protocol/canonical.ts'
import { isFilename } from '../../src/protocol/filename.ts'
import {
  type Client,
  type ClientEvent,
  createClient,
  type HotkeySigner,
  keySigner,
  type Limits,
} from '../client.ts'
import { type LoadedKey, loadKey } from '../wallet/wallet.ts'
import type { Arguments } from './arguments.ts'
import { EXIT, errorCode, Fault } from './fault.ts'
import { gatewayUrl, proxyFor } from './gateway.ts'
import { newsOf } from './news.ts'
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

interface ClientChoice {
  readonly signer?: HotkeySigner
  /** What the progress bar is named after. */
  readonly label?: string
  readonly retries?: boolean
  readonly onEvent?: (event: ClientEvent) => void
}

export function clientFor(session: Session, choice: ClientChoice = {}): Client {
  const { args, out } = session
  const { netuid, family } = args
  const { signer, label = '', retries = true, onEvent } = choice
  const gateway = gatewayUrl(session)
  const protocol = {
    ...(netuid === undefined ? {} : { netuid }),
    ...(family === undefined ? {} : { family }),
  }
  return createClient({
    gateway,
    retries,
    protocol,
    fetch: createTransport({ proxy: proxyFor(gateway), onProgress: out.progress(label) }),
    onEvent(event) {
      onEvent?.(event)
      if (event.event !== 'send') out.note(newsOf(event))
    },
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
  return { content, name, filename: session.args.filename ?? toldName(name, session) }
}

/**
 * Some challenges name a submission after its file, so the miner hears when no name is sent.
 */
function toldName(name: string, { out }: Session): string | undefined {
  if (isFilename(name)) return name
  out.warn(
    `no file name is sent, because ${JSON.stringify(name)} is not printable ASCII of at most 255 characters; choose a name with --filename`,
  )
  return undefined
}
