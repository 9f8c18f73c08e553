/**
 * A challenge origin, as a process of its own: `node tools/dev/challenge.ts --port 8788 --slug
 * demo --db FILE`.
 *
 * It implements the challenge's side of the contract (docs/challenges.md): the private bridge that
 * takes admitted uploads, the public status read, and the routes every challenge has. It believes
 * the identity headers only because of the bearer token, which comes from the environment
 * (CHALLENGE_SHARED_TOKEN), never from the command line. Submissions are kept in SQLite.
 */

import { createHash, randomUUID, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { DatabaseSync } from 'node:sqlite'
import { parseArgs } from 'node:util'
import type { ProtocolFamily } from '../../src/protocol/canonical.ts'
import { headerPrefix } from '../../src/protocol/headers.ts'

const VERSION = '0.1.0'
/** The gateway's own limit; a challenge may have a smaller one. */
const DEFAULT_MAX_BYTES = 7_500_000
const FILENAME_MAX_LENGTH = 128
// The pair makes a copy of an upload the same upload, also when both arrive at once.
const SCHEMA = `CREATE TABLE IF NOT EXISTS uploads (
  id TEXT PRIMARY KEY, hotkey TEXT NOT NULL, uid INTEGER, status TEXT NOT NULL, code_hash TEXT NOT NULL,
  bytes INTEGER NOT NULL, filename TEXT, request_id TEXT, created_at TEXT NOT NULL, content BLOB NOT NULL,
  nonce TEXT NOT NULL, UNIQUE (hotkey, nonce)
) STRICT`
/**
 * cloudflared keeps idle connections for 90 s; one that the challenge closes first costs the next
 * upload.
 */
const KEEP_ALIVE_MS = 100_000

export interface ChallengeOptions {
  readonly slug: string
  /** The token the gateway must send; without it every internal route answers 503. */
  readonly token?: string | undefined
  /** 0 (the default) takes any free port. */
  readonly port?: number
  /** SQLite file; in memory when absent. */
  readonly database?: string
  readonly family?: ProtocolFamily
  readonly maxBytes?: number
  /** Every accepted upload, after it was stored. */
  readonly onSubmission?: (received: Received) => void
}

/** What the challenge answers about a submission. */
interface Submission {
  readonly id: string
  readonly hotkey: string
  readonly uid: number | null
  readonly status: string
  readonly code_hash: string
  readonly bytes: number
  readonly filename: string | null
  readonly request_id: string | null
  readonly created_at: string
}

export interface Received {
  readonly submission: Submission
  /** Path and query of the request. */
  readonly target: string
  /** Names and values in the order they came, all but `Authorization`. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly content: Uint8Array
}

export interface ChallengeOrigin {
  /** `http://127.0.0.1:PORT`, without a trailing slash. */
  readonly url: string
  close(): Promise<void>
}

interface Answer {
  readonly status: number
  readonly body: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export async function startChallenge(options: ChallengeOptions): Promise<ChallengeOrigin> {
  const store = openStore(options.database ?? ':memory:')
  const server = createServer(async (request, response) => {
    const answer = await route(request, options, store).catch(() => problem(500, 'Internal Server Error'))
    send(request, response, answer)
  })
  server.keepAliveTimeout = KEEP_ALIVE_MS
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      store.close()
    },
  }
}

async function route(request: IncomingMessage, options: ChallengeOptions, store: Store): Promise<Answer> {
  const { pathname } = new URL(request.url ?? '/', 'http://challenge')
  const read = request.method === 'GET' || request.method === 'HEAD'
  const refused = () => problem(405, 'Method Not Allowed', { allow: read ? 'POST' : 'GET' })
  if (pathname === '/health') {
    return read ? ok({ status: 'ok', slug: options.slug, version: VERSION }) : refused()
  }
  if (pathname === '/version') return read ? ok(VERSIONS) : refused()
  if (pathname === '/internal/v1/get_weights') {
    if (!read) return refused()
    return refuseStranger(request, options) ?? ok(store.weights(options.slug))
  }
  if (pathname === '/internal/v1/bridge/submissions') {
    if (request.method !== 'POST') return refused()
    return refuseStranger(request, options) ?? (await receive(request, options, store))
  }
  const id = /^\/v1\/submissions\/([^/]+)$/.exec(pathname)?.[1]
  if (id === undefined) return problem(404, 'Not Found')
  if (!read) return refused()
  const submission = store.find(id)
  return submission === undefined ? problem(404, 'Submission not found') : ok(submission)
}

const VERSIONS = {
  api_version: '1',
  challenge_version: VERSION,
  sdk_version: VERSION,
  capabilities: ['get_weights', 'proxy_routes'],
}

/** Internal routes: token configured, bearer exactly right, slug ours; in that order. */
function refuseStranger(request: IncomingMessage, options: ChallengeOptions): Answer | undefined {
  if (!options.token) return problem(503, 'Internal challenge token is not configured')
  if (!sameText(request.headers.authorization ?? '', `Bearer ${options.token}`)) {
    return problem(401, 'Invalid internal authorization')
  }
  if (header(request, options, 'challenge-slug') !== options.slug) {
    return problem(400, 'Invalid challenge slug header')
  }
  return undefined
}

