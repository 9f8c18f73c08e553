/**
 * A value, or why there is none: the one shape in which the whole house says "it worked" or "it did not".
 */

import type { Rejection } from './problem.ts'

/** `E` has the members that say why not: for most a refusal, elsewhere faults or a cause for the log. */
export type Result<T, E = { readonly rejection: Rejection }> =
  | { readonly ok: true; readonly value: T }
  | ({ readonly ok: false } & E)

export function accepted<T>(value: T): { readonly ok: true; readonly value: T } {
  return { ok: true, value }
}
