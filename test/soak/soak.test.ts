/** The soak itself, short: it ends well, and a ledger that forgets makes it end badly. */

import { execFile } from 'node:child_process'
import path from 'node:path'
import { expect, test } from 'vitest'

const SOAK = path.join(import.meta.dirname, 'soak.ts')

function soak(...options: readonly string[]): Promise<{ readonly code: number; readonly said: string }> {
  return new Promise((resolve) => {
    const command = ['--disable-warning=ExperimentalWarning', SOAK, '--uploads', '200', ...options]
    execFile(process.execPath, command, { maxBuffer: 1e8 }, (error, said) =>
      resolve({ code: Number(error?.code ?? 0), said }),
    )
  })
}

// Both mostly wait.
test.concurrent.each([
  ['the gateway', [], 0, /^0 invariants broken in 200 uploads/m],
  ['a ledger that forgets', ['--plant'], 1, /^BROKEN .*: delivered 2 times$/m],
] as const)('%s', { timeout: 120_000 }, async (_, options, code, verdict) => {
  const ended = await soak(...options)
  expect(ended.said).toMatch(verdict)
  expect(ended.code).toBe(code)
})
