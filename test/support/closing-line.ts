/**
 * Ends a run with what was skipped and why, one line each, and the line CI reads: `N passed, N
 * failed, N skipped`.
 */

import type { Reporter, TestModule } from 'vitest/node'

export const closingLine: Reporter = {
  onTestRunEnd(modules) {
    for (const line of new Set(modules.flatMap(skipsOf))) console.log(line)
    const states = modules.flatMap(statesOf)
    const count = (state: string) => states.filter((each) => each === state).length
    console.log(`${count('passed')} passed, ${count('failed')} failed, ${count('skipped')} skipped`)
  },
}

/** The state of each test; a file that could not run at all is one failure. */
function statesOf(module: TestModule): string[] {
  const states = [...module.children.allTests()].map((test) => test.result().state)
  return module.errors().length > 0 ? [...states, 'failed'] : states
}

/** Titles of suites and tests that state why they are skipped. */
function skipsOf(module: TestModule): string[] {
  const titles = [...module.children.allSuites(), ...module.children.allTests()].map(({ name }) => name)
  return titles.flatMap((title) => {
    const [, what, why] = /^(.*) \(skipped: (.*)\)$/.exec(title) ?? []
    return why === undefined ? [] : [`skipped: ${what}: ${why}`]
  })
}
