/**
 * `npm run docs:miners`: writes the table of refusals in docs/miners.md from the closed table in
 * the code.
 *
 * A test compares the two, so a refusal cannot be added without its cure reaching the miners'
 * page.
 */

import { readFile, writeFile } from 'node:fs/promises'
import { type ProblemCode, problemBody, type Rejection } from '../../src/protocol/problem.ts'

export const PAGE = 'docs/miners.md'
const START = '<!-- refusals: npm run docs:miners -->\n'
const END = '<!-- /refusals -->'

const METAGRAPH = {
  hotkey: '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY',
  netuid: 100,
  metagraph_block: 8_791_247,
  metagraph_age_seconds: 24,
}

/** Every fact of each code as it may look: the table names them, and hints speak of them. */
const EXAMPLES: { readonly [C in ProblemCode]: Extract<Rejection, { readonly code: C }>['facts'] } = {
  missing_header: { header: 'x-nonce' },
  malformed_header: { header: 'x-nonce', reason: 'must be printable ASCII' },
  invalid_timestamp: {},
  stale_signature: {
    server_time: 1_700_000_400,
    request_time: 1_700_000_000,
    skew_seconds: -400,
    max_skew_seconds: 300,
  },
  invalid_signature: { likely_cause: '', canonical_message: '', fields: [], body_bytes: 0 },
  unknown_hotkey: { ...METAGRAPH, looked_up: false, retry_after_seconds: 60 },
  blocked_uid: { uid: 0, ...METAGRAPH },
  metagraph_unavailable: { retry_after_seconds: 30 },
  nonce_already_used: {
    original: { request_id: '', reserved_at: 0, body_matches: true, outcome: 'delivered', status: 201 },
  },
  submission_too_large: { max_bytes: 7_500_000 },
  challenge_not_found: { challenges: ['agent-challenge', 'prism'] },
  path_not_allowed: {},
  challenge_unavailable: {},
  challenge_token_unavailable: {},
  nonce_store_unavailable: { retry_after_seconds: 5 },
  over_capacity: { retry_after_seconds: 1 },
  rate_limited: { limit: 'uploads', limit_requests: 60, limit_seconds: 3600, retry_after_seconds: 60 },
  wrong_receiver: { receiver: '5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty' },
  request_timeout: { idle_seconds: 20 },
  length_required: { max_bytes: 8_000_000 },
  unauthorized: {},
  not_found: {},
  method_not_allowed: { allow: ['POST'] },
  bad_request: { reason: 'it cannot be read' },
  internal_error: {},
}

/** The page with its table as the code has it now. */
export function withTable(page: string): string {
  const [before = '', rest = ''] = page.split(START)
  const [, after = ''] = rest.split(END)
  const rows = Object.entries(EXAMPLES).map(([code, facts]) => {
    const { status, detail, hint } = problemBody({ code, facts } as Rejection)
    const names = Object.keys(facts).map((name) => `\`${name}\``)
    return `| \`${code}\` | ${status} | ${detail} | ${names.join(', ')} | ${hint} |`
  })
  const heads = ['| code | status | what is wrong | facts | what to do |', '|---|---|---|---|---|']
  const table = [...heads, ...rows].join('\n')
  return `${before}${START}${table}\n${END}${after}`
}

if (import.meta.main) await writeFile(PAGE, withTable(await readFile(PAGE, 'utf8')))
