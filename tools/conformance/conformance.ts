/**
 * `npm run conformance -- --origin URL --slug S`: does a challenge keep its side of the contract?
 *
 * It asks the challenge directly, as the gateway would, before any gateway is there, and prints
 * one line per check. About twenty small uploads are stored in the names of two development
 * hotkeys, so point it at a test instance. Exit code 0 when nothing failed, 1 when a check failed,
 * 2 when nothing was checked.
 */

import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { isSlug } from '../../src/protocol/canonical.ts'
import { parseOrExplain, runCommand, UsageError } from '../dev/usage.ts'
import { exitCode, type Finding, toLine, toSummary, warn } from '../ops/doctor/finding.ts'
import {
  fileNames,
  nonceOfAnother,
  sameNonceAtOnce,
  sameNonceLater,
  slowBody,
  tooLong,
  truncated,
} from './bodies.ts'
import { accepts, noToken, noUid, otherFamily, wrongHash, wrongSlug, wrongToken } from './identity.ts'
import { head, health, idleConnection, openPages, privateRoutes, statusRead, weights } from './routes.ts'
import { createSend } from './send.ts'
import type { Terms } from './terms.ts'

const USAGE_TEXT = `usage: npm run conformance -- --origin URL --slug SLUG [options]

  --origin URL       the challenge itself, such as http://127.0.0.1:8000; use a test instance, about twenty uploads are stored
  --slug SLUG        its slug
  --token-file FILE  the file that holds its token; otherwise the environment's CHALLENGE_TOKEN
  --family NAME      platform (the default) or base
  --max-bytes N      the gateway's MAX_UPLOAD_BYTES, 7500000 by default
  --json-output      the findings as JSON

exit code: 0 nothing failed, 1 a check failed, 2 nothing was checked`

const OPTIONS = {
  origin: { type: 'string' },
  slug: { type: 'string' },
  'token-file': { type: 'string' },
  family: { type: 'string', default: 'platform' },
  'max-bytes': { type: 'string', default: '7500000' },
  'json-output': { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

/** Longer than uvicorn's default keep-alive of five seconds. */
const IDLE_MS = 6000
const PAUSE_MS = 700

type Check = (terms: Terms) => Promise<Finding>

/** In the order in which they are printed, after `accepts`. */
const OF_UPLOADS: readonly Check[] = [
  wrongToken,
  noToken,
  otherFamily,
  wrongSlug,
  wrongHash,
  truncated,
  tooLong,
  slowBody,
  noUid,
  fileNames,
  sameNonceAtOnce,
  sameNonceLater,
  nonceOfAnother,
  statusRead,
]
const OF_ROUTES: readonly Check[] = [health, head, weights, privateRoutes, openPages, idleConnection]

/**
 * A sound upload first: of a challenge that refuses it, a refusal of a wrong one shows nothing.
 * Then all checks side by side, for each has uploads and connections of its own.
 */
export async function examineChallenge(terms: Terms): Promise<Finding[]> {
  const first = await accepts(terms)
  const isTaken = first.verdict === 'pass'
  const checks = isTaken ? [...OF_UPLOADS, ...OF_ROUTES] : OF_ROUTES
  const others = await Promise.all(checks.map((check) => check(terms)))
  return isTaken ? [first, ...others] : [first, LEFT_OUT, ...others]
}

const LEFT_OUT = warn(
  'uploads',
  `${OF_UPLOADS.length} checks with other uploads are left out`,
  'correct what "accepts" says, then run this again',
)

async function main(): Promise<number> {
  const { values } = parseOrExplain(USAGE_TEXT, () => parseArgs({ options: OPTIONS }))
  if (values.help) {
    console.log(USAGE_TEXT)
    return 0
  }
  const { slug = '', family } = values
  if (!isSlug(slug)) throw new UsageError(`give --slug: 2 to 64 lower-case letters, digits and inner hyphens`)
  if (family !== 'platform' && family !== 'base') throw new UsageError('--family is platform or base')
  if (!/^[1-9]\d{0,7}$/.test(values['max-bytes']))
    throw new UsageError('--max-bytes is a whole number of bytes')
  const origin = parseOrigin(values.origin)
  const token = await readToken(values['token-file'])
  const send = createSend(origin)
  if ((await send({ method: 'GET', path: '/health' })) === undefined)
    throw new UsageError(`nothing answers at ${origin.origin}; start the challenge, or correct --origin`)
  const maxBytes = Number(values['max-bytes'])
  const findings = await examineChallenge({
    origin,
    slug,
    token,
    family,
    maxBytes,
    idleMs: IDLE_MS,
    pauseMs: PAUSE_MS,
    send,
  })
  const report = values['json-output']
    ? JSON.stringify({ origin: origin.href, slug, checks: findings })
    : toText(findings)
  console.log(report)
  return exitCode(findings)
}

function toText(findings: readonly Finding[]): string {
  return [...findings.map(toLine), toSummary(findings)].join('\n')
}

function parseOrigin(text: string | undefined): URL {
  const url = text === undefined ? null : URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol) || url.username !== '')
    throw new UsageError('give --origin: the http(s):// URL of the challenge')
  return url
}

/** Never an argument: those are seen by every process of the machine. */
async function readToken(file: string | undefined): Promise<string> {
  const text =
    file === undefined ? process.env['CHALLENGE_TOKEN'] : await readFile(file, 'utf8').catch(() => undefined)
  const token = text?.trim() ?? ''
  if (token === '')
    throw new UsageError(
      file === undefined
        ? "set CHALLENGE_TOKEN to the challenge's token, or give --token-file"
        : `${file} holds no token; write the challenge's token into it`,
    )
  return token
}

if (import.meta.main) await runCommand(main)
