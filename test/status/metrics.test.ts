/**
 * Prometheus' text: what is in it, and what Prometheus' own tool says of it and of the rules in
 * docs/telemetry.md.
 */

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { toMetrics } from '../../src/status/metrics.ts'
import { BOARD, reportOf } from './support.ts'

const metricsOf = (report = reportOf()) => toMetrics(report, BOARD.totals)

test('what is in it', () => {
  const text = metricsOf()
  for (const line of [
    '# TYPE gateway_uploads_total counter',
    'gateway_uploads_total{challenge="demo",outcome="accepted"} 30',
    'gateway_uploads_total{challenge="",outcome="challenge_not_found"} 1',
    'gateway_state{state="ok"} 1',
    'gateway_state{state="down"} 0',
    'gateway_challenge_takes_uploads{challenge="demo"} 1',
    'gateway_challenge_reachable{challenge="demo"} 1',
    'gateway_challenge_answer_p95_seconds{challenge="demo"} 0.023',
    'gateway_metagraph_usable 1',
    'gateway_metagraph_age_seconds 30',
    'gateway_nonce_store_failing 0',
  ]) {
    expect(text.split('\n')).toContain(line)
  }
})

test('an outage is in it, and what is not known is not', () => {
  const down = metricsOf(reportOf(null, { metagraph: null }, { hasToken: () => false })).split('\n')
  expect(down).toEqual(
    expect.arrayContaining([
      'gateway_state{state="ok"} 0',
      'gateway_state{state="down"} 1',
      'gateway_challenge_takes_uploads{challenge="demo"} 0',
      'gateway_challenge_token_configured{challenge="demo"} 0',
      'gateway_metagraph_usable 0',
      'gateway_statistics_available 0',
    ]),
  )
  expect(
    down.filter((line) => /^gateway_(challenge_reachable|metagraph_age|nonce_store)/.test(line)),
  ).toEqual([])
})

const hasPromtool = spawnSync('promtool', ['--version']).error === undefined

describe.skipIf(!hasPromtool)(
  `promtool${hasPromtool ? '' : ' (skipped: not found; apt-get install prometheus)'}`,
  () => {
    const run = (args: string[], input = '') => {
      const { status, stdout, stderr } = spawnSync('promtool', args, { input, encoding: 'utf8' })
      return { status, said: stdout + stderr }
    }
    /** A block of docs/telemetry.md that begins with this line, as a file of its own. */
    const checkBlock = (firstLine: string, args: string[]) => {
      const blocks = readFileSync('docs/telemetry.md', 'utf8').split(/^ *```.*\n/m)
      const block = blocks.find((each) => each.startsWith(firstLine)) ?? ''
      const directory = mkdtempSync(path.join(tmpdir(), 'promtool-'))
      const file = path.join(directory, 'block.yml')
      writeFileSync(file, block)
      const checked = run([...args, file])
      rmSync(directory, { recursive: true })
      return { ...checked, block }
    }

    test.each([
      ['all well', metricsOf()],
      ['an outage', metricsOf(reportOf(null, { metagraph: null }))],
    ])('check metrics: %s', (_, text) => {
      expect(run(['check', 'metrics'], text)).toEqual({ status: 0, said: '' })
    })

    test('check metrics complains where there is something to complain about', () => {
      expect(run(['check', 'metrics'], 'gateway_x_milliseconds 1\n').said).not.toBe('')
    })

    test('check rules: the four alerts, over metrics that there are', () => {
      const { status, said, block } = checkBlock('groups:', ['check', 'rules'])
      expect({ status, said }).toEqual({ status: 0, said: expect.stringContaining('4 rules found') })
      const used = new Set([...block.matchAll(/\bgateway_\w+/g)].map(([name]) => name))
      const told = metricsOf()
      expect([...used].filter((name) => !told.includes(`# TYPE ${name} `))).toEqual([])
      expect(used.size).toBeGreaterThan(3)
    })

    test('check config: how it is scraped', () => {
      const { status, said } = checkBlock('scrape_configs:', ['check', 'config', '--syntax-only'])
      expect({ status, said }).toMatchObject({ status: 0 })
    })
  },
)
