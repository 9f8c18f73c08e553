/**
 * As much of Cloudflare's API as `wrangler deploy` and `wrangler kv namespace list` ask, for an
 * account that may refuse the script.
 *
 * Paths and answers are those wrangler 4.135 sends and reads; it stops with an error of its own
 * when one is missing.
 */

import { createServer, type IncomingMessage } from 'node:http'
import { listen } from './listen.ts'

export interface ApiError {
  readonly code: number
  readonly message: string
}

export interface CloudflareApi {
  /** For the process that runs wrangler. */
  readonly env: Readonly<Record<string, string>>
  /** `METHOD path` of what was asked, without the account. */
  readonly asked: string[]
  close(): void
}

interface Namespace {
  readonly id: string
  readonly title: string
}

const NO_WORKER: ApiError = { code: 10007, message: 'This Worker does not exist on your account.' }
const TAKEN: ApiError = { code: 10014, message: 'A namespace with this account ID and title already exists.' }
const ACCOUNT = '/client/v4/accounts/account'

/** `refusal` answers the upload of a script; undefined takes it. */
export async function startCloudflareApi(refusal: () => ApiError | undefined): Promise<CloudflareApi> {
  const namespaces: Namespace[] = []
  const scripts = new Set<string>()
  const asked: string[] = []

  function answer(method: string, url: URL, body: string): { result: unknown } | ApiError {
    const path = url.pathname.replace(ACCOUNT, '')
    const script = /^\/workers\/(?:scripts|services)\/([^/]+)/.exec(path)?.[1] ?? ''
    if (path === '/storage/kv/namespaces' && method === 'POST') return create(JSON.parse(body).title)
    if (path === '/storage/kv/namespaces')
      return { result: Number(url.searchParams.get('page') ?? 1) > 1 ? [] : namespaces }
    if (method === 'PUT' && /^\/workers\/scripts\/[^/]+$/.test(path)) return upload(script)
    if (/^\/workers\/(services|scripts)\/[^/]+(\/settings)?$/.test(path))
      return scripts.has(script) ? { result: { bindings: [] } } : NO_WORKER
    if (path.endsWith('/deployments')) return { result: { deployments: [] } }
    if (path.endsWith('/subdomain')) return { result: { enabled: false, previews_enabled: false } }
    if (path.includes('/domains/changeset'))
      return { result: { added: [], removed: [], updated: [], conflicting: [] } }
    if (path === '/client/v4/zones') return { result: [{ id: 'zone' }] }
    return { result: [] }
  }

  function create(title: string): { result: unknown } | ApiError {
    if (namespaces.some((each) => each.title === title)) return TAKEN
    const created = { id: String(namespaces.length + 1).padStart(32, '0'), title }
    namespaces.push(created)
    return { result: created }
  }

  function upload(script: string): { result: unknown } | ApiError {
    const refused = refusal()
    if (refused !== undefined) return refused
    scripts.add(script)
    return { result: { id: script, startup_time_ms: 1, deployment_id: 'd', entry_point: 'worker.js' } }
  }

  const server = createServer(async (request, response) => {
    const url = new URL(request.url ?? '/', 'http://api')
    asked.push(`${request.method} ${url.pathname.replace(ACCOUNT, '')}`)
    const found = answer(request.method ?? '', url, await text(request))
    const refused = 'code' in found
    response.writeHead(refused ? 400 : 200, { 'content-type': 'application/json' })
    const errors = refused ? [found] : []
    const result = refused ? null : found.result
    response.end(JSON.stringify({ success: !refused, errors, messages: [], result }))
  })
  const url = await listen(server)
  return {
    env: {
      CLOUDFLARE_API_BASE_URL: `${url}/client/v4`,
      CLOUDFLARE_API_TOKEN: 'token',
      CLOUDFLARE_ACCOUNT_ID: 'account',
      CLOUDFLARE_CF_FETCH_ENABLED: 'false',
    },
    asked,
    close: () => server.close(),
  }
}

async function text(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  return Buffer.concat(chunks).toString()
}
