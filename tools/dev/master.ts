/**
 * A development master, as a process of its own: `ADMIN_TOKEN=secret npx node tools/dev/master.ts
 * --port 8790`.
 *
 * It speaks the registry, weights, dashboard and management routes of BASE's Python master over a
 * registry in memory, and is as talkative as that one where it matters: env values and internal
 * addresses are in its registry, and a failure names an internal URL. It starts with no
 * challenges; `POST /v1/admin/challenges` creates one.
 */

import { createHash, randomUUID, timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseArgs } from 'node:util'
import { isRecord, parseJson } from '../../src/protocol/json.ts'

/** Of computed weights, as of BASE's master. */
const WEIGHTS_TTL_SECONDS = 720
const SLUG = /^[a-z0-9][a-z0-9-]*[a-z0-9]$/
const STATUSES = ['active', 'inactive', 'disabled', 'draft']

export interface MasterOptions {
  /** Without it every management route answers 401. */
  readonly adminToken?: string | undefined
  readonly netuid?: number
  /** 0 (the default) takes any free port. */
  readonly port?: number
}

/** A request the master took, in the order they came. */
interface MasterRequest {
  readonly method: string
  /** Path and query as sent. */
  readonly target: string
  readonly headers: IncomingMessage['headers']
}

export interface RunningMaster {
  /** `http://127.0.0.1:PORT`, without a trailing slash. */
  readonly url: string
  readonly requests: MasterRequest[]
  /** Answers everything with `handler` from now on; without one, properly again. */
  misbehave(handler?: (response: ServerResponse) => void): void
  close(): Promise<void>
}

interface Answer {
  readonly status: number
  readonly type?: string
  /** Text as it is; anything else as JSON. */
  readonly body: unknown
}

/** One registered challenge, in the key order of the registry. */
type ChallengeRow = Record<string, unknown> & { slug: string; name: string; status: string }
type Rows = Map<string, ChallengeRow>

