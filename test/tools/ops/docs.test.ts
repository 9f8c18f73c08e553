/** The operator's pages speak of commands, codes, names and lines that exist. */

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { parseEnv } from 'node:util'
import { describe, expect, test } from 'vitest'
import { PROBLEMS } from '../../../src/protocol/problem.ts'
import { isSecretName, parseDeployment, readDeployment } from '../../../tools/ops/deployment.ts'
import { placeholdersIn } from '../../../tools/ops/doctor/configuration.ts'
import { runCommand } from '../../support/command.ts'

const read = (file: string) => readFileSync(file, 'utf8')
const unique = (texts: readonly string[]) => [...new Set(texts)]
const matches = (text: string, pattern: RegExp) => [...text.matchAll(pattern)].map((match) => match[1] ?? '')

/**
 * The pages for miners and challenge authors are for other readers and tested with their tools.
 */
const PAGES = readdirSync('docs')
  .filter((name) => name.endsWith('.md') && !['miners.md', 'challenges.md'].includes(name))
  .map((name) => ({ name, text: read(path.join('docs', name)) }))
const ALL = PAGES.map(({ text }) => text).join('\n')
const PACKAGE: { scripts: Record<string, string>; cloudflare: { bindings: Record<string, unknown> } } =
  JSON.parse(read('package.json'))

function sourceOf(...directories: readonly string[]): string {
  const files = directories.flatMap((directory) =>
    readdirSync(directory, { recursive: true, encoding: 'utf8' }).map((file) => path.join(directory, file)),
  )
  return files
    .filter((file) => file.endsWith('.ts'))
    .map(read)
    .join('\n')
}

const DOCTOR = sourceOf('tools/ops/doctor')
const CONFIG = sourceOf('src/config')
const CODE = [sourceOf('src', 'tools/ops'), read('wrangler.toml'), read('package.json')].join('\n')

test('the pages that operators were promised are there', () => {
  expect(PAGES.map(({ name }) => name)).toEqual(
    expect.arrayContaining([
      'deploy.md',
      'moving.md',
      'rollback.md',
      'rotation.md',
      'runbook.md',
      'threat-model.md',
    ]),
  )
  expect(PAGES.find(({ name }) => name === 'threat-model.md')?.text).toMatch(
    /^# .*\n\n## What is not claimed\n/,
  )
})

