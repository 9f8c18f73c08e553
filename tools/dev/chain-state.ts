/**
 * A chain without a network: blocks by the clock, the storage items a gateway reads, and the
 * JSON-RPC answers of a node.
 *
 * Block n is made at 12·n Unix seconds unless told, so restarts never go back. The finalized head
 * is three blocks behind the best one, as on mainnet, and a registration shows at the best head
 * first. Storage keys come from `@polkadot-api/substrate-bindings`, not from the gateway's own
 * table: a wrong key on either side shows.
 */

import { Blake2128Concat, Blake2256, Twox64Concat, Twox128 } from '@polkadot-api/substrate-bindings'

export const BLOCK_SECONDS = 12
/** Blocks between the best and the finalized head. */
const FINALITY_LAG = 3
/** Blocks a lite node keeps the state of. */
const KEPT_BLOCKS = 300
/** Genesis hash of the development chain; `CHAIN_GENESIS_HASH` of a gateway that reads it. */
export const DEV_GENESIS_HASH = toHex(Blake2256(Buffer.from('platform-edge development chain')))

export interface ChainOptions {
  readonly netuid: number
  /** Public keys by uid, there from the beginning. */
  readonly members: readonly Uint8Array[]
  /** Unix seconds. */
  readonly now: () => number
  readonly genesisHash?: string
  /** Between two blocks; 12 unless told. A local subtensor node with fast blocks has 0.25. */
  readonly blockSeconds?: number
  /** Unix seconds of block 0; 0 unless told. A node that starts over has its own start here. */
  readonly startedAt?: number
}

type RpcReply = { readonly result: unknown } | { readonly error: RpcError }
interface RpcError {
  readonly code: number
  readonly message: string
}

export interface DevChain {
  readonly netuid: number
  readonly genesisHash: string
  bestBlock(): number
  blockHash(block: number): string
  /** Takes the next free uid, at the next block; a key that has one keeps it. */
  register(publicKey: Uint8Array): { readonly uid: number; readonly block: number }
  answer(method: string, params: readonly unknown[]): RpcReply
}

interface Entry {
  readonly value: string
  /** First block that has it. */
  readonly since: number
}

