/**
 * The same state in Prometheus' text format (version 0.0.4). Labels are slugs, states and codes,
 * all of closed sets without a character that would need escaping.
 */

import type { ChallengeStatus, StatusReport } from './report.ts'
import type { Board } from './sums.ts'

type Sample = readonly [labels: Readonly<Record<string, string>>, value: number]
/** Null while it is not known. */
type OfChallenge = readonly [
  name: string,
  help: string,
  value: (challenge: ChallengeStatus) => number | boolean | null,
]

const STATES: readonly StatusReport['state'][] = ['ok', 'degraded', 'down']

const OF_EACH: readonly OfChallenge[] = [
  [
    'takes_uploads',
    'Whether uploads to the challenge pass, by the newest probe or upload.',
    ({ state }) => (state === 'unknown' ? null : state === 'answers'),
  ],
  ['reachable', 'Whether the challenge answers without a 5xx.', ({ reachable }) => reachable],
  [
    'token_configured',
    'Whether the gateway has a bearer token for the challenge.',
    ({ token_configured: configured }) => configured,
  ],
  [
    'last_success_timestamp_seconds',
    'When a probe or an upload was answered last.',
    (each) => each.last_success_at,
  ],
  [
    'last_failure_timestamp_seconds',
    'When a probe or an upload failed last.',
    (each) => each.last_failure_at,
  ],
  [
    'answer_p50_seconds',
    'Half of the uploads of a day were answered within this.',
    (each) => inSeconds(each.p50_ms),
  ],
  [
    'answer_p95_seconds',
    '95 % of the uploads of a day were answered within this.',
    (each) => inSeconds(each.p95_ms),
  ],
]

export function toMetrics(report: StatusReport, totals: Board['totals']): string {
  const { state, metagraph, nonce_store: store, challenges, statistics } = report
  const uploads = Object.entries(totals).flatMap(([challenge, outcomes]) =>
    Object.entries(outcomes).map(([outcome, count]): Sample => [{ challenge, outcome }, count]),
  )
  return [
    family(
      'uploads_total',
      'counter',
      'Uploads by what came of them; no challenge: none that is known.',
      uploads,
    ),
    family(
      'state',
      'gauge',
      'The verdict of the status page: the one that is 1.',
      STATES.map((each) => [{ state: each }, Number(each === state)]),
    ),
    ...OF_EACH.map(([name, help, value]) =>
      family(
        `challenge_${name}`,
        'gauge',
        help,
        challenges.flatMap((each) => sample(value(each), { challenge: each.slug })),
      ),
    ),
    family(
      'metagraph_usable',
      'gauge',
      'Whether miners can be told from strangers.',
      sample(metagraph !== null),
    ),
    family('metagraph_block', 'gauge', 'Block of the metagraph in use.', sample(metagraph?.block)),
    family('metagraph_age_seconds', 'gauge', 'Age of the metagraph in use.', sample(metagraph?.age_seconds)),
    family(
      'nonce_store_round_trip_seconds',
      'gauge',
      'Mean round trip to the nonce store of the latest uploads.',
      sample(inSeconds(store?.round_trip_ms ?? null)),
    ),
    family(
      'nonce_store_failing',
      'gauge',
      'Whether the last upload that asked the nonce store got no answer.',
      sample(store?.failing),
    ),
    family('statistics_available', 'gauge', 'Whether the counts could be read.', sample(statistics)),
  ].join('')
}

function sample(value: number | boolean | null | undefined, labels: Sample[0] = {}): readonly Sample[] {
  return value === null || value === undefined ? [] : [[labels, Number(value)]]
}

function inSeconds(ms: number | null): number | null {
  return ms === null ? null : ms / 1000
}

function family(name: string, type: 'counter' | 'gauge', help: string, samples: readonly Sample[]): string {
  const lines = samples.map(([labels, value]) => {
    const pairs = Object.entries(labels).map(([label, text]) => `${label}="${text}"`)
    return `gateway_${name}${pairs.length > 0 ? `{${pairs.join(',')}}` : ''} ${value}\n`
  })
  return `# HELP gateway_${name} ${help}\n# TYPE gateway_${name} ${type}\n${lines.join('')}`
}