describe('commands', () => {
  const runs = [...ALL.matchAll(/npm run ([\w:-]+)(?: -- ([^`\n]*))?/g)]

  test.each(unique(runs.map(([, name = '']) => name)))('npm run %s', (name) => {
    expect(Object.keys(PACKAGE.scripts)).toContain(name)
  })

  const options = runs.flatMap(([, name = '', rest = '']) =>
    matches(rest, /--([a-z][a-z-]*)/g).map((flag) => `${name} --${flag}`),
  )
  test.each(unique(options))('npm run %s', (used) => {
    const [name = '', flag = ''] = used.split(' --')
    const script = /node .*?(\S+\.ts)/.exec(PACKAGE.scripts[name] ?? '')?.[1] ?? ''
    expect(read(script)).toMatch(new RegExp(`\\b'?${flag}'?: \\{ type:`))
  })

  const wrangler = [...ALL.matchAll(/npx wrangler ((?:[a-z]+ ?)+)([^`\n]*)/g)].map(
    ([, words = '', rest = '']) => ({
      words: words
        .trim()
        .split(' ')
        .slice(0, words.startsWith('deployments') || words.startsWith('secret') ? 2 : 1)
        .join(' '),
      flags: matches(rest, /(--[a-z-]+)/g),
    }),
  )
  const flagsOf = (words: string) =>
    unique(wrangler.filter((each) => each.words === words).flatMap(({ flags }) => flags))
  test.each(unique(wrangler.map(({ words }) => words)))(
    'npx wrangler %s',
    { timeout: 30_000 },
    async (words) => {
      const require = createRequire(import.meta.url)
      const bin = path.join(path.dirname(require.resolve('wrangler/package.json')), 'bin', 'wrangler.js')
      const { stdout } = await runCommand(bin, [...words.split(' '), '--help'])
      expect(stdout.trimStart()).toMatch(new RegExp(`^wrangler ${words}\\b`))
      for (const flag of flagsOf(words)) expect(stdout).toContain(flag)
    },
  )

  test('nothing else is asked of an operator', () => {
    const blocks = matches(ALL, /```sh\n([\s\S]*?)```/g).join('\n')
    const first = unique(matches(blocks, /^(\w+)/gm))
    expect(first.filter((word) => !['npm', 'npx', 'curl'].includes(word))).toEqual([])
  })
})

describe('names', () => {
  /** For the reader to fill in. */
  const PLACEHOLDERS = ['REQUEST_ID', 'YOUR_REPOSITORY', 'ACCOUNT_ID']
  const settings = unique(matches(ALL, /\b([A-Z]+(?:_[A-Z]+)+)\b/g)).filter(
    (name) => !PLACEHOLDERS.includes(name),
  )
  test.each(settings)('%s is a setting', (name) => {
    expect(
      isSecretName(name) || name === 'CHALLENGE_TOKEN' || read('src/config/config.ts').includes(`'${name}'`),
    ).toBe(true)
  })

  test.each(unique(matches(ALL, /`([a-z]+(?:_[a-z]+)+)`/g)))('%s is in the code', (name) => {
    expect(CODE).toMatch(new RegExp(`\\b${name}\\b`))
  })

  test.each(Object.keys(PROBLEMS))('the runbook knows what to do about %s', (code) => {
    expect(read('docs/runbook.md')).toContain(`\`${code}\``)
  })

  test.each(unique(matches(ALL, /`([a-z-]+):<slug>`/g)))('the doctor has a check %s', (name) => {
    expect(DOCTOR).toContain(`\`${name}:\${`)
  })

  test.each(unique(matches(ALL, /https:\/\/gateway\.example\.com(\/[\w/.-]+)/g)))(
    '%s is a route',
    (route) => {
      expect(read('src/app.ts')).toContain(`'${route}'`)
    },
  )
})

test('lines the runbook expects of the doctor are printed by it', () => {
  const expected = [
    'answers through its origin',
    'does not answer through its origin',
    'closed without the service token',
    'accepted, and a wrong one refused',
  ]
  for (const line of expected) {
    expect(read('docs/runbook.md')).toContain(line)
    expect(DOCTOR).toContain(line)
  }
})

test('the runbook says of every check of the doctor where to read on', () => {
  const checks = unique([
    ...matches(DOCTOR, /\b(?:pass|warn|fail|finding|graver\(environment\)|untried)\(\s*'([a-z-]+)'/g),
    ...matches(DOCTOR, /`([a-z-]+):\$\{[a-z.]*label\}`/g).map((name) => `${name}:<slug>`),
  ])
  const table = read('docs/runbook.md').split('| check | section |')[1]?.split('\n\n')[0] ?? ''
  expect(checks.length).toBeGreaterThan(25)
  expect(checks.filter((name) => !table.includes(`\`${name}\``))).toEqual([])
  expect(matches(table, /`([a-z-]+(?::<slug>)?)`/g).filter((name) => !checks.includes(name))).toEqual([])
  for (const section of matches(table, /"([^"]+)"/g))
    expect(read('docs/runbook.md')).toMatch(new RegExp(`^## "?${section}"?$`, 'm'))
})

test('every page and section that is pointed at exists', () => {
  const inPages = matches(ALL, /\b([a-z-]+\.md)\b/g).filter((name) => !existsSync(`docs/${name}`))
  const pointers = [...CODE.matchAll(/docs\/([\w-]+\.md)(?:, "([^"]+)")?(?: and "([^"]+)")?/g)]
  const missing = pointers.flatMap(([, name = '', ...sections]) => {
    if (!existsSync(`docs/${name}`)) return [name]
    return sections.filter(
      (section) => section !== undefined && !read(`docs/${name}`).includes(`## ${section}\n`),
    )
  })
  expect([...inPages, ...missing]).toEqual([])
  const quoted = matches(read('docs/runbook.md').split('| code |')[1] ?? '', /"([A-Z][a-z]+ [a-z]+)"/g)
  for (const section of quoted) expect(read('docs/runbook.md')).toContain(`## ${section}\n`)
})

test('hostnames of the pages cannot be owned, so that none is deployed by mistake', () => {
  const REAL = [
    'entrypoint-finney.opentensor.ai',
    'deploy.workers.cloudflare.com',
    'www.cloudflarestatus.com',
    'api.cloudflare.com',
    'developers.cloudflare.com',
  ]
  const hosts = unique(matches(ALL, /\bhttps?:\/\/([\w{}.-]+)/g)).filter((host) => !REAL.includes(host))
  const documentation = /(^|\.)example\.(com|net|org)$|^127\.0\.0\.1$|^192\.0\.2\.\d+$/
  expect(hosts.filter((host) => !documentation.test(host))).toEqual([])
})

test("Access has one menu, by its name in Cloudflare's dashboard", () => {
  const menus = unique(matches(ALL, /(Access(?: controls)?, (?:Service|Applications)[\w ]*)/g))
  expect(menus.sort()).toEqual(['Access controls, Applications', 'Access controls, Service credentials'])
})

describe('what the pages say to write into wrangler.toml', () => {
  const blocks = PAGES.flatMap(({ name, text }) =>
    matches(text, /```toml\n([\s\S]*?)```/g).map((block) => ({ name, block: block.replace(/^ {3}/gm, '') })),
  )
  test.each(blocks)('$name: the gateway accepts it', { timeout: 30_000 }, async ({ block }) => {
    const directory = mkdtempSync(path.join(tmpdir(), 'docs-'))
    const config = path.join(directory, 'wrangler.toml')
    writeFileSync(config, `name = "gateway"\n${block}`)
    try {
      const deployment = await readDeployment('production', { config })
      const parsed = parseDeployment(deployment)
      if (!parsed.ok) throw new Error(parsed.faults.join('; '))
      // An operator who copies it word for word is told so before it is deployed.
      const hosts = matches(block, /"(?:https:\/\/)?([\w{}-]+(?:\.[\w-]+)+)"/g)
      expect(placeholdersIn(deployment, parsed.value)).toHaveLength(hosts.length)
    } finally {
      rmSync(directory, { recursive: true })
    }
  })
})

describe('.dev.vars.example', () => {
  const example = parseEnv(read('.dev.vars.example'))

  test('names every secret, and holds none', () => {
    const inCode = matches(CONFIG, /secret\('([A-Z_]+)'\)/g)
    const lasting = inCode.filter((name) => !name.endsWith('_NEXT'))
    expect(Object.keys(example)).toEqual(expect.arrayContaining(lasting))
    for (const name of inCode) expect(read('.dev.vars.example')).toContain(name)
    expect(Object.keys(example).some((name) => name.startsWith('CHALLENGE_TOKEN_'))).toBe(true)
    expect(Object.keys(example).filter((name) => !isSecretName(name))).toEqual([])
    expect(Object.values(example).filter((value) => value !== '')).toEqual([])
  })

  test('the Deploy button describes each', () => {
    expect(Object.keys(PACKAGE.cloudflare.bindings).sort()).toEqual(Object.keys(example).sort())
  })
})
