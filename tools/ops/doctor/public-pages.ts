/**
 * Pages of a challenge that its framework makes and its author may not know of. Everything but a
 * challenge's private routes is public, so FastAPI's description of all routes is too, unless it
 * is switched off.
 */

import { type Finding, pass, warn } from './finding.ts'
import type { Patient } from './outside.ts'

const PAGES = ['/docs', '/openapi.json']

export async function checkPublicPages({ ask }: Patient, slugs: readonly string[]): Promise<Finding[]> {
  if (slugs.length === 0) return []
  const paths = slugs.flatMap((slug) => PAGES.map((page) => `/challenges/${slug}${page}`))
  const tried = await Promise.all(paths.map(async (path) => ({ path, answer: await ask(path) })))
  const open = tried.filter(({ answer }) => answer.reached && answer.status === 200).map(({ path }) => path)
  if (open.length === 0) return [pass('public-pages', 'no challenge shows /docs or /openapi.json')]
  const todo =
    'if that is not meant: FastAPI(docs_url=None, redoc_url=None, openapi_url=None) in the challenge, and restart it'
  return [warn('public-pages', `open to the world: ${open.join(', ')}`, todo)]
}
