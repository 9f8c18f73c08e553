import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { NONCE_MAX_LENGTH } from '../../src/protocol/headers.ts'
import { parseSignedHeaders, parseTimestamp } from '../../src/protocol/platform-dialect.ts'
import { seeded } from '../support/seed.ts'

const GOOD = { 'x-hotkey': 'hk', 'x-signature': 'ab', 'x-nonce': 'n', 'x-timestamp': '1' }

function parse(changes: Record<string, string | undefined>) {
  const headers = new Headers()
  for (const [name, value] of Object.entries({ ...GOOD, ...changes })) {
    if (value !== undefined) headers.set(name, value)
  }
  const parsed = parseSignedHeaders(headers)
  return parsed.ok ? parsed.value : { code: parsed.rejection.code, facts: parsed.rejection.facts }
}

describe('presence', () => {
  const names = ['x-hotkey', 'x-signature', 'x-nonce', 'x-timestamp']
  test.each(names)('%s absent, empty or blank', (header) => {
    for (const value of [undefined, '', ' \t ']) {
      expect(parse({ [header]: value })).toEqual({ code: 'missing_header', facts: { header } })
    }
  })

  test('the first missing one in order is named, before any malformed one', () => {
    const changes = { 'x-hotkey': 'é', 'x-nonce': undefined, 'x-timestamp': undefined }
    expect(parse(changes)).toMatchObject({ facts: { header: 'x-nonce' } })
  })
})

describe('characters', () => {
  const long = 'n'.repeat(NONCE_MAX_LENGTH)
  const MALFORMED: [name: string, changes: Record<string, string>, header: string][] = [
    ['nonce one too long', { 'x-nonce': `${long}n` }, 'x-nonce'],
    ['non-ASCII nonce', { 'x-nonce': 'né' }, 'x-nonce'],
    ['tab inside a nonce', { 'x-nonce': 'a\tb' }, 'x-nonce'],
    ['NBSP glued to a timestamp', { 'x-timestamp': '1\u00a0' }, 'x-timestamp'],
    ['non-ASCII hotkey', { 'x-hotkey': 'é' }, 'x-hotkey'],
    ['non-ASCII content type', { 'content-type': 'é' }, 'content-type'],
  ]
  test.each(MALFORMED)('%s', (_, changes, header) => {
    expect(parse(changes)).toMatchObject({ code: 'malformed_header', facts: { header } })
  })

  test('the longest nonce, and one with blanks and colons', () => {
    expect(parse({ 'x-nonce': long })).toMatchObject({ nonce: long })
    expect(parse({ 'x-nonce': 'a :b, c~' })).toMatchObject({ nonce: 'a :b, c~' })
  })

  test('every printable ASCII nonce of legal length is taken as sent', () => {
    const nonce = fc
      .stringMatching(/^[\x21-\x7e]([\x20-\x7e]{0,254}[\x21-\x7e])?$/)
      .filter((text) => text.length <= NONCE_MAX_LENGTH)
    fc.assert(
      fc.property(nonce, (text) => {
        expect(parse({ 'x-nonce': text })).toMatchObject({ nonce: text })
      }),
      seeded,
    )
  })
})

describe('optional headers', () => {
  test.each(['agent.zip', 'a b.zip', 'x'.repeat(255), '...'])('file name %j is kept', (filename) => {
    expect(parse({ 'x-submission-filename': filename })).toMatchObject({ filename })
  })
  test.each(['../x', 'a/b', 'a\\b', '.', '..', 'é.zip', 'x'.repeat(256)])(
    'file name %j is dropped',
    (filename) => {
      expect(parse({ 'x-submission-filename': filename })).toMatchObject({ filename: undefined })
    },
  )
  test('content type absent, empty, given', () => {
    expect(parse({})).toMatchObject({ contentType: undefined })
    expect(parse({ 'content-type': '' })).toMatchObject({ contentType: '' })
    expect(parse({ 'content-type': 'application/zip' })).toMatchObject({ contentType: 'application/zip' })
  })
})

describe('timestamp is what Python reads as an int', () => {
  const ACCEPTED: [text: string, value: bigint][] = [
    ['1000000', 1_000_000n],
    ['0000000000001000000', 1_000_000n],
    ['+1000000', 1_000_000n],
    ['1_000_000', 1_000_000n],
    ['-1000000', -1_000_000n],
    ['-0', 0n],
    ['9'.repeat(32), BigInt('9'.repeat(32))],
  ]
  test.each(ACCEPTED)('%.20s', (text, value) => {
    expect(parseTimestamp(text)).toEqual({ ok: true, value })
  })

  const REFUSED =
    '1__000 _1 1_ 1000000.0 1e6 0xF4240 0b1 0o17 abc NaN Infinity true 1,000,000 1000000ms + - --1 ++1'
  test.each([
    ...REFUSED.split(' '),
    '1 000',
    '1000000, 1000000',
    '- 1',
    '',
    '0'.repeat(33),
    `+${'1'.repeat(32)}`,
  ])('%s is refused', (text) => {
    expect(parseTimestamp(text)).toMatchObject({ ok: false, rejection: { code: 'invalid_timestamp' } })
  })

  test('any whole number in decimal', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: -(10n ** 31n) + 1n, max: 10n ** 32n - 1n }), (value) => {
        expect(parseTimestamp(String(value))).toEqual({ ok: true, value })
      }),
      seeded,
    )
  })
})
