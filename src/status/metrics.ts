/**
 * The same state in Prometheus' text format (version 0.0.4). Labels are slugs and codes, both of closed sets without a character that
 * would need escaping.
 */

import type { Board } from './object.ts'
import type { ChallengeStatus, StatusReport } from './report.ts'

type Sample = readonly [labels: Readonly<Record<string, string | number>>, value: number]

/** Of each challenge; null while it is not known. */
const OF_EACH: Readonly<Record<string, (challenge: ChallengeStatus) => number | null>> = {
  reachable: ({ reachable }) => (reachable === null ? null : Number(reachable)),
  last_success_timestamp_seconds: (each) => each.last_success_at,
  last_failure_timestamp_seconds: (each) => each.last_failure_at,
  answer_p50_milliseconds: (each) => each.p50_ms,
  answer_p95_milliseconds: (each) => each.p95_ms,
}

export function toMetrics(report: StatusReport, totals: Board['totals']): string {
  const { metagraph, nonce_store: store, challenges } = report
  const ofEach = (value: (challenge: ChallengeStatus) => number | null) =>
    challenges.flatMap((challenge): Sample[] => {
      const known = value(challenge)
      return known === null ? [] : [[{ challenge: challenge.slug }, known]]
    })
  const uploads = Object.entries(totals).flatMap(([challenge, outcomes]) =>
    Object.entries(outcomes).map(([outcome, count]): Sample => [{ challenge, outcome }, count]),
  )
  return [
    family('uploads_total', 'counter', uploads),
    ...Object.entries(OF_EACH).map(([name, value]) => family(`challenge_${name}`, 'gauge', ofEach(value))),
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
