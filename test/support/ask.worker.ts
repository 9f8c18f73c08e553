/** One request to an app, until all its background work is done. */

import { createExecutionContext, waitOnExecutionContext } from 'cloudflare:test'
import type { App } from '../../src/app.ts'

export async function ask(app: App, path: string, init: RequestInit = {}): Promise<Response> {
  const ctx = createExecutionContext()
  const response = await app.fetch(new Request(`https://gateway.example.com${path}`, init), {}, ctx)
  await waitOnExecutionContext(ctx)
  return response
}
