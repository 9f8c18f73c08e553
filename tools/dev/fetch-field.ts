/**
 * `npm run field`: fetches into `.field/` what tests need beyond `npm ci` (tools/dev/field.ts has
 * the list).
 *
 * What is there already is not fetched again. A tool that cannot be had on this machine is named
 * with the reason in one line; the tests that need it are then skipped, so that is not a failure
 * of this command. It uses PyPI, npm and Debian's archive by their own clients, and never root:
 * Debian packages are unpacked, not installed.
 */

import { execFile } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readdir, rm, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import {
  contentsOf,
  FIELD,
  findInstalled,
  isFetched,
  NPM_CACHE,
  receiptOf,
  TOOLS,
  type Tool,
  type ToolName,
  UV_CACHE,
} from './field.ts'

const UV = path.join(FIELD, 'uv', 'bin', 'uv')
/** What every package of the list runs on. */
const PYTHON = '>=3.11,<3.15'

async function main(): Promise<void> {
  await mkdir(FIELD, { recursive: true })
  const all = Object.keys(TOOLS) as ToolName[]
  const from = (registry: Tool['from']) => all.filter((name) => TOOLS[name].from === registry)
  // The tools of one registry follow each other: uv fetches what comes after it.
  await Promise.all([fetchEach(from('pypi')), fetchEach(from('npm')), fetchEach(from('debian'))])
  await rm(APT, { recursive: true, force: true })
}

async function fetchEach(names: readonly ToolName[]): Promise<void> {
  for (const name of names) {
    const installed = findInstalled(name)
    if (installed !== undefined) console.log(`${name}: ${installed}`)
    else if (isFetched(name)) console.log(`${name}: there already`)
    else await fetchTool(name)
  }
}

async function fetchTool(name: ToolName): Promise<void> {
  const folder = path.join(FIELD, name)
  const { from, packages }: Tool = TOOLS[name]
  try {
    await rm(folder, { recursive: true, force: true })
    await mkdir(folder)
    if (name === 'uv') await fetchUv(folder, packages)
    else if (name === 'chromium') await fetchChromium(folder, packages)
    else if (name === 'wheels') await fetchWheels(folder, packages)
    else if (from === 'pypi') await fetchPython(folder, packages)
    else if (from === 'npm') await fetchNode(folder, packages)
    else await fetchDebian(folder, packages)
    await writeFile(receiptOf(name), contentsOf(name))
    console.log(`${name}: fetched ${packages.join(' ')}`)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    console.log(`${name}: cannot be had here; its tests are skipped (${reason})`)
  }
}

/** By pip; on a Debian without python3-venv by the pip that Debian packages apart. */
async function fetchUv(folder: string, packages: readonly string[]): Promise<void> {
  try {
    await run('python3', ['-m', 'venv', folder])
    await run(path.join(folder, 'bin', 'python'), ['-m', 'pip', 'install', ...packages])
  } catch {
    const debian = path.join(folder, 'debian')
    await fetchDebian(debian, ['python3-pip-whl'])
    const wheels = path.join(debian, 'usr/share/python-wheels')
    const wheel = (await readdir(wheels)).find((file) => file.startsWith('pip-')) ?? ''
    await run('python3', [path.join(wheels, wheel, 'pip'), 'install', '--target', folder, ...packages])
  }
}

/** By the pip of uv's environment: uv itself does not download. */
function fetchWheels(folder: string, packages: readonly string[]): Promise<void> {
  const python = path.join(path.dirname(UV), 'python')
  return run(python, ['-m', 'pip', 'download', '--no-deps', '--dest', folder, ...packages])
}

async function fetchPython(folder: string, packages: readonly string[]): Promise<void> {
  const uv = (...args: string[]) => run(UV, [...args, '--quiet'], { UV_CACHE_DIR: UV_CACHE })
  await uv('venv', '--clear', '--python', PYTHON, folder)
  await uv('pip', 'install', '--python', path.join(folder, 'bin', 'python'), ...packages)
}

async function fetchNode(folder: string, packages: readonly string[]): Promise<void> {
  await writeFile(path.join(folder, 'package.json'), '{"private":true}')
  const quiet = ['--no-audit', '--no-fund', '--no-update-notifier', '--cache', NPM_CACHE]
  await run('npm', ['install', ...quiet, ...packages], {}, folder)
  await symlink('node_modules/.bin', path.join(folder, 'bin'))
}

