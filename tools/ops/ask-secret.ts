/**
 * Asking for a secret without showing it.
 *
 * On a terminal every key is taken as it is pressed and nothing is written back. From a pipe one
 * line is one answer, so that a password manager can fill it in; there is no echo to prevent.
 */

import { once } from 'node:events'

/** A terminal or a pipe. */
export interface Input extends NodeJS.ReadableStream {
  readonly isTTY?: boolean
  setRawMode?(raw: boolean): unknown
}

export interface Output {
  write(text: string): unknown
}

/** The operator pressed Ctrl-C. */
export class Interrupted extends Error {}

const INTERRUPT = '\u0003'
const END_OF_INPUT = '\u0004'
const ERASE = ['\u007f', '\b']

export interface Prompter {
  /** The answer without its line end; undefined at the end of the input. */
  ask(question: string): Promise<string | undefined>
  close(): void
}

export function createPrompter(input: Input, output: Output): Prompter {
  let pending = ''
  let ended = false
  const wake = new EventTarget()
  const terminal = input.isTTY === true
  input.setEncoding('utf8')
  if (terminal) input.setRawMode?.(true)
  input.on('data', (text: string) => {
    pending += text
    wake.dispatchEvent(new Event('input'))
  })
  input.once('end', () => {
    ended = true
    wake.dispatchEvent(new Event('input'))
  })
  return {
    async ask(question) {
      output.write(question)
      for (;;) {
        if (terminal && pending.includes(INTERRUPT)) throw new Interrupted()
        const line = /^([^\r\n]*)(\r\n|\r|\n)/.exec(pending)
        if (line !== null) {
          pending = pending.slice(line[0].length)
          if (terminal) output.write('\n')
          return withoutErased(line[1] ?? '')
        }
        if (ended || (terminal && pending.includes(END_OF_INPUT))) return undefined
        await once(wake, 'input')
      }
    },
    close() {
      if (terminal) input.setRawMode?.(false)
      input.pause()
    },
  }
}

/** Raw mode hands over the backspaces too. */
function withoutErased(typed: string): string {
  const kept: string[] = []
  for (const key of typed) {
    if (ERASE.includes(key)) kept.pop()
    else kept.push(key)
  }
  return kept.join('')
}
