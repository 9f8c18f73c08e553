/**
 * `GET /upload.py`: the Python client of the repository, with this gateway's address as its
 * default.
 *
 * `uv run URL/upload.py FILE --challenge SLUG` is then the whole command for a miner with uv.
 */

import source from '../../miner/upload.py'
import type { RouteContext } from './context.ts'

const PLACE = 'GATEWAY = ""'

export function getUploadPy(c: RouteContext): Response {
  return c.body(uploadPyFor(c.req.raw.url), 200, {
    'content-type': 'text/x-python; charset=utf-8',
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  })
}

/** The text that the gateway serves at the origin of `url`. */
export function uploadPyFor(url: string): string {
  // A JSON string is a Python string literal too; an origin has neither control nor non-ASCII
  // characters.
  return source.replace(PLACE, () => `GATEWAY = ${JSON.stringify(new URL(url).origin)}`)
}
