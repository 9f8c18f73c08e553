/**
 * `npm run build:miner`: the miner's tools as JavaScript, in dist-miner.
 *
 * Node does not strip types under node_modules, so what is installed must be compiled. The command
 * line becomes one file with what it always needs and chunks with what it rarely does: one file
 * starts faster than twenty. libsodium stays a dependency: it is large and only encrypted wallets
 * need it. The SDK stays one module per file with its libraries as imports, so that a bundler
 * drops what is not used. Types are checked by `npm run check`, not here: an install must not fail
 * over them.
 */

import { execFile } from 'node:child_process'
import { chmod, rm } from 'node:fs/promises'
import { createRequire } from 'node:module'
import path from 'node:path'
import { promisify } from 'node:util'
import { build } from 'esbuild'

const ROOT = path.resolve(import.meta.dirname, '../..')
const OUT = path.join(ROOT, 'dist-miner')
/**
 * What CommonJS libraries load Node's own modules with (yaml, and debug under the proxy agents).
 */
const REQUIRE = "import{createRequire}from'node:module';const require=createRequire(import.meta.url);"

await rm(OUT, { recursive: true, force: true })
await build({
  bundle: true,
  format: 'esm',
  target: 'es2024',
  absWorkingDir: ROOT,
  logLevel: 'warning',
  entryPoints: { cli: 'miner/cli.ts' },
  outdir: OUT,
  platform: 'node',
  splitting: true,
  minify: true,
  // kerberos: of proxies that ask for it, which nothing here does.
  external: ['libsodium-wrappers-sumo', 'kerberos'],
  banner: { js: `#!/usr/bin/env node\n${REQUIRE}` },
})
await chmod(path.join(OUT, 'cli.js'), 0o755)
const tsc = path.join(
  path.dirname(createRequire(import.meta.url).resolve('typescript/package.json')),
  'bin',
  'tsc',
)
await promisify(execFile)(process.execPath, [tsc, '--project', 'miner/tsconfig.json'], { cwd: ROOT })
