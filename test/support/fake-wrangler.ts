/**
 * A `wrangler` for PATH that opens no connection: it writes down its arguments and its input, and
 * answers what the test wants.
 */

import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'

export interface WranglerCall {
  readonly args: readonly string[]
  readonly input: string
}

export interface FakeAnswers {
  /** Names `secret list` gives; undefined: it fails with this text. */
  readonly held?: readonly string[]
  readonly fault?: string
  /** Exit code of everything else. */
  readonly code?: number
}

/** `env` is for the process that is to find it. */
export async function createFakeWrangler(answers: FakeAnswers) {
  const directory = await mkdtemp(path.join(tmpdir(), 'wrangler-'))
  const bin = path.join(directory, 'bin')
  const log = path.join(directory, 'calls')
  await mkdir(bin)
  await writeFile(log, '')
  const script = `#!${process.execPath}
const { appendFileSync, readFileSync } = require('node:fs')
const answers = ${JSON.stringify(answers)}
const args = process.argv.slice(2)
const input = args[1] === 'list' || args[0] === 'deploy' ? '' : readFileSync(0, 'utf8')
appendFileSync(${JSON.stringify(log)}, JSON.stringify({ args, input }) + '\\n')
if (args[1] === 'list' && answers.held !== undefined) {
  console.log(JSON.stringify(answers.held.map((name) => ({ name, type: 'secret_text' }))))
} else if (args[1] === 'list') {
  console.error(answers.fault)
  process.exitCode = 1
} else {
  // A wrangler that quotes what it was given: it must not reach the terminal.
  console.log('got ' + input)
  process.exitCode = answers.code ?? 0
}
`
  await writeFile(path.join(bin, 'wrangler'), script)
  await chmod(path.join(bin, 'wrangler'), 0o755)
  return {
    env: { ...process.env, PATH: `${bin}:${process.env['PATH']}` },
    async calls(): Promise<WranglerCall[]> {
      const lines = (await readFile(log, 'utf8')).split('\n').filter((line) => line !== '')
      return lines.map((line) => JSON.parse(line))
    },
    remove: () => rm(directory, { recursive: true }),
  }
}
