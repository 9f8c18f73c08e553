/** What Prometheus' own tool says of the metrics, and of the rules in docs/telemetry.md. */

import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, expect, test } from 'vitest'
import { toMetrics } from '../../src/status/metrics.ts'
import { fieldTool } from '../support/field.ts'
import { BOARD, reportOf } from './support.ts'

const metricsOf = (report = reportOf()) => toMetrics(report, BOARD.totals)
const promtool = fieldTool('promtool')

describe.skipIf(promtool.missing)(`promtool${promtool.note}`, () => {
  const run = (args: string[], input = '') => {
    const { status, stdout, stderr } = spawnSync(promtool.program('promtool'), args, {
      input,
      encoding: 'utf8',
    })
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
})
