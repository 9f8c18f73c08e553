/**
 * The same state in Prometheus' text format (version 0.0.4). Labels are slugs and codes, both of closed sets without a character that
 * would need escaping.
 */

import type { StatusReport } from './report.ts'
import type { Board } from './status-board.ts'

type Sample = readonly [labels: Readonly<Record<string, string | number>>, value: number]

export function toMetrics(report: StatusReport, totals: Board['totals']): string {
  const { metagraph, nonce_store: store, challenges } = report
  const ofEach = (value: (challenge: (typeof challenges)[number]) => number | null) =>
    challenges.flatMap((challenge): Sample[] => {
      const known = value(challenge)
      return known === null ? [] : [[{ challenge: challenge.slug }, known]]
    })
  const uploads = Object.entries(totals).flatMap(([challenge, outcomes]) =>
    Object.entries(outcomes).map(([outcome, count]): Sample => [{ challenge, outcome }, count]),
  )
  return [
    family('uploads_total', 'counter', uploads),
    family(
      'challenge_reachable',
      'gauge',
      ofEach(({ reachable }) => (reachable === null ? null : Number(reachable))),
    ),
    family(
      'challenge_last_success_timestamp_seconds',
      'gauge',
      ofEach((each) => each.last_success_at),
    ),
    family(
      'challenge_last_failure_timestamp_seconds',
      'gauge',
      ofEach((each) => each.last_failure_at),
    ),
    family(
      'challenge_answer_p50_milliseconds',
      'gauge',
      ofEach((each) => each.p50_ms),
    ),
    family(
      'challenge_answer_p95_milliseconds',
      'gauge',
      ofEach((each) => each.p95_ms),
    ),
    family('metagraph_block', 'gauge', metagraph ? [[{}, metagraph.block]] : []),
    family('metagraph_age_seconds', 'gauge', metagraph ? [[{}, metagraph.age_seconds]] : []),
    family('nonce_store_round_trip_milliseconds', 'gauge', store ? [[{}, store.round_trip_ms]] : []),
    family('statistics_available', 'gauge', [[{}, Number(report.statistics)]]),
  ].join('')
}

function family(name: string, type: 'counter' | 'gauge', samples: readonly Sample[]): string {
  const lines = samples.map(([labels, value]) => {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${text}"`)
    return `gateway_${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}\n`
  })
  return `# TYPE gateway_${name} ${type}\n${lines.join('')}`
}
