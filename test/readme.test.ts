/** The README says what the code does. */

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'

const README = readFileSync('README.md', 'utf8')

/** Cells of the table rows under a heading, without their back quotes. */
function rowsUnder(heading: string): string[][] {
  const section = README.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? ''
  const rows = section.split('\n').filter((line) => line.startsWith('| `'))
  return rows.map((row) =>
    row
      .slice(2, -1)
      .split(' | ')
      .map((cell) => cell.replaceAll('`', '').trim()),
  )
}

test('every name the configuration reads is in its table, and no other', () => {
  const source = ['src/config/config.ts', 'src/config/access.ts', 'src/config/challenges.ts']
    .map((file) => readFileSync(file, 'utf8'))
    .join()
  const read = [...source.matchAll(/(?:this|read)\s*\.\w+\(\s*'([A-Z_]+)'/g)].map((match) => match[1])
  const documented = rowsUnder('Configuration').flatMap(([names = '']) => names.split(' '))
  expect(documented.filter((name) => !name.startsWith('CHALLENGE_TOKEN_')).sort()).toEqual(
    [...new Set(read)].sort(),
  )
})
