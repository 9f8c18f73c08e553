/**
 * A chain, an endpoint list and a lease without sockets: what the metagraph room's unit tests run
 * on.
 */

import {
  applyReport,
  claimLookup,
  claimRefresh,
  type Lease,
  type LeaseState,
  minuteOf,
  NEW_LEASE,
} from '../../src/lease/rules.ts'
import type { Endpoint, Fetch } from '../../src/metagraph/json-rpc.ts'
import { answerRpc, createChain, type DevChain } from '../../tools/dev/chain-state.ts'

/** Unix seconds; 2 s into a block of the test chains. */
export const NOW = 1_800_000_002
export const NETUID = 100

/** A public key of its own for each number; never zero, not a point of any curve in particular. */
export function account(number: number): Uint8Array {
  const bytes = new Uint8Array(32).fill(0xa5)
  new DataView(bytes.buffer).setUint32(0, number)
  return bytes
}

export function accounts(count: number, from = 0): Uint8Array[] {
  return Array.from({ length: count }, (_, index) => account(from + index))
}

/** A chain whose clock the test holds. */
export function chainAt(now: () => number, members: readonly Uint8Array[]): DevChain {
  return createChain({ netuid: NETUID, members, now })
}

/** Answers one request; gets the parsed call too. */
export type Node = (request: Request, call: Call) => Response | Promise<Response>

interface Call {
  readonly id: number
  readonly method: string
  readonly params: readonly unknown[]
}

export function honest(chain: DevChain): Node {
  return (_, call) => Response.json(answerRpc(chain, call))
}

/** Changes results on their way, by method. */
export function tampered(chain: DevChain, change: (method: string, result: unknown) => unknown): Node {
  return (_, call) => {
    const reply = chain.answer(call.method, call.params)
    const result = 'result' in reply ? change(call.method, structuredClone(reply.result)) : null
    return Response.json({ jsonrpc: '2.0', id: call.id, result })
  }
}

export interface Network {
  readonly fetch: Fetch
  readonly endpoints: readonly Endpoint[]
  /** `host method` of every call so far. */
  readonly calls: readonly string[]
}

/**
 * Endpoints `https://a.example`, `https://b.example`, … in the order of `nodes`; a node may be
 * swapped later.
 */
export function network(nodes: Record<string, Node>): Network {
  const calls: string[] = []
  return {
    calls,
    endpoints: Object.keys(nodes).map((host) => ({ url: new URL(`https://${host}/`) })),
    async fetch(request) {
      const host = new URL(request.url).host
      const call: Call = await request.clone().json()
      calls.push(`${host} ${call.method}`)
      const node = nodes[host]
      if (node === undefined) throw new TypeError('Network connection lost.')
      return node(request, call)
    },
  }
}

/** The lease's rules without its Durable Object. */
export function memoryLease(): Lease & { state: LeaseState } {
  const byClient = new Map<string, number>()
  const lease = {
    state: NEW_LEASE,
    async claimRefresh(...[now, terms]: Parameters<Lease['claimRefresh']>) {
      const [state, claim] = claimRefresh(lease.state, now, terms)
      lease.state = state
      return claim
    },
    async claimLookup(now: number, client: string) {
      const minute = `${minuteOf(now)} ${client}`
      const spent = client === '' ? 0 : (byClient.get(minute) ?? 0)
      const [state, claim] = claimLookup(lease.state, now, spent)
      lease.state = state
      if (claim.granted) byClient.set(minute, spent + 1)
      return claim
    },
    async report(...[now, report]: Parameters<Lease['report']>) {
      lease.state = applyReport(lease.state, now, report)
    },
  }
  return lease
}
