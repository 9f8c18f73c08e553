/**
 * What is printed where: results on stdout, everything else on stderr; colours and a moving bar
 * only on a terminal.
 */

import type { Fault } from './fault.ts'
import type { OnProgress } from './transport.ts'

const BAR_WIDTH = 24
const REDRAW_MS = 100

export interface Output {
  /** Lines for people, or with `--json-output` one object. */
  result(lines: readonly string[], json: object): void
  note(line: string): void
  warn(line: string): void
  fault(fault: Fault): void
  /** Shows how an upload of this file proceeds. */
  progress(label: string): OnProgress
}

export interface OutputOptions {
  readonly json: boolean
  readonly quiet: boolean
  readonly env: Readonly<Record<string, string | undefined>>
}

export function createOutput({ json, quiet, env }: OutputOptions): Output {
  const bar = process.stderr.isTTY === true && !quiet && !json && env['TERM'] !== 'dumb'
  const colour = process.stderr.isTTY === true && env['NO_COLOR'] === undefined
  const paint = (code: number, text: string) => (colour ? `\x1b[${code}m${text}\x1b[0m` : text)
  let barIsOpen = false
  const say = (line: string) => {
    process.stderr.write(`${barIsOpen ? '\n' : ''}${line}\n`)
    barIsOpen = false
  }
  return {
    result(lines, object) {
      process.stdout.write(`${json ? JSON.stringify(object) : lines.join('\n')}\n`)
    },
    note(line) {
      if (!quiet) say(line)
    },
    warn: (line) => say(`${paint(33, 'warning:')} ${line}`),
    fault({ message, hint, exitCode, more }) {
      const object = { ok: false, error: message, hint, exit_code: exitCode, ...more.json }
      if (json) process.stdout.write(`${JSON.stringify(object)}\n`)
      else
        say([`${paint(31, 'error:')} ${message}`, `${paint(36, 'hint:')}  ${hint}`, ...more.lines].join('\n'))
    },
    progress(label) {
      if (!bar) return () => {}
      let startedAt = 0
      let drawnAt = 0
      let before = Number.POSITIVE_INFINITY
      return (sent, total) => {
        const now = Date.now()
        // A retry starts from the beginning.
        if (sent <= before) startedAt = now
        before = sent
        if (sent < total && now - drawnAt < REDRAW_MS) return
        drawnAt = now
        process.stderr.write(`\r\x1b[K${progressLine(label, sent, total, (now - startedAt) / 1000)}`)
        barIsOpen = sent < total
        if (!barIsOpen) process.stderr.write('\n')
      }
    },
  }
}

/** `agent.zip [#####-------] 2.5 of 7.5 MB, 1.2 MB/s, 4 s left` */
export function progressLine(label: string, sent: number, total: number, seconds: number): string {
  const done = total === 0 ? BAR_WIDTH : Math.floor((sent / total) * BAR_WIDTH)
  const rate = seconds > 0 ? sent / seconds : 0
  const left = rate > 0 ? `, ${Math.ceil((total - sent) / rate)} s left` : ''
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1)
  const drawn = `[${'#'.repeat(done)}${'-'.repeat(BAR_WIDTH - done)}]`
  return `${label} ${drawn} ${megabytes(sent)} of ${megabytes(total)} MB, ${megabytes(rate)} MB/s${left}`
}
