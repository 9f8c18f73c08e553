/**
 * The whole URL surface, top to bottom.
 *
 * One text of the path, percent-decoded once, decides the route, is signed and is forwarded. Hono
 * gets its canonical encoded form.
 */

import type { Handler } from 'hono'
import { HonoBase } from 'hono/hono-base'
import { TrieRouter } from 'hono/router/trie-router'
import type { Config } from './config/config.ts'
import { describeError, finish, type Log, newEntry } from './log.ts'
import { decodedPath, encodedPath, rawQuery } from './protocol/path.ts'
import { rejected } from './protocol/problem.ts'
import { getLimits, getReady, getTime, getVersion } from './routes/about.ts'
import { requireAdmin } from './routes/admin.ts'
import { getChallenges } from './routes/challenges.ts'
import { type AppEnv, type Gateway, type RouteContext, refuse } from './routes/context.ts'
import { allowReading } from './routes/cors.ts'
import { postVerify } from './routes/dry-run.ts'
import { getDashboard, getRegistry, getWeights, manage, masterRoute } from './routes/master.ts'
import { getMetagraph, putMetagraph } from './routes/metagraph.ts'
import { getOpenApi } from './routes/openapi/route.ts'
import { passThrough } from './routes/pass-through.ts'
import { getMetrics, getStatus, getStatusPage } from './routes/status.ts'
import { getSubmission, postSubmission } from './routes/submissions.ts'
import { getUploadPy } from './routes/upload-py.ts'

type Route = Readonly<Partial<Record<'GET' | 'POST' | 'PUT', Handler<AppEnv>>>>

const SUBMISSIONS = '/v1/challenges/:challenge/submissions'

const ROUTES: Readonly<Record<string, Route>> = {
  '/': { GET: getStatusPage },
  '/status': { GET: getStatusPage },
  '/v1/status': { GET: getStatus },
  '/metrics': { GET: getMetrics },
  '/health': { GET: (c) => c.json({ status: 'ok' }) },
  '/ready': { GET: getReady },
  '/version': { GET: getVersion },
  '/openapi.json': { GET: getOpenApi },
  '/upload.py': { GET: getUploadPy },
  '/v1/time': { GET: getTime },
  '/v1/limits': { GET: getLimits },
  '/v1/metagraph': { GET: getMetagraph },
  '/v1/registry': { GET: getRegistry },
  '/v1/weights/latest': { GET: getWeights },
  '/v1/challenges': { GET: getChallenges },
  '/v1/challenges/dashboard.svg': { GET: getDashboard },
  '/v1/admin/metagraph': { PUT: putMetagraph },
  [SUBMISSIONS]: { POST: postSubmission },
  '/v1/challenges/:challenge/submissions/verify': { POST: postVerify },
  '/v1/challenges/:challenge/submissions/:id': { GET: getSubmission },
}

/** Paths that a request with an extra slash at the end may have meant. */
const ROUTE_PATTERNS = [
  ...Object.keys(ROUTES).map((path) => new RegExp(`^${path.replace(/:\w+/g, '[^/]+')}$`)),
  /^\/(v1\/)?admin(\/|$)/,
]

/** What the worker serves requests with. */
export interface App {
  fetch(request: Request, env: unknown, ctx: ExecutionContext): Promise<Response>
}

/** `now` in Unix milliseconds. */
export function createApp(gateway: Gateway, log: Log, now: () => number): App {
  const routes = createRoutes(gateway.config)
  return {
    async fetch(request, _env, ctx) {
      const startedAt = now()
      const receivedAt = Math.floor(startedAt / 1000)
      const entry = newEntry(request)
      const scope = { gateway, entry, receivedAt, path: decodedPath(request.url) }
      const response = await routes.fetch(request, scope, ctx)
      const overdue = gateway.refreshIfOverdue(receivedAt)
      if (overdue !== undefined) ctx.waitUntil(overdue)
      entry.ms = now() - startedAt
      log(finish(entry, response))
      const batch =
        entry.route === SUBMISSIONS && entry.method === 'POST' ? gateway.statistics.count(entry) : undefined
      if (batch !== undefined) ctx.waitUntil(batch)
      return response
    },
  }
}

/** The routes themselves, for `createApp`; each needs the bindings of `AppEnv`. */
export function createRoutes({ corsOrigins }: Pick<Config, 'corsOrigins'>): HonoBase<AppEnv> {
  const app = new HonoBase<AppEnv>({
    router: new TrieRouter(),
    getPath: (request, options) => encodedPath(options?.env?.path ?? decodedPath(request.url)),
  })
  // Hono calls a single handler directly, so middleware is added only where it is needed.
  const forPages = corsOrigins.size === 0 ? [] : [allowReading]

  for (const [path, route] of Object.entries(ROUTES)) {
    app.use(path, (c, next) => {
      c.env.entry.route = path
      return next()
    })
    if (path.startsWith('/v1/admin/') || path === '/metrics') app.use(path, requireAdmin)
    else if ('GET' in route && path !== '/health') for (const each of forPages) app.use(path, each)
    for (const [method, handler] of Object.entries(route)) app.on(method, path, handler)
    const allow = Object.keys(route).flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : method))
    app.all(path, (c) => refuse(c, rejected('method_not_allowed', { allow }).rejection))
  }

  for (const each of forPages) app.use('/challenges/*', each)
  app.all('/challenges/*', passThrough)
  for (const path of ['/admin/*', '/v1/admin/*']) {
    app.use(path, async (c, next) => {
      c.env.entry.route = path
      return redirectWithoutSlash(c) ?? (await next())
    })
    app.all(path, requireAdmin, manage)
  }

  app.notFound(
    (c) => redirectWithoutSlash(c) ?? masterRoute(c) ?? refuse(c, rejected('not_found', {}).rejection),
  )
  app.onError((error, c) => refuse(c, rejected('internal_error', {}, describeError(error)).rejection))
  return app
}

/** A known path with extra slashes at its end is redirected with 307, for any method. */
function redirectWithoutSlash(c: RouteContext): Response | undefined {
  const bare = c.env.path.replace(/\/+$/, '')
  if (bare === c.env.path || !ROUTE_PATTERNS.some((pattern) => pattern.test(bare))) return undefined
  const { origin } = new URL(c.req.raw.url)
  return c.body(null, 307, { location: origin + encodedPath(bare) + rawQuery(c.req.raw.url) })
}
