import { env } from 'cloudflare:workers'
import { expect, test } from 'vitest'
import { createMetagraph } from '../../src/metagraph/kv-metagraph.ts'
import { readChain } from '../../src/metagraph/reader.ts'
import { DEV_GENESIS_HASH, type DevChain } from '../../tools/dev/chain-state.ts'
import { accounts, chainAt, memoryLease, NETUID, NOW } from '../support/chain-fetch.ts'

/** What `npm run chain:record` prints, parsed. */
async function record(chain: DevChain): Promise<Record<string, unknown>> {
  const recording = await readChain(async (method, params) => {
    const reply = chain.answer(method, params)
    return 'result' in reply ? { ok: true, value: reply.result } : { ok: false, reason: 'rpc_error' }
  }, NETUID)
  if (!recording.ok) throw new Error(recording.reason)
  return { ...recording.value, endpoint: 'node.example' }
}

const NO_CONFIRMATION = { loss: false, back: false }

const chain = (members: number, at = NOW) => chainAt(() => at, accounts(members))

async function isolate() {
  await env.CACHE.delete(`metagraph:${NETUID}`)
  return createMetagraph({
    kv: env.CACHE,
    lease: memoryLease(),
    fetch: async () => new Response(null, { status: 500 }),
    endpoints: [],
    netuid: NETUID,
    genesisHash: DEV_GENESIS_HASH,
    maxAgeSeconds: 1200,
    cronPeriodSeconds: 300,
    onRefresh: () => {},
    onLookup: () => {},
  })
}

test('a recording becomes the snapshot', async () => {
  const metagraph = await isolate()
  expect(await metagraph.current(NOW)).toBeUndefined()
  expect(await metagraph.push(await record(chain(300)), NOW, NO_CONFIRMATION)).toMatchObject({
    trigger: 'push',
    outcome: 'stored',
    reason: 'first_snapshot',
    endpoint: 'push',
  })
  expect((await metagraph.current(NOW))?.hotkeys.length).toBe(300)
})

test('the same checks as for an endpoint', async () => {
  const metagraph = await isolate()
  await metagraph.push(await record(chain(8)), NOW, NO_CONFIRMATION)
  const refused: [value: unknown, reason: string][] = [
    [null, 'malformed_answer'],
    [{ hotkeys: [] }, 'malformed_answer'],
    [await record(chain(8, NOW - 400)), 'stale_block_time'],
    [await record(chain(8, NOW - 60)), 'block_behind'],
    [await record(chain(5, NOW + 12)), 'loss_unconfirmed'],
    [{ ...(await record(chain(8))), netuid: 3 }, 'wrong_netuid'],
  ]
  for (const [value, reason] of refused) {
    expect(await metagraph.push(value, NOW, NO_CONFIRMATION)).toMatchObject({ outcome: 'kept', reason })
  }
  expect((await metagraph.current(NOW))?.hotkeys.length).toBe(8)
})

test('the token holder may vouch for a loss, and for nothing else', async () => {
  const metagraph = await isolate()
  await metagraph.push(await record(chain(8)), NOW, NO_CONFIRMATION)
  const stale = await record(chain(5, NOW - 400))
  expect(await metagraph.push(stale, NOW, { loss: true, back: false })).toMatchObject({
    reason: 'stale_block_time',
  })
  expect(
    await metagraph.push(await record(chain(5, NOW + 12)), NOW, { loss: true, back: false }),
  ).toMatchObject({
    outcome: 'stored',
  })
})

test('without endpoints no request waits and nothing is looked up', async () => {
  const metagraph = await isolate()
  await metagraph.push(await record(chain(8)), NOW, NO_CONFIRMATION)
  expect(metagraph.refreshIfOverdue(NOW + 1000)).toBeUndefined()
  expect(await metagraph.lookup('5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY', NOW)).toEqual({
    retryAfterSeconds: 60,
  })
  expect(await metagraph.refresh(NOW)).toMatchObject({ outcome: 'kept', reason: 'no_endpoint_ready' })
})