export function createChain(options: ChainOptions): DevChain {
  const { netuid, now, blockSeconds = BLOCK_SECONDS, startedAt = 0 } = options
  const genesisHash = options.genesisHash ?? DEV_GENESIS_HASH
  const entries = new Map<string, Entry>()
  /** First block of each uid. */
  const registeredAt: number[] = []
  const places = new Map<string, { readonly uid: number; readonly block: number }>()

  const bestBlock = () => Math.floor((now() - startedAt) / blockSeconds)
  const blockHash = (block: number) =>
    block === 0 ? genesisHash : toHex(Blake2256(Buffer.from(`${genesisHash}:${block}`)))

  function add(publicKey: Uint8Array, since: number): void {
    const uid = registeredAt.push(since) - 1
    places.set(toHex(publicKey), { uid, block: since })
    entries.set(storageKey('SubtensorModule', 'Keys', le(netuid, 2), le(uid, 2)), {
      value: toHex(publicKey),
      since,
    })
    entries.set(storageKey('SubtensorModule', 'Uids', le(netuid, 2), Blake2128Concat(publicKey)), {
      value: toHex(le(uid, 2)),
      since,
    })
  }

  /** Items that differ from block to block. */
  function header(block: number): ReadonlyMap<string, string> {
    const count = registeredAt.filter((since) => since <= block).length
    return new Map([
      [GENESIS_KEY, genesisHash],
      [storageKey('System', 'Number'), toHex(le(block, 4))],
      [storageKey('Timestamp', 'Now'), toHex(le(Math.round((startedAt + block * blockSeconds) * 1000), 8))],
      [storageKey('SubtensorModule', 'NetworksAdded', le(netuid, 2)), '0x01'],
      [storageKey('SubtensorModule', 'SubnetworkN', le(netuid, 2)), toHex(le(count, 2))],
    ])
  }

  function read(key: string, block: number, head: ReadonlyMap<string, string>): string | null {
    const entry = entries.get(key)
    if (entry !== undefined && entry.since <= block) return entry.value
    return head.get(key) ?? null
  }

  /** The block that `at` names among those whose state is kept; undefined for any other. */
  function findBlock(at: unknown): number | undefined {
    const best = bestBlock()
    if (at === undefined || at === null) return best
    for (let block = best; block >= Math.max(0, best - KEPT_BLOCKS); block -= 1) {
      if (blockHash(block) === at) return block
    }
    return undefined
  }

  const methods: Readonly<Record<string, (params: readonly unknown[]) => RpcReply>> = {
    chain_getFinalizedHead: () => ({ result: blockHash(Math.max(0, bestBlock() - FINALITY_LAG)) }),
    chain_getBlockHash([block = bestBlock()]) {
      if (typeof block !== 'number') return INVALID_PARAMS
      return { result: block <= bestBlock() ? blockHash(block) : null }
    },
    state_getStorage([key, at]) {
      const block = findBlock(at)
      if (!isHex(key)) return INVALID_PARAMS
      return block === undefined ? unknownBlock(at) : { result: read(key, block, header(block)) }
    },
    state_queryStorageAt([keys, at]) {
      const block = findBlock(at)
      if (!Array.isArray(keys) || !keys.every((key) => isHex(key))) return INVALID_PARAMS
      if (block === undefined) return unknownBlock(at)
      const head = header(block)
      const changes = [...new Set(keys)].map((key) => [key, read(key, block, head)])
      return { result: [{ block: blockHash(block), changes }] }
    },
  }

  for (const publicKey of options.members) add(publicKey, 0)
  return {
    netuid,
    genesisHash,
    bestBlock,
    blockHash,
    register(publicKey) {
      const account = toHex(publicKey)
      const place = places.get(account) ?? { uid: registeredAt.length, block: bestBlock() + 1 }
      if (place.uid === registeredAt.length) add(publicKey, place.block)
      return place
    },
    answer: (method, params) =>
      methods[method]?.(params) ?? { error: { code: -32601, message: 'Method not found' } },
  }
}

/** A JSON-RPC 2.0 envelope around the chain's answer. Batches are refused, as public nodes may. */
export function answerRpc(chain: DevChain, body: unknown): object {
  if (Array.isArray(body))
    return envelope(null, {
      error: { code: -32005, message: 'Batched requests are not supported by this server' },
    })
  if (typeof body !== 'object' || body === null)
    return envelope(null, { error: { code: -32700, message: 'Parse error' } })
  const { id = null, method, params = [] }: { id?: unknown; method?: unknown; params?: unknown } = body
  if (typeof method !== 'string' || !Array.isArray(params)) {
    return envelope(id, { error: { code: -32600, message: 'Invalid request' } })
  }
  return envelope(id, chain.answer(method, params))
}

function envelope(id: unknown, reply: object): object {
  return { jsonrpc: '2.0', id, ...reply }
}

/** twox128(pallet) ‖ twox128(item) ‖ arguments, already hashed. */
function storageKey(pallet: string, item: string, ...args: readonly Uint8Array[]): string {
  return toHex(Buffer.concat([Twox128(Buffer.from(pallet)), Twox128(Buffer.from(item)), ...args]))
}

/** `BlockHash(0)`: Twox64Concat. */
const GENESIS_KEY = storageKey('System', 'BlockHash', Twox64Concat(le(0, 4)))

const INVALID_PARAMS: RpcReply = { error: { code: -32602, message: 'Invalid params' } }

function unknownBlock(at: unknown): RpcReply {
  return { error: { code: 4003, message: `Client error: UnknownBlock: State already discarded for ${at}` } }
}

/** Little-endian. */
function le(value: number, bytes: number): Uint8Array {
  const buffer = Buffer.alloc(8)
  buffer.writeBigUInt64LE(BigInt(value))
  return buffer.subarray(0, bytes)
}

function toHex(bytes: Uint8Array): string {
  return `0x${Buffer.from(bytes).toString('hex')}`
}

function isHex(value: unknown): value is string {
  return typeof value === 'string' && /^0x(?:[0-9a-f]{2})*$/.test(value)
}
