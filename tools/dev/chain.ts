/**
 * A development chain node: JSON-RPC over HTTP POST, as a subtensor node speaks it, with a subnet
 * of well-known keys.
 *
 *     node tools/dev/chain.ts --port 9944 --netuid 100 \
 *       [--fixture FILE] [--registered FILE] [--fast]
 *     curl -X POST localhost:9944/dev/register -d '{"hotkey":"5…"}'
 *
 * `--fast` makes a block every 250 ms, from block 0 on. The second command registers a hotkey at
 * the next block. `--registered` keeps such hotkeys in that file, so that they are members again
 * after a restart.
 */

import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { parseArgs } from 'node:util'
import { decodeAddress } from '@polkadot/keyring'
import { parseJson } from '../../src/protocol/json.ts'
import { developmentMembers, recordedMembers } from './chain-members.ts'
import { answerRpc, type ChainOptions, createChain, type DevChain } from './chain-state.ts'

export interface StartOptions extends Partial<ChainOptions> {
  /** 0 (the default) takes any free port. */
  readonly port?: number
  /** Where hotkeys registered over HTTP or by `register` are kept; in memory when absent. */
  readonly registeredFile?: string
}

export interface RunningChain {
  /** `http://127.0.0.1:PORT`, without a trailing slash. */
  readonly url: string
  readonly genesisHash: string
  /**
   * Registers a hotkey (SS58) at the next block; it shows at the best head then, at the finalized
   * head three blocks later.
   */
  register(hotkey: string): { readonly uid: number; readonly block: number }
  close(): Promise<void>
}

export async function startChain(options: StartOptions = {}): Promise<RunningChain> {
  const { registeredFile, members = developmentMembers().map(({ publicKey }) => publicKey) } = options
  const kept = new Set(readHotkeys(registeredFile))
  const chain = createChain({
    netuid: 100,
    now: () => Date.now() / 1000,
    ...options,
    members: [...members, ...[...kept].map((hotkey) => decodeAddress(hotkey))],
  })
  const register = (hotkey: string) => {
    const place = chain.register(decodeAddress(hotkey))
    kept.add(hotkey)
    if (registeredFile !== undefined) writeFileSync(registeredFile, JSON.stringify([...kept]))
    return place
  }
  const server = createServer((request, response) => {
    serve({ chain, register }, request, response).catch(() => response.destroy())
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port ?? 0, '127.0.0.1', resolve)
  })
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  return {
    url: `http://127.0.0.1:${port}`,
    genesisHash: chain.genesisHash,
    register,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** Hotkeys that an earlier run registered. */
function readHotkeys(file: string | undefined): string[] {
  return file !== undefined && existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : []
}

interface Served {
  readonly chain: DevChain
  readonly register: RunningChain['register']
}

async function serve(
  { chain, register }: Served,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const body = parseJson(Buffer.concat(chunks).toString())
  if (request.method !== 'POST') return send(response, 405, { error: 'POST JSON-RPC here' })
  if (request.url === '/dev/register') return send(response, 200, answerRegister(register, body))
  send(response, 200, answerRpc(chain, body))
}

function answerRegister(register: Served['register'], body: unknown): object {
  const hotkey = typeof body === 'object' && body !== null && 'hotkey' in body ? body.hotkey : undefined
  try {
    return register(String(hotkey))
  } catch {
    return { error: 'send {"hotkey":"5…"}' }
  }
}

function send(response: ServerResponse, status: number, body: object): void {
  response.writeHead(status, { 'content-type': 'application/json; charset=utf-8' }).end(JSON.stringify(body))
}

if (import.meta.main) {
  const { values } = parseArgs({
    options: {
      port: { type: 'string', default: '9944' },
      netuid: { type: 'string', default: '100' },
      fixture: { type: 'string' },
      registered: { type: 'string' },
      fast: { type: 'boolean', default: false },
    },
  })
  const members = values.fixture === undefined ? {} : { members: await recordedMembers(values.fixture) }
  const pace = values.fast ? { blockSeconds: 0.25, startedAt: Math.floor(Date.now() / 1000) } : {}
  const chain = await startChain({
    port: Number(values.port),
    netuid: Number(values.netuid),
    ...(values.registered === undefined ? {} : { registeredFile: values.registered }),
    ...members,
    ...pace,
  })
  console.log(`chain of subnet ${values.netuid} on ${chain.url}, genesis ${chain.genesisHash}`)
}
