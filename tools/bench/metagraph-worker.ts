/**
 * The metagraph room in a Worker, for `tools/bench/metagraph.ts`. KV and the lease are in memory: their CPU is the platform's.
 *
 * POST /refresh   body: the KV value to begin with (may be empty); `count` refreshes, each in a room of its own
 * POST /posts     body: a JSON list of bodies to POST to the endpoint, to no end
 * POST /lookup    body: a KV value; `count` times what an upload asks: the current metagraph and one hotkey's uid
 */

import type { Lease } from '../../src/lease/rules.ts'
import type { Fetch } from '../../src/metagraph/json-rpc.ts'
import { createMetagraph } from '../../src/metagraph/kv-metagraph.ts'
import { uidOf } from '../../src/protocol/metagraph.ts'

const lease: Lease = {
  claimRefresh: async () => ({ granted: true, coolDowns: {} }),
  claimLookup: async () => ({ granted: true, coolDowns: {} }),
  report: async () => {},
}
interface Traffic {
  subrequests: number
  sent: number
  received: number
}

const answers = new Map<string, string>()

export default {
  async fetch(request: Request): Promise<Response> {
    const { pathname, searchParams } = new URL(request.url)
    const endpoint = searchParams.get('endpoint') ?? ''
    const now = Number(searchParams.get('now'))
    const count = Number(searchParams.get('count'))
    let value = await request.text()
    const traffic: Traffic = { subrequests: 0, sent: 0, received: 0 }
    const room = () =>
      createMetagraph({
        kv: {
          get: async () => (value === '' ? null : value),
          put: async (_, text) => {
            value = text
          },
        },
        lease,
        fetch: fetchFrom(searchParams.get('network') ?? '', traffic),
        endpoints: [{ url: new URL(endpoint) }],
        netuid: 100,
        genesisHash: searchParams.get('genesis') ?? '',
        maxAgeSeconds: 1200,
        cronPeriodSeconds: 300,
        onRefresh: () => {},
        onLookup: () => {},
      })

    if (pathname === '/refresh') {
      let outcome = ''
      for (let done = 0; done < count; done += 1) outcome = (await room().refresh(now)).outcome
      return Response.json({ outcome, value, asked: JSON.stringify([...answers.keys()]), ...traffic })
    }
    if (pathname === '/posts') {
      for (const body of JSON.parse(value)) await (await fetch(endpoint, { method: 'POST', body })).text()
      return Response.json({})
    }
    const metagraph = room()
    const hotkeys = (await metagraph.current(now))?.hotkeys ?? []
    let found = 0
    for (let done = 0; done < count; done += 1) {
      const current = await metagraph.current(now)
      const hotkey = hotkeys[done % hotkeys.length] ?? ''
      if (current !== undefined && uidOf(current, hotkey) !== undefined) found += 1
    }
    return Response.json({ found })
  },
} satisfies ExportedHandler

/** `plain` is the network as in production; `counted` also counts its bytes and remembers answers; `memory` repeats those. */
function fetchFrom(network: string, traffic: Traffic): Fetch {
  if (network === 'plain') return (request) => fetch(request)
  if (network === 'memory') return async (request) => new Response(answers.get(await request.text()))
  return async (request) => {
    const body = await request.clone().text()
    const response = await fetch(request)
    const text = await response.text()
    traffic.subrequests += 1
    traffic.sent += body.length
    traffic.received += text.length
    answers.set(body, text)
    return new Response(text, response)
  }
}
