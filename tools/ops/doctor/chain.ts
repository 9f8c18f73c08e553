/**
 * Whether the chain endpoints tell the same story. The gateway takes no snapshot while two of them
 * contradict each other, so the operator must say which is wrong.
 */

import type { Config } from '../../../src/config/config.ts'
import { BLOCK_NUMBER } from '../../../src/metagraph/storage-keys.ts'
import { accessHeaders } from '../../../src/origin/access.ts'
import type { Ask } from './ask.ts'
import { type Finding, fail, pass, warn } from './finding.ts'

interface Node {
  readonly host: string
  call(method: string, params: readonly unknown[]): Promise<unknown>
}

export interface ChainContext {
  readonly askAt: (url: URL) => Ask
  readonly access: Config['access']
}

/** Nothing when the gateway asks no endpoint, or none that can be asked from here. */
export async function checkChain({ chainEndpoints }: Config, context: ChainContext): Promise<Finding[]> {
  const nodes = chainEndpoints
    .filter(({ access }) => !access || context.access !== undefined)
    .map(({ url, access }) => nodeAt(url, access ? context.access : undefined, context.askAt))
  if (nodes.length === 0) return []
  const heads = await Promise.all(nodes.map(async (node) => ({ node, head: await finalizedBlock(node) })))
  const answering = heads.flatMap(({ node, head }) => (head === undefined ? [] : { node, head }))
  const silent = heads.filter(({ head }) => head === undefined).map(({ node }) => node.host)
  if (answering.length === 0)
    return [warn('chain', `no answer from ${silent.join(', ')}`, 'docs/runbook.md, "Metagraph stuck"')]
  const height = Math.min(...answering.map(({ head }) => head))
  const hashes = await Promise.all(
    answering.map(async ({ node }) => ({
      host: node.host,
      hash: await node.call('chain_getBlockHash', [height]),
    })),
  )
  const known = hashes.filter(({ hash }) => typeof hash === 'string')
  const other = known.find(({ hash }) => hash !== known[0]?.hash)
  if (other !== undefined) {
    const says = `${known[0]?.host} and ${other.host} contradict each other about block ${height}`
    const todo =
      'find out which is wrong (a third node, a block explorer) and take it out of CHAIN_ENDPOINTS; until then push a recording (docs/runbook.md, "Metagraph stuck")'
    return [fail('chain', says, todo)]
  }
  if (silent.length > 0) {
    const todo = 'public nodes ration by address, so this may pass; else replace it in CHAIN_ENDPOINTS'
    return [warn('chain', `no answer from ${silent.join(', ')}; the others agree`, todo)]
  }
  return [pass('chain', `${known.length} of ${nodes.length} endpoints tell the same block ${height}`)]
}

function nodeAt(url: URL, access: Config['access'], askAt: ChainContext['askAt']): Node {
  const ask = askAt(url)
  const headers = {
    'content-type': 'application/json',
    ...(access === undefined ? {} : accessHeaders(access)),
  }
  return {
    host: url.host,
    async call(method, params) {
      const body = new TextEncoder().encode(JSON.stringify({ jsonrpc: '2.0', id: 1, method, params }))
      const answer = await ask('', { method: 'POST', headers, body })
      return answer.reached ? answer.fields['result'] : undefined
    },
  }
}

async function finalizedBlock(node: Node): Promise<number | undefined> {
  const head = await node.call('chain_getFinalizedHead', [])
  if (typeof head !== 'string') return undefined
  const number = await node.call('state_getStorage', [BLOCK_NUMBER, head])
  if (typeof number !== 'string' || !/^0x[0-9a-f]{8}$/.test(number)) return undefined
  return Buffer.from(number.slice(2), 'hex').readUInt32LE()
}
