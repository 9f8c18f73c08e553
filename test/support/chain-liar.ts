/**
 * A chain process that lies on request: the path of the endpoint names how many members the subnet
 * has and which lie is told.
 *
 *     http://127.0.0.1:PORT/{members}/{lie}
 *
 * Two member counts are two states of one subnet: the smaller one has lost members. `startLiar`
 * runs this file as a process.
 */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:http'
import { fileURLToPath } from 'node:url'
import { answerRpc, createChain, type DevChain } from '../../tools/dev/chain-state.ts'
import { accounts, NETUID } from './chain-fetch.ts'
import { type Call, LIES } from './chain-lies.ts'

export interface Liar {
  /** Without a trailing slash. */
  readonly url: string
  stop(): void
}

export async function startLiar(): Promise<Liar> {
  const liar = spawn(process.execPath, [fileURLToPath(import.meta.url)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [port] = await once(liar.stdout, 'data')
  return { url: `http://127.0.0.1:${String(port).trim()}`, stop: () => void liar.kill() }
}

function serve(): void {
  const chains = new Map<number, DevChain>()
  const now = () => Date.now() / 1000
  const server = createServer(async (request, response) => {
    const [, members = '', lie = ''] = (request.url ?? '').split('/')
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk)
    const call: Call = JSON.parse(Buffer.concat(chunks).toString())
    const count = Number(members)
    const chain = chains.get(count) ?? createChain({ netuid: NETUID, members: accounts(count), now })
    chains.set(count, chain)
    const tell = LIES[lie.split('?')[0] ?? '']
    if (tell === undefined) response.writeHead(404).end(`no such lie: ${lie}`)
    else tell(response, call, JSON.stringify(answerRpc(chain, call)), chain)
  })
  server.listen(0, '127.0.0.1', () => {
    const address = server.address()
    if (typeof address === 'object') console.log(address?.port)
  })
}

if (import.meta.main) serve()
