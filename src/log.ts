/**
 * One structured line per request: what was asked, what came of it, how long it took.
 *
 * The fields are listed here and nowhere else, so that a signature, nonce, token, body or query cannot slip into a log.
 */

export interface RequestEntry {
  readonly request_id: string
  readonly method: string
  /** Route pattern, never the path itself; `none` when no route matched. */
  route: string
  status: number
  /** `ok` for whatever the challenge answered, else the code of the refusal. */
  outcome: string
  /** Short reason for the operator, such as the kind of a transport failure. */
  cause?: string
  slug?: string
  hotkey?: string
  uid?: number
  bytes?: number
  origin_status?: number
  origin_ms?: number
  ms: number
}

/** A line of a room's own, such as a metagraph refresh. */
export interface EventEntry {
  readonly event: string
  readonly [field: string]: string | number | boolean | undefined
}

export type Log = (entry: RequestEntry | EventEntry) => void

/** Workers Logs index the fields of an object. */
export const logLine: Log = (entry) => console.log(JSON.stringify(entry))

/** An error without its message, which may quote input: its name, and where in our code it was thrown. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  const frames = (error.stack ?? '').split('\n').filter((line) => line.startsWith('    at '))
  return [error.name, ...frames.slice(0, 5).map((frame) => frame.trim())].join(' ')
}
