/**
 * One structured line per request: what was asked, what came of it, how long it took.
 *
 * The fields are listed here and nowhere else, so that a signature, nonce, token, body or query
 * cannot slip into a log.
 */

export interface RequestEntry {
  readonly request_id: string
  readonly method: string
  /** Route pattern, never the path itself; `none` when no route matched. */
  route: string
  status: number
  /** `ok` for whatever the challenge answered, else the code of the refusal. */
  outcome: string
  /**
   * Short reason for the operator: the kind of a transport failure, or what tells this refusal
   * from others of its code.
   */
  cause?: string
  slug?: string
  hotkey?: string
  uid?: number
  bytes?: number
  quota_remaining?: number
  quota_reset_seconds?: number
  ledger_ms?: number
  origin_status?: number
  /** The challenge refused the first token that was tried and took the other one. */
  token_switched?: boolean
  origin_ms?: number
  ms: number
}

/** A line that is not about a request, such as a metagraph refresh. */
export interface EventEntry {
  readonly event: string
  readonly [field: string]: string | number | boolean | undefined
}

export type Log = (entry: RequestEntry | EventEntry) => void

/** The part of an Analytics Engine dataset that is used, when one is bound. */
export interface Dataset {
  writeDataPoint(point: { blobs: string[]; doubles: number[]; indexes: string[] }): void
}

/**
 * All events and all failures of the gateway are logged, and a share of the other requests. The
 * request's random id decides, so it also tells whether its line is in the log. A dataset gets
 * every request.
 */
export function createLog(share: number, dataset: Dataset | undefined): Log {
  return (entry) => {
    if ('event' in entry) return logLine(entry)
    const { slug = '', route, outcome, status, ms, origin_ms = 0, ledger_ms = 0, bytes = 0 } = entry
    dataset?.writeDataPoint({
      blobs: [route, slug, outcome],
      doubles: [status, ms, origin_ms, ledger_ms, bytes],
      indexes: [slug],
    })
    const isFailure = status >= 500 && outcome !== 'ok'
    if (isFailure || Number.parseInt(entry.request_id.slice(0, 8), 16) < share * 2 ** 32) logLine(entry)
  }
}

/** What is known of a request before it is answered. */
export function newEntry({ method }: Request): RequestEntry {
  return { request_id: crypto.randomUUID(), method, route: 'none', status: 0, outcome: 'ok', ms: 0 }
}

/** Adds the headers that every answer has, and completes the entry except for its times. */
export function finish(entry: RequestEntry, response: Response): RequestEntry {
  entry.status = response.status
  response.headers.set('x-request-id', entry.request_id)
  response.headers.append('server-timing', serverTiming(entry))
  return entry
}

/**
 * How long the gateway waited for others, in milliseconds. The platform's clock stands still while
 * it computes.
 */
export function serverTiming({ origin_ms, ledger_ms, ms }: RequestEntry): string {
  const origin = origin_ms === undefined ? '' : `origin;dur=${origin_ms}, `
  const ledger = ledger_ms === undefined ? '' : `ledger;dur=${ledger_ms}, `
  return `${origin}${ledger}total;dur=${ms}`
}

/** Workers Logs index the fields of an object. */
export const logLine: Log = (entry) => console.log(JSON.stringify(entry))

/**
 * An error without its message, which may quote input: its name, and where in the gateway's code
 * it was thrown.
 */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  const frames = (error.stack ?? '').split('\n').filter((line) => line.startsWith('    at '))
  return [error.name, ...frames.slice(0, 5).map((frame) => frame.trim())].join(' ')
}
