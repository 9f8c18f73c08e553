/**
 * What ends a command: one line, a hint, and an exit code that scripts can rely on.
 */

export const EXIT = {
  ok: 0,
  /** The gateway or the challenge refused; the same upload would be refused again. */
  refused: 1,
  /** Wrong arguments. */
  usage: 2,
  /** No usable key: wallet missing, unreadable, of a foreign format, wrong password. */
  wallet: 3,
  /** The file to upload: missing, unreadable, empty, too large. */
  file: 4,
  /**
   * No answer, not the gateway's answer, a temporary refusal that outlasted the retries, or an
   * unknown outcome.
   */
  unreachable: 5,
  /** Ctrl-C or SIGTERM, as shells have it. */
  interrupted: 130,
} as const

export type ExitCode = (typeof EXIT)[keyof typeof EXIT]

export class Fault extends Error {
  readonly exitCode: ExitCode
  readonly hint: string
  /** More lines for people, and more fields for `--json-output`. */
  readonly more: { readonly lines: readonly string[]; readonly json: object }

  constructor(
    exitCode: ExitCode,
    message: string,
    hint: string,
    more: Fault['more'] = { lines: [], json: {} },
  ) {
    super(message)
    this.exitCode = exitCode
    this.hint = hint
    this.more = more
  }
}

/** `ENOENT` and its like; never a path or a content. */
export function errorCode(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
}
