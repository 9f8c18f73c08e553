/**
 * What a test needs beyond `npm ci`: Python with a wallet package, uv, a generator, promtool,
 * Chromium (tools/dev/field.ts).
 *
 * Such a test stands in a `*.field.test.ts` and asks for its tool:
 *
 *   const btcli = fieldTool('bittensor')
 *   describe.skipIf(btcli.missing)(`btcli 11${btcli.note}`, () => {
 *     test('…', () => run(btcli.program('python'), ['-c', '…']))
 *   })
 *
 * `npm test` runs it where the tool is there, and else names the skip in one line. `npm run field`
 * fetches every tool, `npm run test:field` fetches and then runs these tests alone.
 */

import path from 'node:path'
import { FIELD, findInstalled, isFetched, type ToolName } from '../../tools/dev/field.ts'

export interface FieldTool {
  readonly missing: boolean
  /** For the title: empty where the tool is there, else why the tests are skipped. */
  readonly note: string
  /** The path of a program of this tool. */
  readonly program: (name: string) => string
}

export function fieldTool(name: ToolName): FieldTool {
  const installed = findInstalled(name)
  const missing = installed === undefined && !isFetched(name)
  return {
    missing,
    note: missing ? ` (skipped: no ${name} here; npm run field fetches it)` : '',
    program: (program) => installed ?? path.join(FIELD, name, 'bin', program),
  }
}
