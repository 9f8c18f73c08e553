/** The invariants: what was answered against what the witness saw. */

import type { Reply } from './client.ts'
import type { Planned } from './plan.ts'
import type { Arrival } from './witness.ts'

export interface Told {
  readonly reply: Reply
  /** Of the body that was sent. */
  readonly bodyHash: string
}

export interface Case {
  readonly planned: Pick<Planned, 'nonce' | 'hotkey' | 'behaviour' | 'course'>
  /** Unix seconds of the first sending. */
  readonly startedAt: number
  readonly told: readonly Told[]
}

/** The gateway's own refusals that a fault of the world explains; any other would be a bug. */
const EXPLAINED = ['challenge_unavailable', 'nonce_store_unavailable', 'over_capacity']
/** Clocks are read to the second. */
const CLOCK_SECONDS = 2

/** Everything that is wrong with a case; call when nothing is under way any more. */
export function judge(one: Case, arrivals: readonly Arrival[], now: number): string[] {
  const faults: string[] = []
  if (arrivals.length > 1) faults.push(`delivered ${arrivals.length} times`)
  const answers = one.told.flatMap(({ reply, bodyHash }) =>
    reply.kind === 'answered' ? [{ ...reply, bodyHash }] : [],
  )
  const successes = answers.filter(({ status }) => status >= 200 && status < 300)
  if (successes.length > 1) faults.push(`${successes.length} answers of success`)
  for (const answer of answers) {
    if (answer.type.startsWith('application/problem+json')) {
      faults.push(...refusalFaults(answer.text, answer.bodyHash, one, arrivals, now))
      continue
    }
    const [arrival] = arrivals
    if (arrival === undefined) faults.push(`${answer.status} from a challenge that was never asked`)
    else if (arrival.status !== answer.status) faults.push(`${answer.status} for ${arrival.status}`)
    else if (arrival.bodyHash !== answer.bodyHash) faults.push(`${answer.status} for other bytes`)
  }
  return faults.map(
    (fault) => `${one.planned.nonce} (${one.planned.course}, ${one.planned.behaviour}): ${fault}`,
  )
}

function refusalFaults(
  text: string,
  bodyHash: string,
  one: Case,
  [arrival]: readonly Arrival[],
  now: number,
): string[] {
  const { code, original } = JSON.parse(text)
  if (code !== 'nonce_already_used') return EXPLAINED.includes(code) ? [] : [`refused: ${code}`]
  const {
    request_id: requestId,
    reserved_at: reservedAt,
    body_matches: bodyMatches,
    outcome,
    status,
  } = original
  const faults: string[] = []
  const say = (isTrue: boolean, what: string) => {
    if (!isTrue) faults.push(`409 says ${what} of it: ${JSON.stringify(original)}`)
  }
  say(reservedAt >= one.startedAt - CLOCK_SECONDS && reservedAt <= now + CLOCK_SECONDS, 'an untrue time')
  if (arrival === undefined) say(outcome !== 'delivered', 'delivered')
  else {
    say(outcome !== 'not_delivered', 'not delivered')
    say(requestId === arrival.requestId, 'another request id')
    if (arrival.bodyHash !== undefined)
      say(bodyMatches === (arrival.bodyHash === bodyHash), 'an untrue match')
    if (outcome === 'delivered') say(status === arrival.status, 'another status')
  }
  return faults
}
