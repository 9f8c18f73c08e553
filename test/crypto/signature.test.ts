import { bytesToHex, concatBytes, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { describe, expect, test } from 'vitest'
import { createSigner } from '../../src/crypto/sign.ts'
import { createVerifier, parseSignature, verifySignature } from '../../src/crypto/signature.ts'
import { casesOf } from './cases.ts'
import { compare, createEagerVerifier } from './differential.ts'
import { wrap } from './oracles.ts'
import { createRandom, freshSeed } from './random.ts'

const SEED = new Uint8Array(32).fill(7)
const RANDOM = new Uint8Array(32).fill(9)
const MESSAGE = utf8ToBytes('a message of the gateway')

describe('parseSignature', () => {
  const hex = bytesToHex(Uint8Array.from({ length: 64 }, (_, index) => index * 4))
  const bytes = hexToBytes(hex)

  test.each([
    ['bare', hex],
    ['with 0x', `0x${hex}`],
    ['upper case', hex.toUpperCase()],
    ['upper case with 0x', `0x${hex.toUpperCase()}`],
    ['mixed case', hex.replace('c', 'C')],
  ])('%s', (_, text) => {
    expect(parseSignature(text)).toEqual(bytes)
  })

  const REFUSED: [name: string, text: unknown][] = [
    ['empty', ''],
    ['only 0x', '0x'],
    ['upper-case 0X', `0X${hex}`],
    ['one digit short', hex.slice(1)],
    ['two digits short', hex.slice(2)],
    ['one digit more', `${hex}0`],
    ['0x twice', `0x0x${hex}`],
    ['65 bytes, as a MultiSignature', `0x01${hex}`],
    ['a newline after', `${hex}\n`],
    ['a space before', ` ${hex}`],
    ['not hex', `${hex.slice(1)}g`],
    ['full-width digits', `${hex.slice(1)}\uFF10`],
    ['undefined', undefined],
    ['bytes', bytes],
    ['an array of the text', [hex]],
  ]
  test.each(REFUSED)('refused: %s', (_, text) => {
    expect(Reflect.apply(parseSignature, undefined, [text])).toBeUndefined()
  })
})

describe.each(['sr25519', 'ed25519'] as const)('%s', (scheme) => {
  const signer = createSigner(SEED, scheme)
  const signature = signer.sign(MESSAGE, RANDOM)

  test('accepts what was signed, plain or wrapped', () => {
    expect(verifySignature(signer.publicKey, MESSAGE, signature)).toBe(true)
    expect(verifySignature(signer.publicKey, MESSAGE, signer.sign(wrap(MESSAGE), RANDOM))).toBe(true)
    expect(verifySignature(signer.publicKey, new Uint8Array(), signer.sign(new Uint8Array(), RANDOM))).toBe(
      true,
    )
  })

  test('the retry wraps, it never unwraps, and wraps once', () => {
    expect(verifySignature(signer.publicKey, wrap(MESSAGE), signature)).toBe(false)
    expect(verifySignature(signer.publicKey, MESSAGE, signer.sign(wrap(wrap(MESSAGE)), RANDOM))).toBe(false)
  })

  test('the other scheme is never tried', () => {
    const other = createSigner(SEED, scheme === 'sr25519' ? 'ed25519' : 'sr25519')
    expect(verifySignature(other.publicKey, MESSAGE, signature)).toBe(false)
    const inverted = signature.slice()
    inverted[63] = (inverted[63] ?? 0) ^ 0x80
    expect(verifySignature(signer.publicKey, MESSAGE, inverted)).toBe(false)
  })

  test('inputs are not changed and not kept', () => {
    const verify = createEagerVerifier()
    const [key, bytes] = [signer.publicKey.slice(), signature.slice()]
    expect(verify(key, MESSAGE, bytes, { registered: true })).toBe(true)
    expect(bytes).toEqual(signature)
    key.fill(0)
    expect(verify(signer.publicKey, MESSAGE, signature, { registered: true })).toBe(true)
    expect(verify(key, MESSAGE, signature, { registered: true })).toBe(false)
  })

  test('bytes at an offset of a larger buffer, and Node Buffers', () => {
    const buffer = concatBytes(new Uint8Array(3), signer.publicKey, signature, MESSAGE)
    const view = (start: number, length: number): Uint8Array => buffer.subarray(3 + start, 3 + start + length)
    expect(verifySignature(view(0, 32), view(96, MESSAGE.length), view(32, 64))).toBe(true)
    expect(verifySignature(Buffer.from(signer.publicKey), Buffer.from(MESSAGE), Buffer.from(signature))).toBe(
      true,
    )
  })

  const throwing = new Proxy(signature, {
    get() {
      throw new Error('hostile')
    },
  })
  class Lying extends Uint8Array {
    override get length(): number {
      throw new Error('hostile')
    }
  }
  const HOSTILE: [name: string, value: unknown][] = [
    ['undefined', undefined],
    ['null', null],
    ['a number', 64],
    ['a bigint', 64n],
    ['a string', bytesToHex(signature)],
    ['a symbol', Symbol('signature')],
    ['a function', () => signature],
    ['an array of the right bytes', [...signature]],
    ['an object with length', { length: 64 }],
    ['an ArrayBuffer', signature.slice().buffer],
    ['a DataView', new DataView(signature.slice().buffer)],
    ['wider elements', new Uint16Array(64)],
    ['floats', new Float64Array(64)],
    ['clamped bytes', new Uint8ClampedArray(64)],
    ['no bytes', new Uint8Array()],
    ['31 bytes', new Uint8Array(31)],
    ['33 bytes', new Uint8Array(33)],
    ['63 bytes', new Uint8Array(63)],
    ['65 bytes', new Uint8Array(65)],
    ['a megabyte', new Uint8Array(1 << 20)],
    ['a proxy that throws', throwing],
    ['a subclass that throws', new Lying(64)],
  ]
  test.each(HOSTILE)('hostile input is answered false: %s', (_, value) => {
    const verify = createEagerVerifier()
    for (const registered of [undefined, true, false, 'true', 1]) {
      expect(Reflect.apply(verify, undefined, [value, MESSAGE, signature, registered])).toBe(false)
      expect(Reflect.apply(verify, undefined, [signer.publicKey, MESSAGE, value, registered])).toBe(false)
      expect(Reflect.apply(verify, undefined, [signer.publicKey, value, signature, registered])).toBe(false)
    }
    expect(Reflect.apply(verifySignature, undefined, [value, value, value])).toBe(false)
  })
})

test('limits of zero remember nothing and answer the same', () => {
  const verify = createVerifier({ maxKeys: 0, maxBytes: 0, combAfter: 1 })
  const signer = createSigner(SEED, 'sr25519')
  const signature = signer.sign(MESSAGE, RANDOM)
  for (let times = 0; times < 3; times++)
    expect(verify(signer.publicKey, MESSAGE, signature, { registered: true })).toBe(true)
})

describe('random and mutated signatures', () => {
  const seed = freshSeed()
  // 100,000 and more of them: npm run test:deep.
  test(`ours, cached and uncached, @scure/sr25519, schnorrkel and noble agree (SEED=${seed})`, () => {
    const hot = createEagerVerifier()
    let cases = 0
    for (const one of casesOf(createRandom(seed), 8)) {
      const { answer, disagreements } = compare(hot, one)
      expect({ ...one, answer, disagreements }).toEqual({ ...one, answer, disagreements: [] })
      cases++
    }
    expect(cases).toBeGreaterThan(700)
  }, 60_000)
})
