/** How a command tells its user what to fix. */

/** What the user can fix: printed as one line, exit code 2. */
export class UsageError extends Error {}

/** What `parse` reads from the command line; its complaint comes with the usage. */
export function parseOrExplain<T>(usage: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    throw new UsageError(`${error instanceof Error ? error.message : error}\n\n${usage}`)
  }
}

/** Runs a command to the exit code it answers. */
export async function runCommand(main: () => Promise<number>): Promise<void> {
  try {
    process.exitCode = await main()
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    console.error(`error:   ${error.message}`)
    process.exitCode = 2
  }
}
