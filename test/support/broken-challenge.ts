/**
 * A challenge with one thing wrong: a proxy before the development challenge that changes what one
 * kind of request meets.
 */

import { createHash, randomUUID } from 'node:crypto'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { BRIDGE } from '../../tools/conformance/terms.ts'
import { startChallenge } from '../../tools/dev/challenge.ts'
import { listen } from './listen.ts'

/** What the proxy sees of a request, and may change before it goes on. */
export interface Passing {
  readonly method: string
  readonly path: string
  readonly headers: Record<string, string>
  readonly body: Buffer
  /** What happened before to this hotkey's nonce. */
  readonly earlier: 'nothing' | 'in flight' | 'answered' | 'cut off'
}

type Meddle = (passing: Passing) => { readonly status: number; readonly json?: unknown } | undefined

export interface Fault {
  /** Changes the request, or answers it. */
  readonly meddle?: Meddle | undefined
  /** Gives a body this long to arrive. */
  readonly bodyMs?: number
  readonly keepAliveMs?: number
}

export const TOKEN = 'a-challenge-token'
const LONG_MS = 100_000
const NONCE = 'x-platform-verified-nonce'

export async function startBroken({ meddle, bodyMs, keepAliveMs = LONG_MS }: Fault) {
  const sound = await startChallenge({ slug: 'demo', token: TOKEN })
  const fates = new Map<string, Passing['earlier']>()
  // Of copies at once one may be read after another was answered; their connections are all older.
  const answeredAt = new Map<string, number>()
  const openedAt = new WeakMap<object, number>()
  let events = 0
  const server = createServer(async (incoming, response) => {
    const key = `${incoming.headers['x-platform-verified-hotkey']} ${incoming.headers[NONCE]}`
    const isAtOnce = (openedAt.get(incoming.socket) ?? 0) < (answeredAt.get(key) ?? 0)
    const earlier = isAtOnce ? 'in flight' : (fates.get(key) ?? 'nothing')
    fates.set(key, 'in flight')
    response.on('finish', () => {
      fates.set(key, 'answered')
      answeredAt.set(key, ++events)
    })
    const timer = bodyMs === undefined ? undefined : setTimeout(() => reply(response, 408), bodyMs)
    const body = await readAll(incoming)
    clearTimeout(timer)
    if (body === undefined) fates.set(key, 'cut off')
    if (response.headersSent || body === undefined) return
    const headers = Object.fromEntries(
      Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]),
    )
    const passing = { method: incoming.method ?? '', path: incoming.url ?? '', headers, body, earlier }
    const answered = meddle?.(passing)
    if (answered !== undefined) reply(response, answered.status, answered.json)
    else forward(sound.url, passing, response)
  })
  server.on('connection', (socket) => openedAt.set(socket, ++events))
  server.keepAliveTimeout = keepAliveMs
  const url = await listen(server)
  return {
    url,
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await sound.close()
    },
  }
}

/** Undefined when the client went away in the middle. */
async function readAll(incoming: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of incoming) chunks.push(chunk)
    return Buffer.concat(chunks)
  } catch {
    return undefined
  }
}

function forward(origin: string, { method, path, headers, body }: Passing, response: ServerResponse): void {
  const { connection, 'transfer-encoding': _, ...kept } = headers
  const outgoing = request(origin + path, { method, headers: kept, agent: false })
  outgoing.on('response', (real) => {
    const { connection: __, 'keep-alive': ___, ...shown } = real.headers
    response.writeHead(real.statusCode ?? 502, shown)
    real.pipe(response)
  })
  outgoing.on('error', () => response.destroy())
  outgoing.end(body)
}

function reply(response: ServerResponse, status: number, json: unknown = {}): void {
  const text = JSON.stringify(json)
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  })
  response.end(text)
}

const isUpload = ({ method, path }: Passing) => method === 'POST' && path === BRIDGE

