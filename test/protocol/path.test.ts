import { expect, test } from 'vitest'
import { decodedPath, encodedPath, isForwardableSegment, rawQuery } from '../../src/protocol/path.ts'

const DECODED: [url: string, path: string][] = [
  ['http://h/health', '/health'],
  ['http://h/%68ealth', '/health'],
  ['http://h/a/../b', '/a/../b'],
  ['http://h/%2e%2e/x', '/../x'],
  ['http://h//x', '//x'],
  ['http://h/demo%2Fx', '/demo/x'],
  ['http://h/%252e', '/%2e'],
  ['http://h/a%zz%', '/a%zz%'],
  ['http://h/caf%C3%A9', '/café'],
  ['http://h/%ff', '/\ufffd'],
  ['http://h/Agent%20Challenge?x=%2F', '/Agent Challenge'],
  ['http://h/a%3Fb?c', '/a?b'],
  ['http://h/a?b/../c', '/a'],
  ['http://h/a#b?c', '/a'],
  ["http://h/!'()*~-._", "/!'()*~-._"],
  ['http://h/', '/'],
]

test.each(DECODED)('%s reads as %s', (url, path) => {
  expect(decodedPath(url)).toBe(path)
})

test('the query is kept as sent', () => {
  expect(rawQuery('http://h/a?x=%2F&y=+&z[]=?')).toBe('?x=%2F&y=+&z[]=?')
  expect(rawQuery('http://h/a%3Fb')).toBe('')
  expect(rawQuery('http://h/a?')).toBe('?')
  expect(rawQuery('http://h/a?b=1#c?d')).toBe('?b=1')
  expect(rawQuery('http://h/a#b?c')).toBe('')
})

test('a decoded path has one encoded form that decodes to itself', () => {
  for (const [, path] of DECODED) expect(decodedPath(`http://h${encodedPath(path)}`)).toBe(path)
})

test('only unreserved characters and slashes stay as they are', () => {
  const ascii = Array.from({ length: 95 }, (_, at) => String.fromCharCode(32 + at)).join('')
  const encoded = encodedPath(ascii)
  expect(encoded.replace(/%[0-9A-F]{2}/g, '')).toBe(
    '-./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ_abcdefghijklmnopqrstuvwxyz~',
  )
  expect(encodedPath('/é')).toBe('/%C3%A9')
})

test.each(['', '.', '..', 'a/b', 'a\\b', 'a;b', 'a\nb', 'a\u007f', 'a\u0085b', 'a\ufffdb'])(
  'segment %j is not forwarded',
  (segment) => {
    expect(isForwardableSegment(segment)).toBe(false)
  },
)

test.each(['1', '...', 'a.b', 'é', 'a b', 'a%b'])('segment %j is forwarded', (segment) => {
  expect(isForwardableSegment(segment)).toBe(true)
})
