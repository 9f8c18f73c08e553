/**
 * A value, or why there is none. All rooms report success and failure in this shape.
 */

import type { Rejection } from './problem.ts'

/**
 * `E` has the members that say why there is none: mostly a refusal, elsewhere faults or a cause
 * for the log.
 */
export type Result<T, E = { readonly rejection: Rejection }> =
  | { readonly ok: true; readonly value: T }
  | ({ readonly ok: false } & E)

export function accepted<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value }
}
