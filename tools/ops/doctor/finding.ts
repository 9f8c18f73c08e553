/**
 * What one check of the doctor found, and how it is printed: one line, then what to do.
 */

type Verdict = 'pass' | 'warn' | 'fail'

export interface Finding {
  /** Stable name of the check, such as `clock` or `token:demo`. */
  readonly check: string
  readonly verdict: Verdict
  readonly says: string
  /** What to do; absent from a pass. */
  readonly todo?: string
}

/** Exit codes of the doctor, besides that of a command it does not understand. */
const ALL_WELL = 0
const SOMETHING_FAILED = 1

const CHECK_WIDTH = 22

export function pass(check: string, says: string): Finding {
  return { check, verdict: 'pass', says }
}

export function warn(check: string, says: string, todo: string): Finding {
  return { check, verdict: 'warn', says, todo }
}

export function fail(check: string, says: string, todo: string): Finding {
  return { check, verdict: 'fail', says, todo }
}

export function toLine({ check, verdict, says, todo }: Finding): string {
  const line = `${verdict}  ${check.padEnd(CHECK_WIDTH)} ${says}`
  return todo === undefined ? line : `${line}  ->  ${todo}`
}

export function toSummary(findings: readonly Finding[]): string {
  const count = (verdict: Verdict) => findings.filter((finding) => finding.verdict === verdict).length
  return `${count('pass')} passed, ${count('warn')} to look at, ${count('fail')} failed`
}

/** A warning is for a person to judge, so it does not fail a script. */
export function exitCode(findings: readonly Finding[]): number {
  return findings.some(({ verdict }) => verdict === 'fail') ? SOMETHING_FAILED : ALL_WELL
}

/** The last line of defence: a secret that found its way into a text does not leave it. */
export function withoutSecrets(text: string, secrets: Iterable<string>): string {
  let clean = text
  for (const secret of secrets) if (secret.length > 0) clean = clean.replaceAll(secret, '[secret]')
  return clean
}
