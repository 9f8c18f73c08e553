/** The worker with a configuration at fault: alive, and nothing else. */

import { env } from 'cloudflare:workers'
import { expect, test, vi } from 'vitest'
import type { App } from '../src/app.ts'
import worker from '../src/worker.ts'
import { ask } from './support/ask.worker.ts'

const FAULTY = { ...env, NETUID: -1 }

test('a faulty configuration leaves only /health, and says every fault once', async () => {
  const lines: string[] = []
  vi.spyOn(console, 'log').mockImplementation((line: string) => lines.push(line))
  const app: App = {
    fetch: async (request, _, ctx) =>
      worker.fetch(
        new Request<unknown, IncomingRequestCfProperties>(request.url, { method: request.method }),
        FAULTY,
        ctx,
      ),
  }
  const head = await ask(app, '/health', { method: 'HEAD' })
  expect([head.status, await head.text()]).toEqual([200, ''])
  expect(await (await ask(app, '/health')).json()).toEqual({ status: 'ok' })
  for (const path of ['/ready', '/nope', '/v1/challenges/demo/submissions/1', '/health/']) {
    const response = await ask(app, path)
    expect(response.status).toBe(500)
    const id = response.headers.get('x-request-id')
    expect(await response.json()).toMatchObject({ code: 'internal_error', instance: id })
    expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({
      request_id: id,
      status: 500,
      outcome: 'internal_error',
      cause: 'configuration',
    })
  }
  expect(lines.filter((line) => line.includes('"event":"configuration"'))).toHaveLength(1)
  expect(lines[0]).toContain('NETUID')
})
