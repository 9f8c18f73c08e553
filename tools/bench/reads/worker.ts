/**
 * What reads are measured against: a bare Hono proxy, which looks at nothing; Hono's own helper,
 * which does some hygiene; and the least that keeps the gateway's promises about headers, time and
 * caches on the way, without a log, a path policy, a second challenge or a cache. The challenge
 * `direct` is reached without Miniflare's outgoing worker.
 */

import { Hono } from 'hono'
import { proxy } from 'hono/proxy'
import { returnedAnswer } from '../../../src/origin/answer.ts'
import { forwardedHeaders } from '../../../src/origin/headers.ts'
import { USER_AGENT } from '../../../src/protocol/user-agent.ts'

const TIMEOUT_MS = 30_000

interface BenchEnv {
  readonly ORIGIN: string
  readonly DIRECT: Fetcher
}

const app = new Hono<{ Bindings: BenchEnv }>()

app.all('/challenges/:challenge/*', (c) => {
  const { pathname, search } = new URL(c.req.url)
  const path = pathname.slice(`/challenges/${c.req.param('challenge')}`.length)
  const { method, headers, body } = c.req.raw
  const sent = new Request(c.env.ORIGIN + path + search, { method, headers, body, redirect: 'manual' })
  return c.req.param('challenge') === 'direct' ? c.env.DIRECT.fetch(sent) : fetch(sent)
})

app.all('/helper/*', (c) =>
  proxy(c.env.ORIGIN + new URL(c.req.url).pathname.slice('/helper'.length), { raw: c.req.raw }),
)

app.all('/least/:challenge/*', async (c) => {
  const startedAt = Date.now()
  const id = crypto.randomUUID()
  const slug = c.req.param('challenge')
  const { pathname, search } = new URL(c.req.url)
  const headers = forwardedHeaders(c.req.raw.headers)
  headers.set('x-platform-proxy', 'true')
  headers.set('x-platform-challenge-slug', slug)
  headers.set('x-request-id', id)
  if (!headers.get('user-agent')) headers.set('user-agent', USER_AGENT)
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(), TIMEOUT_MS)
  const { signal } = controller
  const url = c.env.ORIGIN + pathname.slice(`/least/${slug}`.length) + search
  const init: RequestInit = {
    method: c.req.method,
    headers,
    redirect: 'manual',
    cache: 'no-store',
    signal,
  }
  const answer = await (slug === 'direct' ? c.env.DIRECT.fetch(url, init) : fetch(url, init))
  clearTimeout(timer)
  const returned = returnedAnswer(answer, {
    origins: [new URL(c.env.ORIGIN)],
    marker: undefined,
    publicPath: `/challenges/${slug}`,
  })
  returned.headers.set('x-request-id', id)
  returned.headers.append('server-timing', `total;dur=${Date.now() - startedAt}`)
  return returned
})

export default app
