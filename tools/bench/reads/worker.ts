/**
 * What reads are measured against: a bare Hono proxy, which looks at nothing; Hono's own helper,
 * which does some hygiene; and the least that keeps the gateway's promises about headers, time and
 * log, without a path policy, a second challenge or a cache.
 */

import { Hono } from 'hono'
import { proxy } from 'hono/proxy'
import { returnedAnswer } from '../../../src/origin/answer.ts'
import { forwardedHeaders } from '../../../src/origin/headers.ts'

const TIMEOUT_MS = 30_000

const app = new Hono<{ Bindings: { readonly ORIGIN: string } }>()

app.all('/challenges/:challenge/*', (c) => {
  const { pathname, search } = new URL(c.req.url)
  const path = pathname.slice(`/challenges/${c.req.param('challenge')}`.length)
  const { method, headers, body } = c.req.raw
  return fetch(new Request(c.env.ORIGIN + path + search, { method, headers, body, redirect: 'manual' }))
})

app.all('/helper/*', (c) =>
  proxy(c.env.ORIGIN + new URL(c.req.url).pathname.slice('/helper'.length), { raw: c.req.raw }),
)

app.all('/least/*', async (c) => {
  const startedAt = Date.now()
  const id = crypto.randomUUID()
  const { pathname, search } = new URL(c.req.url)
  const headers = forwardedHeaders(c.req.raw.headers)
  headers.set('x-platform-proxy', 'true')
  headers.set('x-platform-challenge-slug', 'bench')
  headers.set('x-request-id', id)
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(), TIMEOUT_MS)
  const { signal } = controller
  const url = c.env.ORIGIN + pathname.slice('/least'.length) + search
  const answer = await fetch(url, { method: c.req.method, headers, redirect: 'manual', signal })
  clearTimeout(timer)
  const returned = returnedAnswer(answer, {
    origins: [new URL(c.env.ORIGIN)],
    marker: undefined,
    publicPath: '/challenges/bench',
  })
  const ms = Date.now() - startedAt
  returned.headers.set('x-request-id', id)
  returned.headers.append('server-timing', `total;dur=${ms}`)
  console.log(JSON.stringify({ request_id: id, method: c.req.method, status: returned.status, ms }))
  return returned
})

export default app