/** Only for uploads: the other routes stay sound, so that exactly one line is wrong. */
function onUploads(change: Meddle): Meddle {
  return (passing) => (isUpload(passing) ? change(passing) : undefined)
}

/** Another nonce makes a copy another upload. */
function forgets(earlier: Passing['earlier']): Meddle {
  return onUploads((passing) => {
    if (passing.earlier === earlier) passing.headers[NONCE] = randomUUID()
    return undefined
  })
}

/** The line of the report that each fault must turn to `fail`. */
export const FAULTS: readonly (readonly [check: string, what: string, fault: Fault])[] = [
  [
    'wrong-token',
    'takes any token',
    {
      meddle: onUploads(({ headers }) => {
        if (headers['authorization'] !== undefined) headers['authorization'] = `Bearer ${TOKEN}`
        return undefined
      }),
    },
  ],
  [
    'no-token',
    'needs no token',
    {
      meddle: onUploads(({ headers }) => {
        headers['authorization'] ??= `Bearer ${TOKEN}`
        return undefined
      }),
    },
  ],
  [
    'wrong-slug',
    'does not look at the slug',
    {
      meddle: onUploads(({ headers }) => {
        if (headers['x-platform-challenge-slug'] !== undefined) headers['x-platform-challenge-slug'] = 'demo'
        return undefined
      }),
    },
  ],
  [
    'wrong-hash',
    'does not hash',
    {
      meddle: onUploads(({ headers, body }) => {
        if (headers['x-platform-request-hash'] !== undefined)
          headers['x-platform-request-hash'] = createHash('sha256').update(body).digest('hex')
        return undefined
      }),
    },
  ],
  [
    'truncated',
    'lets half a body spend the nonce',
    { meddle: onUploads(({ earlier }) => (earlier === 'cut off' ? { status: 409 } : undefined)) },
  ],
  [
    'too-long',
    'breaks on a long body',
    { meddle: onUploads(({ body }) => (body.length > 7_500_000 ? { status: 500 } : undefined)) },
  ],
  ['slow-body', 'has no patience', { bodyMs: 150 }],
  [
    'no-uid',
    'needs a uid',
    {
      meddle: onUploads(({ headers }) =>
        headers['x-platform-verified-hotkey'] !== undefined &&
        headers['x-platform-verified-uid'] === undefined
          ? { status: 422 }
          : undefined,
      ),
    },
  ],
  [
    'file-names',
    'breaks on a path in the file name',
    {
      meddle: onUploads(({ headers }) =>
        headers['x-submission-filename']?.includes('..') ? { status: 500 } : undefined,
      ),
    },
  ],
  ['nonce-at-once', 'stores copies at once twice', { meddle: forgets('in flight') }],
  ['nonce-later', 'stores a later copy again', { meddle: forgets('answered') }],
  [
    'nonce-of-another',
    'knows nonces without their hotkey',
    {
      meddle: (() => {
        const owners = new Map<string, string>()
        return onUploads(({ headers }) => {
          const hotkey = headers['x-platform-verified-hotkey'] ?? ''
          const nonce = headers[NONCE] ?? ''
          if (nonce === '' || hotkey === '') return undefined
          const owner = owners.get(nonce) ?? hotkey
          owners.set(nonce, owner)
          return owner === hotkey ? undefined : { status: 409 }
        })
      })(),
    },
  ],
  ['health', 'is not well', { meddle: ({ path }) => (path === '/health' ? { status: 503 } : undefined) }],
  [
    'status-read',
    'knows every id',
    {
      meddle: ({ path }) =>
        path === '/v1/submissions/no-such-submission' ? { status: 200, json: {} } : undefined,
    },
  ],
  [
    'internal',
    'shows its weights to the world',
    {
      meddle: ({ path, headers }) =>
        path === '/internal/v1/get_weights' && headers['authorization'] === undefined
          ? { status: 200, json: { weights: {} } }
          : undefined,
    },
  ],
  ['idle-connection', 'closes idle connections', { keepAliveMs: 100 }],
]
