import { describe, expect, test } from 'vitest'
import { continuityFault, isSuddenLoss, sameMembers } from '../../src/metagraph/continuity.ts'
import { MAINNET_GENESIS } from '../../src/protocol/metagraph.ts'
import { metagraphOf } from '../support/metagraph.ts'

const NOW = 1_800_000_000
/** Block 1000 at NOW - 600. */
const PREVIOUS = metagraphOf(['a', 'b'], NOW - 600)

const at = (block: number, blockTime: number, blockHash = PREVIOUS.blockHash) => ({
  block,
  blockTime,
  blockHash,
})

describe('continuityFault', () => {
  const ROWS: [name: string, state: ReturnType<typeof at>, fault: string | undefined][] = [
    ['fifty blocks later', at(1050, NOW), undefined],
    ['five minutes old', at(1020, NOW - 300), undefined],
    ['older than five minutes', at(1020, NOW - 301), 'stale_block_time'],
    ['a minute ahead', at(1020, NOW + 60), undefined],
    ['more than a minute ahead', at(1020, NOW + 61), 'block_time_ahead'],
    ['one block back', at(999, NOW), 'block_behind'],
    ['one block each 6 s', at(1100, NOW), undefined],
    ['one block more than that', at(1101, NOW), 'block_ahead'],
    ['another block of the same number', at(1000, NOW, `0x${'cd'.repeat(32)}`), 'block_hash_changed'],
  ]
  test.each(ROWS)('%s', (_, state, fault) => {
    expect(continuityFault(state, PREVIOUS, NOW, MAINNET_GENESIS)).toBe(fault)
  })

  test('the same block again', () => {
    const previous = metagraphOf(['a'], NOW - 200)
    expect(continuityFault(at(1000, NOW - 200), previous, NOW, MAINNET_GENESIS)).toBeUndefined()
  })

  test('later, but made earlier', () => {
    const previous = metagraphOf(['a'], NOW)
    expect(continuityFault(at(1001, NOW - 10), previous, NOW, MAINNET_GENESIS)).toBe('block_ahead')
  })

  test('with nothing before it only the clock counts', () => {
    expect(continuityFault(at(1, NOW), undefined, NOW, MAINNET_GENESIS)).toBeUndefined()
    expect(continuityFault(at(1, NOW - 301), undefined, NOW, MAINNET_GENESIS)).toBe('stale_block_time')
  })
})

describe('isSuddenLoss', () => {
  const previous = metagraphOf(['a', 'b', 'c', 'd'], NOW)
  const state = (...hotkeys: string[]) => ({ ...metagraphOf(hotkeys, NOW), accounts: [] })

  test.each([
    ['none gone', state('a', 'b', 'c', 'd'), false],
    ['one of four gone', state('a', 'b', 'c'), false],
    ['one of four replaced', state('a', 'x', 'c', 'd'), false],
    ['two of four gone', state('a', 'b'), true],
    ['two of four replaced', state('a', 'x', 'y', 'd'), true],
    ['all moved to other uids', state('d', 'c', 'b', 'a'), false],
    ['many newcomers', state('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'), false],
  ])('%s', (_, next, loss) => {
    expect(isSuddenLoss(next, previous)).toBe(loss)
  })

  test('nothing to lose', () => {
    expect(isSuddenLoss(state('a'), undefined)).toBe(false)
  })
})

test.each([
  [['a', 'b'], true],
  [['b', 'a'], false],
  [['a'], false],
  [['a', 'b', 'c'], false],
])('sameMembers(a b, %s) is %s', (hotkeys, same) => {
  expect(sameMembers({ hotkeys: ['a', 'b'] }, { hotkeys })).toBe(same)
})
