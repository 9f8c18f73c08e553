/** The README says what the code does. */

import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { verifySignature } from '../src/crypto/signature.ts'
import { decodeSs58 } from '../src/crypto/ss58.ts'
import { PROBLEMS } from '../src/protocol/problem.ts'
import { sha256 } from './support/upload.ts'

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

describe('refusals', () => {
  const rows = rowsUnder('Refusals')

  test('every code has its row, in the order of the table in the code', () => {
    expect(rows.map(([code]) => code)).toEqual(Object.keys(PROBLEMS))
  })

  test.each(Object.entries(PROBLEMS))('%s: status and detail', (code, { status, detail }) => {
    const say = detail as (facts: object) => string
    const row = rows.find(([name]) => name === code)
    expect(row?.slice(1, 3)).toEqual([String(status), say({ header: '<header>' })])
  })
})

test('every name the configuration reads is in its table, and no other', () => {
  const source = ['src/config/config.ts', 'src/config/challenges.ts']
    .map((file) => readFileSync(file, 'utf8'))
    .join()
  const read = [...source.matchAll(/(?:this|read)\s*\.\w+\(\s*'([A-Z_]+)'/g)].map((match) => match[1])
  const documented = rowsUnder('Configuration').flatMap(([names = '']) => names.split(' '))
  expect(documented.filter((name) => !name.startsWith('CHALLENGE_TOKEN_')).sort()).toEqual(
    [...new Set(read)].sort(),
  )
})

test('the worked example verifies', () => {
  const value = (name: string) => new RegExp(`^${name} +(.*)$`, 'm').exec(README)?.[1] ?? ''
  const message = value('message')
  const bytes = new TextEncoder().encode(message)
  expect(sha256(new TextEncoder().encode(value('body')))).toBe(value('body_hash'))
  expect(message.endsWith(`:${value('body_hash')}`)).toBe(true)
  const publicKey = decodeSs58(message.split(':')[5] ?? '')?.publicKey ?? new Uint8Array()
  expect(verifySignature(publicKey, bytes, Uint8Array.from(Buffer.from(value('signature'), 'hex')))).toBe(
    true,
  )
})

test('every npm script it names exists', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8'))
  const named = [...README.matchAll(/`(?:npm run )?((?:bench|chain|test):\w+)|npm run ([\w:]+)/g)].map(
    (match) => match[1] ?? match[2],
  )
  expect(named.filter((name) => name !== undefined && !(name in scripts))).toEqual([])
})
