/**
 * `MASTER_ROUTES`: further public routes of the master, such as `GET /v1/validators/public` or
 * `POST /v1/workers/*`.
 *
 * The grammar is that of a policy's `allow`; a `*` at the end stands for one segment or more, as
 * `**` does.
 */

import { parsePolicy } from '../challenge/parse-policy.ts'
import { OPEN_POLICY, type RouteRule } from '../challenge/policy.ts'

export const MASTER_ROUTES =
  'methods and a path, such as "GET /v1/validators/public" or "POST /v1/workers/*", and not below /admin, /v1/admin, /challenges or /v1/challenges'

/** Excluded: management has a token of its own, and challenges have their own rules. */
const OTHERS = /^\/(v1\/)?(admin|challenges)(\/|$)/i

export function isMasterRoute(value: unknown): value is string {
  return typeof value === 'string' && toMasterRoute(value) !== undefined
}

export function toMasterRoute(text: string): RouteRule | undefined {
  const parsed = parsePolicy({ allow: [text.replace(/\/\*$/, '/**')] }, OPEN_POLICY)
  const rule = parsed.ok ? parsed.value.allow?.[0] : undefined
  if (rule === undefined) return undefined
  const path = `/${rule.path.join('/')}`
  const mayBeAnything = /^\/(v1\/)?(\*\*|\{)/.test(path)
  return mayBeAnything || OTHERS.test(path) ? undefined : rule
}
