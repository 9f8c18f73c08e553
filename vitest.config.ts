import { cloudflareTest } from '@cloudflare/vitest-plugin'
import { defineConfig } from 'vitest/config'
import { closingLine } from './test/support/closing-line.ts'

// Rooms that touch the platform run inside workerd; everything else runs in plain Node.
const EDGE = ['ledger', 'metagraph', 'origin', 'registry', 'routes', 'status'].map(
  (room) => `test/${room}/**`,
)
const BLACKBOX = ['test/blackbox/**']

export default defineConfig({
  test: {
    reporters: [['default', { summary: false }], closingLine],
    projects: [
      {
        test: {
          name: 'pure',
          include: ['test/**/*.test.ts'],
          exclude: [...EDGE, ...BLACKBOX],
          environment: 'node',
        },
      },
      {
        plugins: [cloudflareTest({ wrangler: { configPath: './wrangler.toml' } })],
        test: { name: 'edge', include: EDGE.map((room) => `${room}/*.test.ts`) },
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
