/** What reads are measured against: a bare Hono proxy, which looks at nothing, and Hono's own helper, which does some hygiene. */

import { Hono } from 'hono'
import { proxy } from 'hono/proxy'

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

export default app
