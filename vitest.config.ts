import { availableParallelism } from 'node:os'
import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'
import { closingLine } from './test/support/closing-line.ts'

// What needs the platform runs inside workerd and is named for it; everything else runs in plain
// Node.
const WORKER = ['test/**/*.worker.test.ts']
const BLACKBOX = ['test/blackbox/**']
// What needs more than `npm ci` (test/support/field.ts): `npm test` runs it where that is there,
// `npm run test:field` fetches it.
const FIELD = ['test/**/*.field.test.ts']

export default defineConfig({
  test: {
    globalSetup: './test/support/temporary.ts',
    // Most tests wait for a process or a timer: one at a time leaves half of two cores idle.
    maxWorkers: Math.max(3, availableParallelism() - 1),
    reporters: [['default', { summary: false }], closingLine],
    projects: [
      {
        test: {
          name: 'pure',
          include: ['test/**/*.test.ts'],
          exclude: [...WORKER, ...BLACKBOX, ...FIELD],
          environment: 'node',
        },
      },
      {
        plugins: [cloudflareTest({ wrangler: { configPath: './wrangler.toml' } })],
        test: { name: 'edge', include: WORKER },
      },
      {
        test: {
          name: 'blackbox',
          include: ['test/blackbox/**/*.test.ts'],
          exclude: FIELD,
          environment: 'node',
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'field',
          include: FIELD,
          environment: 'node',
          testTimeout: 60_000,
          hookTimeout: 90_000,
        },
      },
    ],
  },
})
