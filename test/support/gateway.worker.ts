/**
 * Gateways for tests of routes: real configuration and real app, origins and stores of the test's
 * choice.
 */

import { createBodyBudget } from '../../src/admission/budget.ts'
import { type App, createApp } from '../../src/app.ts'
import { createReads, type ReadCache } from '../../src/cache/reads.ts'
import { type Config, parseConfig } from '../../src/config/config.ts'
import type { EventEntry, RequestEntry } from '../../src/log.ts'
import type { OriginAnswer, OriginCall } from '../../src/origin/origin.ts'
import { accepted } from '../../src/protocol/result.ts'
import { createChallengeSource } from '../../src/registry/challenge-source.ts'
import type { Gateway } from '../../src/routes/context.ts'

export function configOf(env: object): Config {
  const parsed = parseConfig(env)
  if (!parsed.ok) throw new Error(parsed.faults.join('; '))
  return parsed.value
}

/**
 * What a gateway without a master has where one with a master asks it; nothing is found in its
 * cache, and nothing remembered.
 */
export function withoutMaster(
  config: Config,
): Pick<
  Gateway,
  | 'challenges'
  | 'registry'
  | 'reads'
  | 'keepRoom'
  | 'tokenMemory'
  | 'statistics'
  | 'readBoard'
  | 'heldMetagraph'
> {
  return {
    tokenMemory: new Map(),
    keepRoom: createBodyBudget({ capBytes: 32_000_000, now: () => 0, abandonedSeconds: 600 }),
    statistics: { count: () => undefined },
    readBoard: async () => undefined,
    heldMetagraph: async () => undefined,
    challenges: createChallengeSource(config.challenges),
    registry: undefined,
    reads: createReads(
      async () => NO_CACHE,
      () => 0,
    ),
  }
}

export interface AppOptions extends Partial<Pick<Gateway, 'challenges' | 'registry'>> {
  /** Unix seconds; a function where time passes. */
  readonly now: number | (() => number)
  readonly cache?: ReadCache
  /** Bytes of room for bodies and for answers that are read whole. */
  readonly roomBytes?: number
  readonly answer?: (call: OriginCall) => Response | OriginAnswer | Promise<Response>
}

/** The app over `config`; it admits no upload, and every origin answers as `answer` says. */
export function appOf(
  config: Config,
  options: AppOptions,
): { app: App; calls: OriginCall[]; logged: (RequestEntry | EventEntry)[] } {
  const logged: (RequestEntry | EventEntry)[] = []
  const { gateway, calls, now } = gatewayOf(config, options)
  const app = createApp(
    gateway,
    (entry) => logged.push(entry),
    () => now() * 1000,
  )
  return { app, calls, logged }
}

/** What `appOf` makes an app of. */
export function gatewayOf(
  config: Config,
  options: AppOptions,
): { gateway: Gateway; calls: OriginCall[]; now: () => number } {
  const calls: OriginCall[] = []
  const now = () => (typeof options.now === 'number' ? options.now : options.now())
  const budget = createBodyBudget({ capBytes: options.roomBytes ?? 32_000_000, now, abandonedSeconds: 600 })
  const gateway: Gateway = {
    config,
    ports: {
      now,
      metagraph: {
        current: async () => undefined,
        recall: () => undefined,
        lookup: async () => 'unregistered',
      },
      ledger: {
        reserve: async () => ({ ...accepted('reserved'), found: {} }),
        find: async () => ({ ...accepted(undefined), found: {} }),
        free: async () => true,
        settle: async () => {},
      },
      verify: () => false,
      after: () => () => {},
      newDigest: () => ({ update: async () => {}, hex: async () => '' }),
      causes: { take: () => false },
      hasToken: () => false,
    },
    budgets: { uploads: budget, newcomers: budget, passing: budget },
    ...withoutMaster(config),
    keepRoom: budget,
    ...('challenges' in options ? { challenges: options.challenges } : {}),
    ...('registry' in options ? { registry: options.registry } : {}),
    reads: createReads(async () => options.cache ?? NO_CACHE, now),
    callOrigin: async (call) => {
      calls.push(call)
      const answer = (await options.answer?.(call)) ?? new Response('own answer')
      return 'delivered' in answer ? answer : { delivered: true, response: answer }
    },
    refreshIfOverdue: () => undefined,
    contradictingEndpoints: () => [],
    pushMetagraph: () => Promise.reject(new Error('not asked')),
    allowsAddress: async () => true,
    version: 'v1',
  }
  return { gateway, calls, now }
}

const NO_CACHE: ReadCache = {
  match: async () => undefined,
  put: async () => {},
}
