/** A state of the gateway to make reports, pages and metrics of. */

import { parseConfig } from '../../src/config/config.ts'
import { type Facts, type StatusReport, type Terms, toReport } from '../../src/status/report.ts'
import type { Tally } from '../../src/status/statistics.ts'
import { type Board, NOTHING, toBoard } from '../../src/status/sums.ts'

export const NOW = 1_700_000_600

export const FACTS: Facts = {
  server_time: NOW,
  version: 'v1',
  netuid: 100,
  metagraph: { block: 1000, age_seconds: 30, hotkeys: 2 },
  contradicting_endpoints: [],
}
export const TERMS: Terms = { hasToken: () => true, requireRegisteredHotkey: true }

const TALLY: Tally = {
  outcomes: { accepted: 3, stale_signature: 2, challenge_5xx: 1 },
  times: { 0: 9, 2: 10, 5: 1 },
}

const EMPTY_BOARD: Board = toBoard(NOTHING, NOW)

/** One challenge that answers, and has been busy in this hour. */
export const BOARD: Board = {
  ...EMPTY_BOARD,
  totals: { demo: { accepted: 30 }, '': { challenge_not_found: 1 } },
  sightings: { demo: { success: NOW - 60.5, failure: NOW - 7200, kind: 'error' } },
  checked: { demo: NOW - 60.5 },
  ledger: { ms: 3.4, answeredAt: NOW - 60 },
  hour: { demo: TALLY.outcomes },
  hours: EMPTY_BOARD.hours.map((hour, index) =>
    index === 23
      ? { ...hour, tallies: { demo: TALLY }, probes: { demo: { answered: 2, unanswered: 1 } } }
      : hour,
  ),
}

export function challengesOf(table: object) {
  const parsed = parseConfig({ CHALLENGES: table })
  if (!parsed.ok) throw new Error(parsed.faults.join('; '))
  return parsed.value.challenges
}

export const CHALLENGES = challengesOf({
  demo: { name: '<img src=x onerror=alert(1)>"\'&', origin: 'https://canary.example.com' },
  asleep: { origin: 'https://canary.example.com', status: 'draft' },
})

/** `board` null: the counts cannot be read. */
export function reportOf(
  board: Board | null = BOARD,
  facts: Partial<Facts> = {},
  terms: Partial<Terms> = {},
): StatusReport {
  return toReport({ ...FACTS, ...facts }, CHALLENGES, board ?? undefined, { ...TERMS, ...terms })
}