async function receive(request: IncomingMessage, options: ChallengeOptions, store: Store): Promise<Answer> {
  for (const name of ['verified-hotkey', 'verified-nonce', 'request-hash']) {
    if (!header(request, options, name)) return problem(400, `missing ${headerName(options, name)}`)
  }
  const content = await readBody(request, options.maxBytes ?? DEFAULT_MAX_BYTES)
  if (content === undefined) return problem(413, 'submission too large')
  const hash = createHash('sha256').update(content).digest('hex')
  if (hash !== header(request, options, 'request-hash')) {
    return problem(400, `body does not match ${headerName(options, 'request-hash')}`)
  }
  const uid = header(request, options, 'verified-uid')
  const submission: Submission = {
    id: randomUUID(),
    hotkey: header(request, options, 'verified-hotkey') ?? '',
    uid: uid === undefined ? null : Number(uid),
    status: 'received',
    code_hash: hash,
    bytes: content.length,
    filename: baseName(request.headers['x-submission-filename']),
    request_id: textOf(request.headers['x-request-id']) ?? null,
    created_at: new Date().toISOString(),
  }
  const nonce = header(request, options, 'verified-nonce') ?? ''
  if (!store.add(submission, nonce, content))
    return { status: 201, body: store.findByNonce(submission.hotkey, nonce) }
  options.onSubmission?.({ submission, target: request.url ?? '', headers: shownHeaders(request), content })
  return { status: 201, body: submission }
}

/**
 * The body, or undefined when it is larger than the cap; then the rest is left to `send` to drain.
 */
async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return undefined
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request.iterator({ destroyOnReturn: false })) {
    bytes += chunk.length
    if (bytes > maxBytes) return undefined
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Node keeps the connection when what is left of the body is read and thrown away. */
function send(request: IncomingMessage, response: ServerResponse, answer: Answer): void {
  const text = JSON.stringify(answer.body)
  request.resume()
  response.writeHead(answer.status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
    ...answer.headers,
  })
  response.end(request.method === 'HEAD' ? undefined : text)
}

type Store = ReturnType<typeof openStore>

function openStore(file: string) {
  const database = new DatabaseSync(file)
  database.exec(SCHEMA)
  const insert = database.prepare(
    'INSERT INTO uploads VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (hotkey, nonce) DO NOTHING',
  )
  const columns = 'id, hotkey, uid, status, code_hash, bytes, filename, request_id, created_at'
  const select = database.prepare(`SELECT ${columns} FROM uploads WHERE id = ?`)
  const selectByNonce = database.prepare(`SELECT ${columns} FROM uploads WHERE hotkey = ? AND nonce = ?`)
  const count = database.prepare('SELECT hotkey, count(*) AS n FROM uploads GROUP BY hotkey')
  return {
    /** False when this hotkey's nonce is stored already: then nothing changes. */
    add(row: Submission, nonce: string, content: Buffer): boolean {
      const { id, hotkey, uid, status, code_hash, bytes, filename, request_id, created_at } = row
      const values = [
        id,
        hotkey,
        uid,
        status,
        code_hash,
        bytes,
        filename,
        request_id,
        created_at,
        content,
        nonce,
      ]
      return insert.run(...values).changes === 1
    },
    find: (id: string) => select.get(id),
    findByNonce: (hotkey: string, nonce: string) => selectByNonce.get(hotkey, nonce),
    /** One point per submission: enough to see who takes part. */
    weights(slug: string) {
      const weights = Object.fromEntries(count.all().map((row) => [String(row['hotkey']), row['n']]))
      return { challenge_slug: slug, epoch: 0, weights, metadata: {} }
    },
    close: () => database.close(),
  }
}

function headerName(options: ChallengeOptions, name: string): string {
  return `${headerPrefix(options.family ?? 'platform').toLowerCase()}-${name}`
}

function header(request: IncomingMessage, options: ChallengeOptions, name: string): string | undefined {
  return textOf(request.headers[headerName(options, name)])
}

function textOf(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(', ') : value
}

function baseName(value: string | string[] | undefined): string | null {
  return textOf(value)?.split(/[/\\]/).at(-1)?.slice(0, FILENAME_MAX_LENGTH) || null
}

function shownHeaders(request: IncomingMessage): [string, string][] {
  const raw = request.rawHeaders
  const pairs = raw.flatMap((name, at): [string, string][] =>
    at % 2 === 0 ? [[name, raw[at + 1] ?? '']] : [],
  )
  return pairs.filter(([name]) => name.toLowerCase() !== 'authorization')
}

/** Compares digests, so that neither content nor length shows in the time it takes. */
function sameText(left: string, right: string): boolean {
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(left), digest(right))
}

function ok(body: unknown): Answer {
  return { status: 200, body }
}

function problem(status: number, detail: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return { status, body: { detail }, headers }
}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '8788' },
      slug: { type: 'string', default: 'demo' },
      db: { type: 'string', default: ':memory:' },
      family: { type: 'string', default: 'platform' },
    },
  })
  const challenge = await startChallenge({
    slug: values.slug,
    token: process.env['CHALLENGE_SHARED_TOKEN'],
    port: Number(values.port),
    database: values.db,
    family: values.family === 'base' ? 'base' : 'platform',
    onSubmission: ({ submission, target, headers }) =>
      console.log(JSON.stringify({ event: 'submission', submission, target, headers })),
  })
  console.log(JSON.stringify({ event: 'listening', slug: values.slug, url: challenge.url }))
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => challenge.close().then(() => process.exit(0)))
  }
}

if (import.meta.main) {
  await main().catch((error) => {
    console.error(`challenge: ${error instanceof Error ? error.message : error}`)
    process.exit(1)
  })
}
