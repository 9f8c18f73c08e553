/**
 * `npm run submit -- FILE`: signs a file as a miner would, posts it to the gateway, and says what came back.
 *
 * The key is a development key or a seed of one's own. A seed is a secret, so it comes from a file (hex, or a Bittensor hotkey
 * file) or from the environment (SEED), never from the command line. Exit code 0 for 2xx, 1 for a refusal, 2 when nothing was sent.
 */

import { readFile } from 'node:fs/promises'
import { STATUS_CODES } from 'node:http'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { hexToBytes } from '@noble/hashes/utils.js'
import { createClient, type Answer as GatewayAnswer, keySigner } from '../../miner/client.ts'
import { parseKeyfile } from '../../miner/wallet/keyfile.ts'
import { createSigner, type Signer } from '../../src/crypto/sign.ts'
import { isSlug, type ProtocolFamily } from '../../src/protocol/canonical.ts'

import { findDevKey, type Scheme } from './keys.ts'
import { parseOrExplain, runCommand, UsageError } from './usage.ts'

const USAGE = `usage: npm run submit -- FILE [options]

  --key NAME         development key: alice (default), bob, charlie, dave, eve, ferdie
  --seed-file FILE   seed of your own: 64 hex digits, or a Bittensor hotkey file; or set SEED in the environment
  --ed25519          sign with ed25519 instead of sr25519
  --challenge SLUG   default demo
  --gateway URL      default http://127.0.0.1:8787, or GATEWAY_URL
  --nonce TEXT       default random; give one twice to see a replay refused
  --netuid N         default 100
  --family NAME      platform (default) or base`

const OPTIONS = {
  key: { type: 'string' },
  'seed-file': { type: 'string' },
  ed25519: { type: 'boolean', default: false },
  challenge: { type: 'string', default: 'demo' },
  gateway: { type: 'string', default: process.env['GATEWAY_URL'] ?? 'http://127.0.0.1:8787' },
  nonce: { type: 'string' },
  netuid: { type: 'string', default: '100' },
  family: { type: 'string', default: 'platform' },
  help: { type: 'boolean', short: 'h', default: false },
} as const

/** What a header can carry. */
const PRINTABLE = /^[\x20-\x7e]+$/

export interface FileToSubmit {
  readonly file: string
  readonly signer: Signer
  readonly gateway: string
  readonly family: ProtocolFamily
  readonly netuid: number
  readonly slug: string
  readonly nonce?: string | undefined
}

/** What came back, whoever said it. */
export type Answer = Exclude<GatewayAnswer<unknown>, { readonly kind: 'unreachable' }>

export interface Announced {
  /** The text that was signed. */
  readonly message: string
  readonly hotkey: string
  readonly bytes: number
}

/** Signs and posts a file, once; `announce` sees what is signed before it is sent. */
export async function submitFile(
  upload: FileToSubmit,
  announce: (signed: Announced) => void,
): Promise<Answer> {
  const body = await readSubmission(upload.file)
  const { gateway, family, netuid, slug: challenge, nonce } = upload
  if (nonce !== undefined && !PRINTABLE.test(nonce))
    throw new UsageError('a nonce has printable ASCII characters only')
  if (!isSlug(challenge)) throw new UsageError(`${challenge} is not a slug`)
  if (!URL.canParse(gateway)) throw new UsageError(`${gateway} is not a URL`)
  const { hotkey, sign } = keySigner(upload.signer)
  const signer = {
    hotkey,
    sign(message: Uint8Array) {
      announce({ message: new TextDecoder().decode(message), hotkey, bytes: body.length })
      return sign(message)
    },
  }
  const client = createClient({ gateway, signer, protocol: { netuid, family }, retries: false })
  const name = path.basename(upload.file)
  const answer = await client.submitUpload({
    challenge,
    body,
    ...(PRINTABLE.test(name) ? { filename: name } : {}),
    ...(nonce === undefined ? {} : { nonce }),
  })
  if (!answer.ok && answer.kind === 'unreachable')
    throw new UsageError(
      `no answer from ${gateway} (${answer.cause}); is the gateway running there? \`npm start\` brings one up`,
    )
  return answer
}

