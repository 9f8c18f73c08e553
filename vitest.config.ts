import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'
import { closingLine } from './test/support/closing-line.ts'

// What needs the platform runs inside workerd and is named for it; everything else runs in plain Node.
const WORKER = ['test/**/*.worker.test.ts']
const BLACKBOX = ['test/blackbox/**']

export default defineConfig({
  test: {
    reporters: [['default', { summary: false }], closingLine],
    projects: [
      {
        test: {
          name: 'pure',
          include: ['test/**/*.test.ts'],
          exclude: [...WORKER, ...BLACKBOX],
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
          environment: 'node',
          fileParallelism: false,
          testTimeout: 30_000,
          hookTimeout: 60_000,
        },
      },
    ],
  },
})
