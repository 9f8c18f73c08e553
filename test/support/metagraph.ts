/** A snapshot out of a list of hotkeys. */

import type { Metagraph } from '../../src/protocol/metagraph.ts'

export function metagraphOf(hotkeys: readonly string[], blockTime: number): Metagraph {
  return {
    netuid: 100,
    block: 1000,
    blockHash: `0x${'ab'.repeat(32)}`,
    blockTime,
    fetchedAt: blockTime + 12,
    endpoint: 'chain.example.com',
    hotkeys,
    uids: new Map(hotkeys.map((hotkey, uid) => [hotkey, uid])),
  }
}
