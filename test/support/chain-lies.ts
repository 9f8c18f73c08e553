/**
 * Every way a chain endpoint is known, or able, to be wrong.
 *
 * Each lie tells one untruth and is right in everything else. `chain-liar.ts` tells them over real
 * sockets.
 */

import type { ServerResponse } from 'node:http'
import { BLOCK_SECONDS, type DevChain } from '../../tools/dev/chain-state.ts'

export interface Call {
  readonly id: number
  readonly method: string
  readonly params: readonly unknown[]
}

/** Writes the answer to one call. `text` is what an honest node would send. */
export type Lie = (response: ServerResponse, call: Call, text: string, chain: DevChain) => void

type Change = [key: string, value: string | null]

const SUBTENSOR = '658faa385070e074c85bf6b568cf0555'
const PREFIX = {
  keys: `0x${SUBTENSOR}9f99a2ce711f3a31b2fc05604c93f179`,
  count: `0x${SUBTENSOR}a1048e9d244171852dfe8db314dc68ca`,
  network: `0x${SUBTENSOR}0e30450fc4d507a846032a7fa65d9a43`,
  genesis: '0x26aa394eea5630e07c48ae0c9558cef7a44704b568d21667356a5a050c118746',
  number: '0x26aa394eea5630e07c48ae0c9558cef702a5c1b19ab7a04f536c519aca4983ac',
  time: '0xf0c365c3cf59d671eb72da0e7a4113c49f1f0515f462cdcf84e0f1d6045dfcbb',
} as const
const ZERO = `0x${'00'.repeat(32)}`
const TEN_MEGABYTES = 10_000_000

/** Sent as an HTTP answer of the node's own kind. */
const send = (
  response: ServerResponse,
  status: number,
  body: string,
  headers: Record<string, string> = {},
): void => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(body)
}

const always =
  (status: number, body: string, headers: Record<string, string> = {}): Lie =>
  (response) =>
    send(response, status, body, headers)

/** A JSON-RPC error to one method, the truth to the others. */
const rpcError =
  (code: number, message: string, method = ''): Lie =>
  (response, call, text) => {
    const error = JSON.stringify({ jsonrpc: '2.0', id: call.id, error: { code, message } })
    send(response, 200, method === '' || method === call.method ? error : text)
  }

/**
 * Rewrites the storage entries of the n-th and later `state_queryStorageAt` (told apart by whether
 * the header is asked for).
 */
const entries =
  (change: (changes: Change[], chain: DevChain) => Change[], where: 'first' | 'follow-up' = 'first'): Lie =>
  (response, call, text, chain) => {
    if (call.method !== 'state_queryStorageAt') return send(response, 200, text)
    const body: { result: { changes: Change[] }[] } = JSON.parse(text)
    for (const set of body.result) {
      const isFirst = set.changes.some(([key]) => key === PREFIX.number)
      if (isFirst === (where === 'first')) set.changes = change(set.changes, chain)
    }
    send(response, 200, JSON.stringify(body))
  }

/** Gives the value of one item; for `keys`, that of uid 3. */
const value = (item: keyof typeof PREFIX, to: string | null, where: 'first' | 'follow-up' = 'first'): Lie =>
  entries((changes) => {
    const of = changes.filter(([key]) => key.startsWith(PREFIX[item]))
    const target = of[Math.min(3, of.length - 1)]
    return changes.map((entry) => (entry === target ? [entry[0], to] : entry))
  }, where)

/** Any answer, by its text. */
const rewritten =
  (rewrite: (text: string, call: Call, chain: DevChain) => string): Lie =>
  (response, call, text, chain) =>
    send(response, 200, rewrite(text, call, chain))

/** Answers the head honestly, then does something else on the way of the storage answer. */
const midway =
  (write: (response: ServerResponse, text: string) => void): Lie =>
  (response, call, text) => {
    if (call.method !== 'state_queryStorageAt') return send(response, 200, text)
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': String(text.length) })
    write(response, text)
  }

const littleEndian = (number: number, bytes: number): string => {
  const buffer = Buffer.alloc(8)
  buffer.writeBigUInt64LE(BigInt(Math.floor(number)))
  return `0x${buffer.subarray(0, bytes).toString('hex')}`
}

/** A consistent head that is `blocks` older than the true one. */
const older = (blocks: number): Lie => {
  const shifted = (chain: DevChain, text: string, call: Call): string => {
    if (call.method !== 'chain_getFinalizedHead') return text
    const result = chain.blockHash(chain.bestBlock() - blocks)
    return JSON.stringify({ jsonrpc: '2.0', id: call.id, result })
  }
  return rewritten((text, call, chain) => shifted(chain, text, call))
}

const otherHash = `0x${'5e'.repeat(32)}`