export async function startMaster(options: MasterOptions = {}): Promise<RunningMaster> {
  const rows: Rows = new Map()
  const requests: MasterRequest[] = []
  let handler: ((response: ServerResponse) => void) | undefined
  const server = createServer(async (request, response) => {
    const { method = 'GET', url: target = '/', headers } = request
    requests.push({ method, target, headers })
    if (handler !== undefined) return handler(response)
    send(response, await route(request, rows, options).catch(() => problem(500, 'Internal Server Error')))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    requests,
    misbehave: (next) => {
      handler = next
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

async function route(request: IncomingMessage, rows: Rows, options: MasterOptions): Promise<Answer> {
  const { pathname } = new URL(request.url ?? '/', 'http://master')
  const reads: Record<string, () => Answer> = {
    '/health': () => ok({ status: 'ok' }),
    '/v1/registry': () => ok(registry(rows)),
    '/v1/weights/latest': () => weights(rows, options.netuid ?? 100),
    '/v1/challenges/dashboard.svg': () => ok(dashboard(rows), 'image/svg+xml'),
  }
  const read = reads[pathname]
  if (read !== undefined) return request.method === 'GET' ? read() : problem(405, 'Method Not Allowed')
  if (!/^\/(v1\/)?admin(\/|$)/.test(pathname)) return problem(404, 'Not Found')
  const body = await readText(request)
  if (!isAdmin(request, options.adminToken)) return problem(401, 'Unauthorized')
  return manage(request.method ?? 'GET', pathname, parseJson(body), rows)
}

function manage(method: string, pathname: string, body: unknown, rows: Rows): Answer {
  if (/^\/admin(\/challenges)?$/.test(pathname) && method === 'GET')
    return ok(`<!doctype html><title>Admin</title><p>${rows.size} challenges`, 'text/html; charset=utf-8')
  if (pathname === '/v1/admin/challenges')
    return method === 'POST' ? create(body, rows) : problem(405, 'Method Not Allowed')
  const [, slug = '', action] = /^\/v1\/admin\/challenges\/([^/]+)(?:\/(\w+))?$/.exec(pathname) ?? []
  if (slug === '') return problem(404, 'Not Found')
  const row = rows.get(slug)
  if (row === undefined) return problem(404, `Challenge '${slug}' not found`)
  switch (`${method} ${action ?? ''}`) {
    case 'GET ':
      return ok(row)
    case 'PATCH ':
      return ok(Object.assign(row, isRecord(body) ? body : {}))
    case 'POST activate':
      return ok(Object.assign(row, { status: 'active' }))
    case 'POST deactivate':
      return ok(Object.assign(row, { status: 'inactive' }))
    case 'POST pull':
    case 'POST restart':
    case 'GET status':
      return ok({ slug, operation: action, status: 'ok', detail: null })
    default:
      return problem(405, 'Method Not Allowed')
  }
}

/** The clear tokens are shown this once. */
function create(body: unknown, rows: Rows): Answer {
  const { slug, name = slug, status = 'draft', ...rest } = isRecord(body) ? body : {}
  if (typeof slug !== 'string' || !SLUG.test(slug) || typeof name !== 'string')
    return problem(422, [
      { type: 'string_pattern_mismatch', loc: ['body', 'slug'], msg: 'slug', input: slug },
    ])
  if (typeof status !== 'string' || !STATUSES.includes(status))
    return problem(422, [{ loc: ['body', 'status'] }])
  if (rows.has(slug)) return problem(409, `Challenge '${slug}' already exists`)
  const row: ChallengeRow = {
    slug,
    name,
    image: `ghcr.io/example/${slug}:latest`,
    version: '1.0.0',
    emission_percent: '10.0000',
    status,
    description: null,
    metadata: {},
    internal_base_url: `http://challenge-${slug}:8000`,
    public_proxy_base_path: `/challenges/${slug}`,
    required_capabilities: ['get_weights', 'proxy_routes'],
    resources: {},
    volumes: { sqlite: `platform_${slug.replaceAll('-', '_')}_sqlite` },
    env: {},
    secrets: [],
    ...rest,
  }
  rows.set(slug, row)
  const tokens = { challenge_token: token(), docker_broker_token: token() }
  return { status: 201, body: { challenge: row, ...tokens } }
}

function registry(rows: Rows): object {
  const challenges = [...rows.values()].filter(({ status }) => status !== 'draft')
  return { network: 'platform', api_version: '1.0', master_uid: 0, challenges }
}

/**
 * No miner has earned anything here, so all goes to uid 0, as BASE's master does it. A challenge
 * named `broken` fails them all.
 */
function weights(rows: Rows, netuid: number): Answer {
  if (rows.get('broken')?.status === 'active') {
    return problem(
      502,
      "challenge 'broken' failed to provide weights: http://challenge-broken:8000/internal/v1/get_weights",
    )
  }
  const now = Math.floor(Date.now() / 1000)
  const active = [...rows.values()].filter(({ status }) => status === 'active')
  return ok({
    netuid,
    chain_endpoint: '',
    uids: [0],
    weights: [1],
    hotkey_weights: {},
    computed_at: toRfc3339(now),
    expires_at: toRfc3339(now + WEIGHTS_TTL_SECONDS),
    source_challenges: active.map(({ slug, emission_percent }) => {
      return { slug, emission_percent: Number(emission_percent), weights: {}, ok: true, error: null }
    }),
    metagraph_updated_at: toRfc3339(now),
  })
}

function dashboard(rows: Rows): string {
  const names = [...rows.keys()].sort().map((slug, at) => `<text x="24" y="${178 + 68 * at}">${slug}</text>`)
  return `<svg xmlns="http://www.w3.org/2000/svg" width="1120" height="430">${names.join('')}</svg>`
}

/** `X-Admin-Token` when not empty, else a bearer; both sides must be there. */
function isAdmin({ headers }: IncomingMessage, expected = ''): boolean {
  const bearer = /^bearer\s+(.*)$/i.exec(headers.authorization ?? '')?.[1]?.trim() ?? ''
  const sent = String(headers['x-admin-token'] ?? '') || bearer
  const digest = (text: string) => createHash('sha256').update(text).digest()
  return expected !== '' && sent !== '' && timingSafeEqual(digest(sent), digest(expected))
}

async function readText(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}

function send(response: ServerResponse, { status, type = 'application/json', body }: Answer): void {
  response
    .writeHead(status, { 'content-type': type })
    .end(typeof body === 'string' ? body : JSON.stringify(body))
}

function ok(body: unknown, type?: string): Answer {
  return type === undefined ? { status: 200, body } : { status: 200, type, body }
}

function problem(status: number, detail: unknown): Answer {
  return { status, body: { detail } }
}

function token(): string {
  return randomUUID()
}

function toRfc3339(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z')
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: { port: { type: 'string', default: '8790' }, netuid: { type: 'string', default: '100' } },
  })
  const master = await startMaster({
    port: Number(values.port),
    netuid: Number(values.netuid),
    adminToken: process.env['ADMIN_TOKEN'],
  })
  console.log(JSON.stringify({ event: 'listening', url: master.url }))
}
