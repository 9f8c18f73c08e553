import { describe, expect, test } from 'vitest'
import { encodeSs58 } from '../../src/crypto/ss58.ts'
import { ageSeconds, indexHotkeys, MAX_UIDS, uidOf, ZERO_HOTKEY } from '../../src/protocol/metagraph.ts'
import { metagraphOf } from '../support/metagraph.ts'

const ALICE = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY'
const BOB = '5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty'

function hotkeys(count: number): string[] {
  return Array.from({ length: count }, (_, index) => {
    const key = new Uint8Array(32).fill(1)
    new DataView(key.buffer).setUint16(0, index)
    return encodeSs58(key)
  })
}

test('age is judged by the chain and never negative', () => {
  const metagraph = metagraphOf([ALICE], 1000)
  expect(ageSeconds(metagraph, 1030)).toBe(30)
  expect(ageSeconds(metagraph, 990)).toBe(0)
})

test('a hotkey is known by its text', () => {
  const metagraph = metagraphOf([BOB, ALICE], 1000)
  expect(uidOf(metagraph, ALICE)).toBe(1)
  const otherSpelling = '15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5'
  expect(uidOf(metagraph, otherSpelling)).toBeUndefined()
})

test('the zero hotkey is the spelling of 32 zero bytes', () => {
  expect(encodeSs58(new Uint8Array(32))).toBe(ZERO_HOTKEY)
})

describe('indexHotkeys', () => {
  test('counts from uid 0', () => {
    expect(indexHotkeys([BOB, ALICE])).toEqual(
      new Map([
        [BOB, 0],
        [ALICE, 1],
      ]),
    )
  })

  test('takes the outermost keys', () => {
    const lowest = encodeSs58(Uint8Array.of(...new Array(31).fill(0), 1))
    const highest = encodeSs58(new Uint8Array(32).fill(255))
    expect(indexHotkeys([lowest, highest])?.size).toBe(2)
  })

  test('takes 4,096 and no more', () => {
    const most = hotkeys(MAX_UIDS)
    expect(indexHotkeys(most)?.size).toBe(MAX_UIDS)
    expect(indexHotkeys([...most, ALICE])).toBeUndefined()
  })

  const REFUSED: [name: string, hotkeys: unknown[]][] = [
    ['an empty list', []],
    ['a twin', [ALICE, BOB, ALICE]],
    ['the zero account', [ALICE, ZERO_HOTKEY]],
    ['something else than text', [ALICE, 7]],
    ['a hole', [ALICE, null]],
    ['another prefix', ['15oF4uVJwmo4TdGW7VfQxNLavjCXviqxT9S1MgbjMNHr6Sp5']],
    ['a character that base58 lacks', [`${ALICE.slice(0, -1)}0`]],
    ['a shortened hotkey', [ALICE.slice(0, -1)]],
    ['a hotkey with a line break', [`${ALICE}\n`]],
  ]
  test.each(REFUSED)('refuses %s', (_, list) => {
    expect(indexHotkeys(list)).toBeUndefined()
  })
})
