/** Nothing of a secret is written back, on a terminal or on a pipe. */

import { PassThrough } from 'node:stream'
import { describe, expect, test } from 'vitest'
import { createPrompter, Interrupted } from '../../../tools/ops/ask-secret.ts'

function terminal() {
  const modes: boolean[] = []
  const input = Object.assign(new PassThrough(), {
    isTTY: true,
    setRawMode: (raw: boolean) => modes.push(raw),
  })
  return { input, modes }
}

function written() {
  const texts: string[] = []
  return { texts, write: (text: string) => texts.push(text) }
}

describe('a terminal', () => {
  const TYPED: [name: string, keys: string[], answer: string][] = [
    ['at once', ['canary\r'], 'canary'],
    ['key by key', [...'canary', '\r'], 'canary'],
    ['pasted with a line end of another kind', ['canary\n'], 'canary'],
    ['with a mistake', ['canarx\u007fy\r'], 'canary'],
    ['with more backspaces than keys', ['\b\bcanary\r'], 'canary'],
    ['nothing', ['\r'], ''],
  ]
  test.each(TYPED)('%s', async (_, keys, answer) => {
    const { input, modes } = terminal()
    const output = written()
    const prompter = createPrompter(input, output)
    const asked = prompter.ask('token: ')
    for (const key of keys) input.write(key)
    expect(await asked).toBe(answer)
    prompter.close()
    expect(output.texts).toEqual(['token: ', '\n'])
    expect(modes).toEqual([true, false])
  })

  test('Ctrl-C gives up, Ctrl-D ends', async () => {
    const { input } = terminal()
    const interrupted = createPrompter(input, written()).ask('token: ')
    input.write('cana\u0003')
    await expect(interrupted).rejects.toThrow(Interrupted)
    const other = terminal().input
    const ended = createPrompter(other, written()).ask('token: ')
    other.write('\u0004')
    expect(await ended).toBeUndefined()
  })
})

test('a pipe: a line is an answer, and its end is the end', async () => {
  const input = new PassThrough()
  const output = written()
  const prompter = createPrompter(input, output)
  input.end('first\nsecond\r\n')
  expect(await prompter.ask('a: ')).toBe('first')
  expect(await prompter.ask('b: ')).toBe('second')
  expect(await prompter.ask('c: ')).toBeUndefined()
  expect(output.texts).toEqual(['a: ', 'b: ', 'c: '])
})
