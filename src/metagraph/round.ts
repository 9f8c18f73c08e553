/**
 * One round of questions to chain endpoints: who may be asked, how much time each has, and what
 * became of it.
 *
 * Each attempt has a share of the round's time, so that an endpoint that hangs does not cost the
 * next its turn. What goes wrong is collected as faults, for the log, and as cool-downs, for the
 * next round.
 */

import { sha512 } from '@noble/hashes/sha2.js'
import { bytesToHex, utf8ToBytes } from '@noble/hashes/utils.js'
import type { CoolDowns } from '../lease/rules.ts'
import type { Checked, FaultReason } from './fault.ts'
import { callRpc, type Endpoint, endpointName, type Fetch } from './json-rpc.ts'
import type { Ask } from './reader.ts'
import type { ChainTarget } from './recording.ts'

export interface Chain extends ChainTarget {
  readonly fetch: Fetch
  /** In order of preference; may be empty when snapshots are pushed. */
  readonly endpoints: readonly Endpoint[]
  /** How old a snapshot may be and still serve. */
  readonly maxAgeSeconds: number
}

export interface Attempt {
  readonly endpoint: string
  readonly reason: FaultReason
}

export interface RoundTerms {
  readonly coolDowns: CoolDowns
  /** Unix seconds. */
  readonly now: number
  readonly limitMs: number
}

export interface Round {
  /** Those that did not ask to be left alone, in order of preference. */
  readonly ready: readonly Endpoint[]
  /** What was wrong with those that were asked. */
  readonly faults: readonly Attempt[]
  /** Those that were given plus those that were earned. */
  readonly coolDowns: CoolDowns
  /**
   * False for an endpoint that failed in this round or is to be left alone, and for all when the
   * time is up.
   */
  mayAsk(endpoint: Endpoint): boolean
  /** Writes down what was wrong with an endpoint beside what its attempts brought. */
  note(attempt: Attempt): void
  /** One attempt, within `share` of the round's time. */
  attempt<T>(endpoint: Endpoint, share: number, work: (ask: Ask) => Promise<Checked<T>>): Promise<Checked<T>>
  /** Ends the round's clock. */
  end(): void
}

export function startRound(chain: Chain, terms: RoundTerms): Round {
  const { now, limitMs } = terms
  const coolDowns: Record<string, number> = { ...terms.coolDowns }
  const faults: Attempt[] = []
  const failed = new Set<Endpoint>()
  const whole = startDeadline(limitMs)
  // A longer one would outlive the snapshot: the gateway would have no members while a node that
  // is well again stands by.
  const longest = Math.floor(chain.maxAgeSeconds / 2)
  const isCooling = (name: string) => {
    const left = (coolDowns[name] ?? 0) - now
    return left > 0 && left <= longest
  }
  const isReady = (endpoint: Endpoint) => !isCooling(endpointName(endpoint)) && !isCooling(urlName(endpoint))

  return {
    ready: chain.endpoints.filter(isReady),
    faults,
    coolDowns,
    mayAsk: (endpoint) => !failed.has(endpoint) && isReady(endpoint) && !whole.signal.aborted,
    note: (attempt) => void faults.push(attempt),

    async attempt(endpoint, share, work) {
      const deadline = startDeadline(limitMs * share, whole.signal)
      const answer = await work(askEndpoint(chain.fetch, endpoint, deadline.signal))
      deadline.clear()
      if (answer.ok) return answer
      failed.add(endpoint)
      faults.push({ endpoint: endpointName(endpoint), reason: answer.reason })
      if (answer.coolDownSeconds !== undefined) {
        // A host rations by the caller's address, whatever the path; any other trouble is that one
        // URL's.
        const name = answer.reason === 'rate_limited' ? endpointName(endpoint) : urlName(endpoint)
        coolDowns[name] = now + Math.min(answer.coolDownSeconds, longest)
      }
      return answer
    },

    end: whole.clear,
  }
}

/** The first may take half of the time, the next a quarter and so on, the last what is left. */
export function shareOf({ ready }: Round, endpoint: Endpoint): number {
  const index = ready.indexOf(endpoint)
  return index === ready.length - 1 ? 1 : 1 / 2 ** (index + 1)
}

/** Tells URLs of one host apart without showing them: a path may hold a key. */
function urlName({ url }: Endpoint): string {
  return `${url.host} ${bytesToHex(sha512(utf8ToBytes(url.href))).slice(0, 16)}`
}

function askEndpoint(fetch: Fetch, endpoint: Endpoint, signal: AbortSignal): Ask {
  let id = 0
  return (method, params, maxBytes) => {
    id += 1
    return callRpc(fetch, endpoint, { id, method, params, maxBytes, signal })
  }
}

/**
 * Aborts after `ms`, or with `parent`. Not `AbortSignal.timeout`: its timer does not keep the
 * signal alive.
 */
function startDeadline(ms: number, parent?: AbortSignal): { readonly signal: AbortSignal; clear(): void } {
  const controller = new AbortController()
  const abort = () => controller.abort()
  const timer = setTimeout(abort, ms)
  parent?.addEventListener('abort', abort, { once: true })
  return { signal: controller.signal, clear: () => clearTimeout(timer) }
}
