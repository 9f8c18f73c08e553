/**
 * `platform-edge`: the miner's command line.
 *
 * Everything heavy (key derivation, wallets, node:https) is loaded by the command that needs it,
 * so that help and mistakes answer at once. No stack trace reaches a user: what is not a Fault is
 * a bug and says so in one line.
 */

import { VERSION } from '../src/protocol/user-agent.ts'
import { parseArguments, USAGE } from './cli/arguments.ts'
import { Fault } from './cli/fault.ts'
import { createOutput } from './cli/output.ts'

const BUG_EXIT_CODE = 70

// The reader of the output has seen enough (`| head`).
process.stdout.on('error', () => process.exit())

process.exitCode = await main(process.argv.slice(2), process.env)

async function main(argv: readonly string[], env: NodeJS.ProcessEnv): Promise<number> {
  if (argv.length === 0 || argv.some((arg) => arg === '--help' || arg === '-h' || arg === 'help')) {
    process.stdout.write(`${USAGE}\n`)
    return 0
  }
  if (argv.includes('--version')) {
    process.stdout.write(`platform-edge ${VERSION}\n`)
    return 0
  }
  const json = argv.some((arg) => arg === '--json-output' || arg === '--json-out' || arg === '--json')
  let out = createOutput({ json, quiet: false, env })
  try {
    const args = parseArguments(argv)
    out = createOutput({ json: args.json, quiet: args.quiet, env })
    const { RUN } = await import('./cli/commands.ts')
    return await RUN[args.command]({ args, env, out })
  } catch (error) {
    const fault = error instanceof Fault ? error : undefined
    if (fault !== undefined) {
      out.fault(fault)
      return fault.exitCode
    }
    const name = error instanceof Error ? error.name : typeof error
    process.stderr.write(`error: a bug of this tool (${name})\nhint:  please report the command you ran\n`)
    return BUG_EXIT_CODE
  }
}
