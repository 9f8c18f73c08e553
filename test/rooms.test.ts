/** Imports go one way, and the pure rooms stay pure. CONTRIBUTING.md shows the same table. */

import { readdirSync, readFileSync } from 'node:fs'
import { join, normalize } from 'node:path'
import { describe, expect, test } from 'vitest'

/** What each room may import, itself apart. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  crypto: [],
  protocol: ['crypto'],
  challenge: ['protocol', 'crypto'],
  admission: ['challenge', 'protocol', 'crypto'],
  ledger: ['admission', 'protocol', 'crypto'],
  lease: [],
  'kv-memo': [],
  metagraph: ['lease', 'kv-memo', 'admission', 'protocol', 'crypto'],
  registry: ['lease', 'kv-memo', 'admission', 'challenge', 'protocol', 'crypto'],
  origin: ['admission', 'challenge', 'protocol', 'crypto'],
  config: ['origin', 'challenge', 'protocol', 'crypto'],
  cache: ['origin', 'challenge', 'protocol', 'crypto'],
  log: [],
  status: ['origin', 'challenge', 'protocol', 'log'],
  routes: [
    'challenge',
    'cache',
    'origin',
    'registry',
    'metagraph',
    'ledger',
    'status',
    'admission',
    'protocol',
    'crypto',
    'config',
    'log',
  ],
  app: ['routes', 'config', 'protocol', 'log'],
  miner: ['protocol', 'crypto'],
}
const PURE = ['crypto', 'protocol', 'challenge', 'admission']
/** Served as text by `GET /upload.py`: the one import out of `src`. */
const TEXT_IMPORT = { file: 'src/routes/upload-py.ts', path: '../../miner/upload.py' }
const IMPURE = /\bfetch\(|Date\.now|new Date\(|Math\.random|getRandomValues|randomUUID|setTimeout|setInterval/

interface Source {
  readonly file: string
  readonly room: string
  readonly imports: readonly string[]
  readonly code: string
}

const SOURCES = ['src', 'miner'].flatMap((folder) =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .map((file) => join(folder, file))
    .filter((file) => file.endsWith('.ts') && file !== 'src/env.d.ts')
    .map(readSource),
)

describe.each(SOURCES.filter(({ room }) => room !== 'worker'))('$file', ({ file, room, imports, code }) => {
  test('imports only what its room may', () => {
    const allowed = [room, ...(MAY_IMPORT[room] ?? [])]
    const local = imports
      .filter((path) => path.startsWith('.') && !isText(file, path))
      .map((path) => roomOf(normalize(join(file, '..', path))))
    expect(local.filter((other) => !allowed.includes(other))).toEqual([])
  })

  if (PURE.includes(room)) {
    test('knows no platform, clock or randomness', () => {
      const foreign = imports.filter((path) => !path.startsWith('.') && !/^@(noble|scure)\//.test(path))
      expect(foreign).toEqual([])
      expect(code.match(IMPURE)).toBeNull()
    })
  }
})

test('CONTRIBUTING.md has the same table', () => {
  const table = readFileSync('CONTRIBUTING.md', 'utf8').split('| room | knows | may import |')[1] ?? ''
  const rows = (table.split('\n\n')[0] ?? '').split('\n').filter((line) => line.startsWith('| `'))
  const shown = rows.map((row) => {
    const [, room = '', , imports = ''] = row.split('|')
    return [room.replaceAll('`', '').trim(), imports.match(/[a-z-]+/g) ?? []] as const
  })
  expect(Object.fromEntries(shown)).toEqual(MAY_IMPORT)
})

test('nothing in src imports from outside it but one text, and miner only from src', () => {
  expect(SOURCES.some(({ file, imports }) => imports.some((path) => isText(file, path)))).toBe(true)
  const outside = SOURCES.flatMap(({ file, imports }) =>
    imports.filter((path) => {
      if (isText(file, path)) return false
      const folder = normalize(join(file, '..', path)).split('/')[0]
      return path.startsWith('.') && folder !== 'src' && folder !== file.split('/')[0]
    }),
  )
  expect(outside).toEqual([])
})

function isText(file: string, path: string): boolean {
  return file === TEXT_IMPORT.file && path === TEXT_IMPORT.path
}

function readSource(file: string): Source {
  const text = readFileSync(file, 'utf8')
  const imports = [...text.matchAll(/(?:from|import)\s*\(?'([^']+)'/g)].map((match) => match[1] ?? '')
  const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
  return { file, room: roomOf(file), imports, code }
}

/** The folder under `src`, or a file's own name there; `miner` is one room. */
function roomOf(file: string): string {
  const [folder = '', room = ''] = file.split('/')
  return folder === 'src' ? room.replace(/\.ts$/, '') : folder
}
