/** An operator who does not know a command asks it first. */

import { expect, test } from 'vitest'
import { runCommand } from '../../support/command.ts'

const COMMANDS: [name: string, script: string][] = [
  ['deploy', 'tools/ops/deploy.ts'],
  ['secrets', 'tools/ops/secrets.ts'],
  ['doctor', 'tools/ops/doctor.ts'],
  ['chain:record', 'tools/dev/record.ts'],
]
test.each(COMMANDS)('npm run %s -- --help', async (name, script) => {
  for (const flag of ['--help', '-h']) {
    const { code, stdout, stderr } = await runCommand(script, [flag])
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(new RegExp(`^usage: npm run ${name} -- `))
  }
})

const MISUSED: [name: string, args: string[]][] = [
  ['nothing', []],
  ['an unknown option', ['--nope']],
  ['an option without its value', ['--netuid']],
  ['no URL', ['--endpoint', 'node', '--netuid', '100']],
]
test.each(MISUSED)('chain:record with %s: how it is used, exit code 2, no stack', async (_, args) => {
  const { code, stdout, stderr } = await runCommand('tools/dev/record.ts', args)
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toMatch(/^usage: /)
  expect(stderr).not.toMatch(/^ +at /m)
})
