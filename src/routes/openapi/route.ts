/**
 * `GET /openapi.json`: what this gateway takes and answers, for programs.
 */

import type { RouteContext } from '../context.ts'
import { createDocument } from './document.ts'

/** Written once per isolate, when a client asks. */
let text: string | undefined

export function getOpenApi(c: RouteContext): Response {
  const { version, config } = c.env.gateway
  text ??= JSON.stringify(createDocument(version, config.gatewayHotkey))
  return c.body(text, 200, { 'content-type': 'application/json', 'cache-control': 'public, max-age=300' })
}
