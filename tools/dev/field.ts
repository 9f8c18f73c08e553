/**
 * What some tests need beyond `npm ci`, and where it lies: `.field/NAME/bin/PROGRAM`.
 *
 * `npm run field` (tools/dev/fetch-field.ts) fetches it from PyPI, npm and Debian's archive. It
 * needs no root and changes nothing outside `.field/`. test/support/field.ts tells a test whether
 * it is there.
 */

import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import project from '../../package.json' with { type: 'json' }

export const FIELD = path.resolve(import.meta.dirname, '../../.field')
export const UV_CACHE = path.join(FIELD, 'uv-cache')
/** npm's own cache, so that a test installs the miner's package with `--offline`. */
export const NPM_CACHE = path.join(FIELD, 'npm-cache')

/**
 * Where the packages come from, and which ones, in their exact versions (Debian has one version of
 * each).
 */
export interface Tool {
  readonly from: 'pypi' | 'npm' | 'debian'
  readonly packages: readonly string[]
  /** Where the machine may have the program already. */
  readonly installed?: readonly string[]
}

export const TOOLS = {
  uv: { from: 'pypi', packages: ['uv==0.13.9'] },
  'bittensor-wallet': { from: 'pypi', packages: ['bittensor-wallet==4.1.1'] },
  bittensor: { from: 'pypi', packages: ['bittensor==11.3.0'] },
  'bittensor-cli': { from: 'pypi', packages: ['bittensor-cli==9.23.2'] },
  /** As files, for a test in which uv makes an environment without an index. */
  wheels: { from: 'pypi', packages: ['bittensor-wallet==4.1.1'] },
  fastapi: { from: 'pypi', packages: ['fastapi==0.165.0', 'uvicorn==0.54.0'] },
  'openapi-python-client': { from: 'pypi', packages: ['openapi-python-client==0.29.1'] },
  'openapi-typescript': { from: 'npm', packages: ['openapi-typescript@7.13.0', 'typescript@5.9.3'] },
  chromium: {
    from: 'npm',
    packages: ['@sparticuz/chromium@153.0.0'],
    installed: [
      process.env['CHROMIUM'] ?? '',
      '/usr/bin/chromium',
      '/usr/bin/google-chrome',
      '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    ],
  },
  promtool: { from: 'debian', packages: ['prometheus'], installed: ['/usr/bin/promtool'] },
  /** What the miner's package depends on. */
  dependencies: {
    from: 'npm',
    packages: Object.entries(project.dependencies).map(([name, version]) => `${name}@${version}`),
  },
} as const satisfies Record<string, Tool>
export type ToolName = keyof typeof TOOLS

/**
 * The file that a finished fetch writes: a fetch that was cut short, or other versions, do not
 * count.
 */
export const receiptOf = (name: ToolName): string => path.join(FIELD, name, 'fetched')

export const contentsOf = (name: ToolName): string => TOOLS[name].packages.join('\n')

export function isFetched(name: ToolName): boolean {
  const receipt = receiptOf(name)
  return existsSync(receipt) && readFileSync(receipt, 'utf8') === contentsOf(name)
}

/** The machine's own program of this tool, if it has one. */
export function findInstalled(name: ToolName): string | undefined {
  const { installed = [] }: Tool = TOOLS[name]
  return installed.find((file) => file !== '' && existsSync(file))
}
