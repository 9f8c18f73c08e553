/**
 * What all routes share: the gateway, the request's log entry, and one way to refuse.
 */

import type { Context } from 'hono'
import type { Budgets } from '../admission/admit.ts'
import type { BodyBudget } from '../admission/budget.ts'
import type { Ports } from '../admission/ports.ts'
import type { Reads } from '../cache/reads.ts'
import { type Challenge, requireChallenge } from '../challenge/challenge.ts'
import type { Config } from '../config/config.ts'
import type { RequestEntry } from '../log.ts'
import type { KvMetagraph } from '../metagraph/kv-metagraph.ts'
import type { CallOrigin } from '../origin/origin.ts'
import { problemResponse, type Rejection } from '../protocol/problem.ts'
import type { Result } from '../protocol/result.ts'
import type { ChallengeSource } from '../registry/challenge-source.ts'
import type { KvRegistry } from '../registry/kv-registry.ts'
import type { Statistics } from '../status/statistics.ts'
import type { Board } from '../status/sums.ts'

/** Built once per isolate by the worker. */
export interface Gateway {
  readonly config: Config
  readonly ports: Ports
  readonly budgets: Budgets
  readonly challenges: ChallengeSource
  /** Undefined without a master. */
  readonly registry: Pick<KvRegistry, 'current' | 'afterMiss'> | undefined
  readonly callOrigin: CallOrigin
  readonly reads: Reads
  /** Room for answers that are read whole in order to be kept. */
  readonly keepRoom: BodyBudget
  /** The usable snapshot in memory or KV. The chain is not asked. */
  readonly heldMetagraph: KvMetagraph['held']
  /** A refresh of the metagraph when one is overdue, for `waitUntil`. */
  readonly refreshIfOverdue: (now: number) => Promise<unknown> | undefined
  readonly pushMetagraph: KvMetagraph['push']
  /** Chain endpoints that contradict each other, so that there is no metagraph. */
  readonly contradictingEndpoints: KvMetagraph['contradicting']
  /** Whether a client's address is within its rate limit; the key says for what. */
  readonly allowsAddress: (key: string) => Promise<boolean>
  readonly statistics: Statistics
  /** The sums of all isolates; undefined when they cannot be had in time. Never throws. */
  readonly readBoard: () => Promise<Board | undefined>
  /** The last token that each challenge did not refuse, by slug. */
  readonly tokenMemory: Map<string, string>
  /** Id of the deployed version. */
  readonly version: string
}

export interface AppEnv {
  /**
   * The state of every request. It is passed as bindings, because Hono builds an object of all
   * variables whenever one is read.
   */
  readonly Bindings: {
    readonly gateway: Gateway
    readonly entry: RequestEntry
    /** Unix seconds when the headers arrived. */
    readonly receivedAt: number
    /** Request path, percent-decoded once: routed, signed and forwarded. */
    readonly path: string
  }
  readonly Variables: {
    /** Set by `requireAdmin`: the gateway's admin token that the client sent. */
    readonly adminToken: string
  }
}

export type RouteContext = Context<AppEnv>

/**
 * The active challenge that `text` (slug or name, decoded) names, or 404 `challenge_not_found`.
 */
export async function challengeNamed(c: RouteContext, text: string): Promise<Result<Challenge>> {
  return requireChallenge(await c.env.gateway.challenges.listFor(text, c.env.receivedAt), text)
}

/**
 * The refusal as an answer, with its code and cause in the log line. `status` replaces the code's
 * own.
 */
export function refuse(c: RouteContext, rejection: Rejection, status?: number): Response {
  const { entry } = c.env
  entry.outcome = rejection.code
  const cause = rejection.cause ?? distinction(rejection.facts)
  if (cause !== undefined) entry.cause = cause.slice(0, MOST_CAUSE_LETTERS)
  return problemResponse(rejection, entry.request_id, status)
}

/** A cause may quote the path that was signed, so its length is limited. */
const MOST_CAUSE_LETTERS = 500

/**
 * What tells one refusal of a code from another, without the canonical message, a nonce or a
 * hotkey.
 */
function distinction(facts: Rejection['facts']): string | undefined {
  if ('likely_cause' in facts) return facts.likely_cause
  if ('header' in facts) return 'reason' in facts ? `${facts.header}: ${facts.reason}` : facts.header
  if ('skew_seconds' in facts) return `skew ${facts.skew_seconds ?? 'of no clock'} seconds`
  if ('original' in facts) return `original ${facts.original.outcome}`
  if ('looked_up' in facts) return facts.looked_up ? 'not on the chain' : 'not looked up'
  if ('limit' in facts) return `limit ${facts.limit}`
  if ('setting' in facts) return `${facts.setting} is not set`
  return 'reason' in facts ? facts.reason : undefined
}
