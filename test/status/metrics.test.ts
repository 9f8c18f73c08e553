/** Prometheus' text: what is in it. metrics.field.test.ts has what Prometheus' own tool says. */

import { expect, test } from 'vitest'
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