/**
 * The headless Chromium that @sparticuz/chromium packs for machines without a browser, with fonts
 * and a start script.
 */
async function fetchChromium(folder: string, packages: readonly string[]): Promise<void> {
  if (process.platform !== 'linux' || process.arch !== 'x64')
    throw new Error('npm has it for Linux on x64 only; install Chromium and set CHROMIUM to its path')
  await fetchNode(folder, packages)
  await run(process.execPath, ['--input-type=module', '--eval', UNPACK], { TMPDIR: folder }, folder)
  await rm(path.join(folder, 'node_modules'), { recursive: true })
  await rm(path.join(folder, 'bin'))
  // The package's only font has neither a fixed width nor many symbols.
  await fetchDebian(path.join(folder, 'fonts'), ['fonts-dejavu-core']).catch(() => {})
  await writeFile(path.join(folder, 'fonts', 'fonts.conf'), FONTS)
  await mkdir(path.join(folder, 'bin'))
  await writeFile(path.join(folder, 'bin', 'chromium'), START)
  await chmod(path.join(folder, 'bin', 'chromium'), 0o755)
}

const UNPACK = `
import chromium, { inflate } from '@sparticuz/chromium'
await chromium.executablePath()
await inflate('node_modules/@sparticuz/chromium/bin/al2023.tar.br')
`
const FONTS = `<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir prefix="relative">.</dir>
  <dir>/usr/share/fonts</dir>
  <cachedir>${FIELD}/chromium/fonts/cache</cachedir>
  <alias><family>monospace</family><prefer><family>DejaVu Sans Mono</family></prefer></alias>
</fontconfig>
`
const START = `#!/bin/sh
here=$(cd "$(dirname "$0")/.." && pwd)
export LD_LIBRARY_PATH="$here/al2023/lib" FONTCONFIG_FILE="$here/fonts/fonts.conf"
exec "$here/chromium" "$@"
`

/** apt-get's own folder for the run, with the lists of this machine's sources. */
let lists: Promise<void> | undefined
const APT = path.join(FIELD, 'apt')
const APT_OPTIONS = [
  '--quiet',
  `-oDir::State::Lists=${APT}/lists`,
  `-oDir::Cache=${APT}/cache`,
  '-oDebug::NoLocking=1',
]

async function fetchLists(): Promise<void> {
  for (const each of ['lists/partial', 'cache/archives/partial'])
    await mkdir(path.join(APT, each), { recursive: true })
  await run('apt-get', [...APT_OPTIONS, 'update'])
}

/** Unpacks packages of the machine's Debian or Ubuntu. */
async function fetchDebian(folder: string, packages: readonly string[]): Promise<void> {
  lists ??= fetchLists()
  await lists
  const downloads = await mkdtemp(path.join(APT, 'packages-'))
  await run('apt-get', [...APT_OPTIONS, 'download', ...packages], {}, downloads)
  await mkdir(folder, { recursive: true })
  for (const file of await readdir(downloads))
    await run('dpkg-deb', ['--extract', path.join(downloads, file), folder])
  await symlink('usr/bin', path.join(folder, 'bin'))
}

/** Fails with the last line that the command said. */
function run(
  command: string,
  args: readonly string[],
  variables: Readonly<Record<string, string>> = {},
  cwd = FIELD,
): Promise<void> {
  // npm puts the project's Node before the machine's own, which may know a company's CA that ours
  // does not.
  const own = (process.env['PATH'] ?? '')
    .split(path.delimiter)
    .filter((part) => !part.includes('node_modules'))
  const env = { ...process.env, PATH: own.join(path.delimiter), ...variables }
  return new Promise((resolve, reject) => {
    execFile(command, args, { env, cwd, maxBuffer: 50_000_000 }, (error, stdout, stderr) => {
      if (error === null) return resolve()
      const said = (stderr || stdout || error.message).trim().split('\n').at(-1) ?? ''
      return reject(new Error(`${path.basename(command)}: ${said.trim()}`))
    })
  })
}

await main()