/** Prints what was signed, with the message in full: it is the first thing to compare. */
export function printSigned({ message, hotkey, bytes }: Announced): void {
  console.log(`signed   ${message}`)
  console.log(`         by ${hotkey}, ${bytes} bytes`)
}

/** Prints the gateway's or the challenge's answer, and the hint when there is one. */
export function printAnswer(answer: Answer): void {
  const fields = parseObject(answer.text)
  const named = `${answer.status} ${STATUS_CODES[answer.status] ?? ''}`
  console.log(`answered ${named}  (request ${answer.requestId ?? 'without id'})`)
  console.log(indent(fields === undefined ? answer.text : JSON.stringify(fields, null, 2)))
  if (answer.ok) return
  console.log(`error:   ${fields?.['detail'] ?? named}`)
  if (typeof fields?.['hint'] === 'string') console.log(`hint:    ${fields['hint']}`)
}

async function readSubmission(file: string): Promise<Uint8Array<ArrayBuffer>> {
  const content = await readFile(file).catch((error: unknown) => {
    throw new UsageError(`cannot read ${file} (${errorCode(error)})`)
  })
  if (content.length === 0) throw new UsageError(`${file} is empty: there is nothing to submit`)
  return new Uint8Array(content)
}

async function chooseSigner(
  key: string | undefined,
  seedFile: string | undefined,
  scheme: Scheme,
): Promise<Signer> {
  if (key !== undefined && seedFile !== undefined) throw new UsageError('give --key or --seed-file, not both')
  if (seedFile !== undefined) {
    const content = await readFile(seedFile).catch((error: unknown) => {
      throw new UsageError(`cannot read ${seedFile} (${errorCode(error)})`)
    })
    return ownSigner(content, seedFile, scheme)
  }
  const seed = process.env['SEED']
  if (key === undefined && seed !== undefined) return ownSigner(Buffer.from(seed), 'SEED', scheme)
  const name = key ?? 'alice'
  const known = findDevKey(name, scheme)
  if (known === undefined) throw new UsageError(`there is no ${scheme} development key "${name}"`)
  return createSigner(hexToBytes(known.seed), scheme)
}

/** Whatever `platform-edge` reads without a password. */
async function ownSigner(content: Uint8Array, source: string, scheme: Scheme): Promise<Signer> {
  const parsed = await parseKeyfile(content, scheme)
  if (parsed.kind === 'key') return parsed.signer
  throw new UsageError(
    `${source} ${parsed.kind === 'foreign' ? parsed.what : 'is encrypted; use platform-edge'}`,
  )
}

function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : String(error)
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? { ...value } : undefined
  } catch {
    return undefined
  }
}

function indent(text: string): string {
  return text.replace(/^/gm, '         ')
}

async function main(): Promise<number> {
  const { values, positionals } = parseOrExplain(USAGE, () =>
    parseArgs({ options: OPTIONS, allowPositionals: true }),
  )
  const [file] = positionals
  if (values.help) {
    console.log(USAGE)
    return 0
  }
  if (file === undefined || positionals.length > 1) throw new UsageError(`give one file\n\n${USAGE}`)
  if (!/^\d{1,5}$/.test(values.netuid)) throw new UsageError(`--netuid ${values.netuid} is not a number`)
  if (values.family !== 'platform' && values.family !== 'base') {
    throw new UsageError('--family is platform or base')
  }
  const signer = await chooseSigner(values.key, values['seed-file'], values.ed25519 ? 'ed25519' : 'sr25519')
  const { gateway, challenge: slug, family, nonce } = values
  const answer = await submitFile(
    { file, signer, gateway, family, netuid: Number(values.netuid), slug, nonce },
    printSigned,
  )
  printAnswer(answer)
  return answer.ok ? 0 : 1
}

if (import.meta.main) await runCommand(main)
