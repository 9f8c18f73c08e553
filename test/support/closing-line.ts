/** Ends a run with the one line CI reads: `N passed, N failed, N skipped`. */

import type { Reporter, TestModule } from 'vitest/node'

export const closingLine: Reporter = {
  onTestRunEnd(modules) {
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
