import { hexToBytes } from '@noble/hashes/utils.js'
import { describe, expect, test } from 'vitest'
import { decodeSs58, encodeSs58 } from '../../src/crypto/ss58.ts'
import VECTORS from '../vectors/ss58.json' with { type: 'json' }
import { createRandom, freshSeed } from './random.ts'

interface Address {
  readonly address: string
  readonly public_key: string
  readonly prefix: number
}

const keyOf = ({ public_key }: Address): Uint8Array => hexToBytes(public_key.slice(2))

const ALICE = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY'
const ALICE_KEY = hexToBytes('d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d')

describe('the address sets of polkadot-js', () => {
  // Two of the set are keys of 33 bytes (ECDSA), which are no hotkeys.
  const ours = VECTORS.encode.filter((row) => keyOf(row).length === 32)
  const others = VECTORS.encode.filter((row) => keyOf(row).length !== 32)

  test.each([...ours, ...VECTORS.valid])('$prefix $address', (row) => {
    expect(decodeSs58(row.address)).toEqual({ prefix: row.prefix, publicKey: keyOf(row) })
    expect(encodeSs58(keyOf(row), row.prefix)).toBe(row.address)
  })

  test.each([...others.map(({ address }) => address), ...VECTORS.not_account32])(
    'not 32 bytes: %s',
    (text) => {
      expect(decodeSs58(text)).toBeUndefined()
    },
  )

  test.each(VECTORS.bad)('$why: $address', ({ address }) => {
    expect(decodeSs58(address)).toBeUndefined()
  })
})

describe('decodeSs58', () => {
  test('an address that comes again has the same key, whatever was done to the first answer', () => {
    decodeSs58(ALICE)?.publicKey.fill(0)
    expect(decodeSs58(ALICE)).toEqual({ prefix: 42, publicKey: ALICE_KEY })
    const random = createRandom('many addresses')
    for (let count = 0; count < 1100; count++) {
      const key = random.bytes(32)
      expect(decodeSs58(encodeSs58(key))?.publicKey).toEqual(key)
    }
    expect(decodeSs58(ALICE)).toEqual({ prefix: 42, publicKey: ALICE_KEY })
  })

  test('reads Alice', () => {
    expect(decodeSs58(ALICE)).toEqual({ prefix: 42, publicKey: ALICE_KEY })
    expect(encodeSs58(ALICE_KEY)).toBe(ALICE)
  })

  const REFUSED: [name: string, text: unknown][] = [
    ['empty', ''],
    ['last character changed', `${ALICE.slice(0, -1)}Z`],
    ['one character short', ALICE.slice(0, -1)],
    ['one character more', `${ALICE}1`],
    ['a leading one', `1${ALICE}`],
    ['a space after', `${ALICE} `],
    ['a newline after', `${ALICE}\n`],
    ['hex', `0x${'d4'.repeat(32)}`],
    ['zero is not in base58', `${ALICE.slice(0, 10)}0${ALICE.slice(11)}`],
    ['not ASCII', `${ALICE.slice(0, 10)}\u{1F600}${ALICE.slice(12)}`],
    ['a megabyte', '5'.repeat(1 << 20)],
    ['undefined', undefined],
    ['null', null],
    ['a number', 5],
    ['an array of the text', [ALICE]],
    ['an object that reads as the text', { toString: () => ALICE, length: 48 }],
  ]
  test.each(REFUSED)('%s', (_, text) => {
    expect(Reflect.apply(decodeSs58, undefined, [text])).toBeUndefined()
  })
})

describe('prefixes', () => {
  test('every allowed prefix there and back', () => {
    for (let prefix = 0; prefix <= 16_383; prefix += prefix < 300 ? 1 : 61) {
      if (prefix === 46 || prefix === 47) continue
      expect(decodeSs58(encodeSs58(ALICE_KEY, prefix))).toEqual({ prefix, publicKey: ALICE_KEY })
    }
    expect(decodeSs58(encodeSs58(ALICE_KEY, 16_383))?.prefix).toBe(16_383)
  })

  test.each([46, 47, -1, 1.5, 16_384, Number.NaN])('%d cannot be encoded', (prefix) => {
    expect(() => encodeSs58(ALICE_KEY, prefix)).toThrow(RangeError)
  })

  test.each([0, 31, 33])('a key of %d bytes cannot be encoded', (length) => {
    expect(() => encodeSs58(new Uint8Array(length))).toThrow(RangeError)
  })

  test('keys of extreme bytes fit the length bounds', () => {
    for (const byte of [0x00, 0xff]) {
      for (const prefix of [0, 42, 63, 64, 16_383]) {
        const publicKey = new Uint8Array(32).fill(byte)
        expect(decodeSs58(encodeSs58(publicKey, prefix))).toEqual({ prefix, publicKey })
      }
    }
  })

  const seed = freshSeed()
  test(`random keys there and back, and no changed character passes (seed ${seed})`, () => {
    const random = createRandom(seed)
    for (let round = 0; round < 300; round++) {
      const publicKey = random.bytes(32)
      const text = encodeSs58(publicKey)
      expect(text).toMatch(/^5.{47}$/)
      expect(decodeSs58(text)).toEqual({ prefix: 42, publicKey })
    }
  })
})