export const LIES: Readonly<Record<string, Lie>> = {
  honest: rewritten((text) => text),

  // What the state says.
  'missing-key': entries((changes) =>
    changes.filter(([key]) => !key.startsWith(PREFIX.keys) || !key.endsWith('0300')),
  ),
  'missing-spare-key': entries((changes) =>
    changes.filter(([key]) => !key.startsWith(PREFIX.keys) || !key.endsWith('c800')),
  ),
  'missing-header': entries((changes) => changes.filter(([key]) => key !== PREFIX.time)),
  'no-changes': entries(() => []),
  'null-account': value('keys', null),
  'zero-account': value('keys', ZERO),
  'duplicate-hotkey': entries((changes) => {
    const first = changes.find(([key]) => key.startsWith(PREFIX.keys))
    const account = first?.[1] ?? null
    return changes.map(([key, held]) => [
      key,
      key.startsWith(PREFIX.keys) && key.endsWith('0300') ? account : held,
    ])
  }),
  'repeated-key': entries((changes) => [...changes, ...changes.slice(-1)]),
  'short-account': value('keys', `0x${'11'.repeat(31)}`),
  'long-account': value('keys', `0x${'11'.repeat(33)}`),
  'odd-hex': value('keys', `0x${'11'.repeat(31)}1`),
  'not-hex': value('keys', 'five'),
  'short-number': value('number', '0x01'),
  'wrong-genesis': value('genesis', otherHash),
  'genesis-pruned': value('genesis', null),
  'genesis-pruned-wrong': (response, call, text, chain) =>
    call.method === 'chain_getBlockHash'
      ? send(response, 200, text.replace(chain.genesisHash, otherHash))
      : value('genesis', null)(response, call, text, chain),
  'network-absent': value('network', null),
  'network-false': value('network', '0x00'),
  'no-uids': value('count', null),
  'too-many-uids': value('count', littleEndian(4097, 2)),
  'follow-up-null': value('keys', null, 'follow-up'),
  'follow-up-missing': entries((changes) => changes.slice(1), 'follow-up'),
  'follow-up-zero': value('keys', ZERO, 'follow-up'),

  // Which block it says it is about.
  'wrong-block': rewritten((text, call) =>
    call.method === 'state_queryStorageAt'
      ? text.replace(/"block":"0x[0-9a-f]{64}"/, `"block":"${otherHash}"`)
      : text,
  ),
  'stale-time': entries((changes, chain) =>
    replace(changes, PREFIX.time, (chain.bestBlock() - 30) * BLOCK_SECONDS * 1000),
  ),
  'future-time': entries((changes, chain) =>
    replace(changes, PREFIX.time, (chain.bestBlock() + 7) * BLOCK_SECONDS * 1000),
  ),
  'stale-head': older(30),
  backwards: older(15),
  'far-ahead': entries((changes, chain) => replace(changes, PREFIX.number, chain.bestBlock() + 100_000, 4)),
  'unknown-block': rpcError(
    4003,
    'Client error: UnknownBlock: State already discarded',
    'state_queryStorageAt',
  ),
  'head-is-null': rewritten((text, call) =>
    call.method === 'chain_getFinalizedHead' ? text.replace(/"0x[0-9a-f]+"/, 'null') : text,
  ),

  // Refusals, in every dialect.
  'http-429': always(
    429,
    '{"error":"Too many requests from this source.","policy":"http_60s","retry_after_seconds":60}',
    {
      'retry-after': '120',
    },
  ),
  '429-in-body': always(
    429,
    '{"error":"Too many requests from this source.","policy":"http_60s","retry_after_seconds":90}',
  ),
  '200-too-many': always(
    200,
    '{"error":"Too many requests from this source.","policy":"http_60s","retry_after_seconds":60}',
  ),
  '200-too-many-text': always(200, 'Too many requests', { 'content-type': 'text/plain' }),
  'rpc-32005': rpcError(-32005, 'Limit exceeded'),
  'rpc-32004': rpcError(-32004, 'Historical work rate limit exceeded'),
  'rpc-32029': rpcError(-32029, 'Too Many Requests, Please apply an OnFinality API key'),
  'batch-refused': rpcError(-32005, 'Batched requests are not supported by this server'),
  'rpc-error': rpcError(-32000, 'Client error: something broke'),
  'method-missing': rpcError(-32601, 'Method not found', 'state_queryStorageAt'),
  'html-page': always(200, '<!DOCTYPE html><title>Just a moment</title>', { 'content-type': 'text/html' }),
  'html-503': always(503, '<html><body>Service Unavailable</body></html>', { 'content-type': 'text/html' }),
  'http-500': always(500, 'oops', { 'content-type': 'text/plain' }),
  'http-503-retry': always(503, '{}', { 'retry-after': '300' }),
  redirect: always(307, '', { location: 'http://127.0.0.1:1/elsewhere' }),

  // Broken envelopes.
  'truncated-json': rewritten((text, call) =>
    call.method === 'state_queryStorageAt' ? text.slice(0, text.length / 2) : text,
  ),
  empty: always(200, ''),
  'bare-number': always(200, '7'),
  'wrong-id': rewritten((text) => text.replace(/"id":\d+/, '"id":7777')),
  'no-id': rewritten((text) => text.replace(/"id":\d+,/, '')),
  'array-answer': rewritten((text) => `[${text}]`),
  'result-is-text': rewritten((text, call) =>
    call.method === 'state_queryStorageAt'
      ? JSON.stringify({ jsonrpc: '2.0', id: call.id, result: 'all is well' })
      : text,
  ),

  // On the wire.
  'cut-off': midway((response, text) => {
    response.write(text.slice(0, 100))
    setTimeout(() => response.destroy(), 20)
  }),
  reset: (response) => response.destroy(),
  hang: () => {},
  'hang-midway': midway((response, text) => response.write(text.slice(0, 100))),
  'slow-drip': midway((response, text) => {
    let sent = 0
    const timer = setInterval(() => response.write(text.slice(sent, ++sent)), 20)
    response.on('close', () => clearInterval(timer))
  }),
  'ten-megabytes': rewritten((text, call) =>
    call.method === 'state_queryStorageAt' ? text + ' '.repeat(TEN_MEGABYTES) : text,
  ),
  'ten-megabytes-head': rewritten((text) => text + ' '.repeat(TEN_MEGABYTES)),
}

function replace(changes: Change[], key: string, number: number, bytes = 8): Change[] {
  return changes.map((entry) => (entry[0] === key ? [key, littleEndian(number, bytes)] : entry))
}
