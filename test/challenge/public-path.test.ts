/** Every path of the shared table, then paths across challenges, random ones and the rest. */

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isPublicPath, readPassThrough } from '../../src/challenge/public-path.ts'
import { encodedPath } from '../../src/protocol/path.ts'
import { PROBING_PATHS } from '../support/probing-paths.ts'
import { seeded } from '../support/seed.ts'

/** What is sent for a request path, or the status of the refusal. */
function read(path: string): string | number {
  const target = readPassThrough(`https://gateway.example.com${path}`)
  if (target.ok) return encodedPath(target.value.path)
  return target.rejection.code === 'not_found' ? 404 : 403
}

test('no row is missing', () => {
  expect(new Set(PROBING_PATHS.map(([row]) => row)).size).toBe(60)
})

describe.each(PROBING_PATHS)('row %i', (_, paths, outcome) => {
  test.each(paths)('%s', (path) => {
    expect(read(`/challenges/demo${path}`)).toBe(outcome === true ? path : outcome)
  })
})

describe('across challenges', () => {
  const ACROSS: [path: string, outcome: string | number][] = [
    ['/challenges/nope/internal/x', 403],
    ['/challenges/..%2Finternal/x', 403],
    ['/challenges/%2e%2e/internal/x', 403],
    ['/challenges/../internal/x', 403],
    ['/challenges/./demo/x', '/demo/x'], // of a challenge named `.`: the look-up answers 404
    ['/challenges/demo%2Fhealth', 403],
    ['/challenges/demo%2Fx', 403],
    ['/challenges/demo%5Cx', 403],
    ['/challenges%2Fdemo/x', 403],
    ['/%63hallenges/demo/%78', '/x'],
    ['/challenges', 404],
    ['/challenges/', 404],
    ['/challenges//x', 404],
    ['/challenges/%2Fx', 404],
    ['/Challenges/demo/x', 404],
    ['//challenges/demo/x', 404],
    ['/challenges.demo', 404],
    ['/', 404],
  ]
  test.each(ACROSS)('%s', (path, outcome) => {
    expect(read(path)).toBe(outcome)
  })

  test('the challenge is named by the decoded segment', () => {
    expect(readPassThrough('http://h/challenges/Agent%20Challenge/a%20b/?x=1')).toEqual({
      ok: true,
      value: { challengeText: 'Agent Challenge', path: '/a b/' },
    })
  })
})

describe('adversarial encodings', () => {
  const REFUSED = [
    ['half an escape beside a whole one', '/%%32e%%32e/internal'],
    ['three layers of dots', '/%25252e%25252e/internal'],
    ['three layers of anything', '/a%25252541'],
    ['a letter encoded twice', '/%2569nternal/x'],
    ['a separator encoded twice', '/a%252Fb'],
    ['a foreign separator encoded twice', '/a%255Cb'],
    ['a parameter encoded twice', '/internal%253Bx'],
    ['a newline encoded twice', '/health%250a'],
    ['bad UTF-8 encoded twice', '/a%25ff'],
    ['overlong dots', '/%c0%ae%c0%ae/internal'],
    ['overlong slash in three bytes', '/internal%e0%80%afx'],
    ['a surrogate', '/%ed%a0%80'],
    ['the replacement character itself', '/%EF%BF%BD'],
    ['a C1 control', '/a%C2%85b'],
    ['a tab', '/a%09'],
    ['delete', '/a%7f'],
    ['an encoded query on a private path', '/health%3Fx'],
    ['an encoded query after dots', '/a/..%3Fb'],
    ['an encoded fragment on a private path', '/internal%23'],
    ['a query encoded twice', '/version%253F'],
    ['a raw fragment', '/health#x'],
    ['dots with a raw query', '/a/..?x=1'],
    ['a lone dot at the end', '/a/.'],
    ['an encoded parameter', '/internal%3bx'],
    ['long s for s', '/ver%C5%BFion'],
    ['Kelvin sign for k', '/benchmar%E2%84%AA/run'],
    ['mixed case', '/iNtErNaL/x'],
    ['a private last segment in another case', '/benchmark/x/ExEcUtE'],
    ['a line separator before a private last segment', '/benchmarks/%E2%80%A8/run'],
    ['two slashes at the end', '/a//'],
    ['nothing but slashes', '//'],
  ] as const
  test.each(REFUSED)('%s: %s', (_, path) => {
    expect(read(`/challenges/demo${path}`)).toBe(403)
  })

  const SENT: [path: string, sent: string][] = [
    ['/100%25', '/100%25'],
    ['/a%2541', '/a%2541'],
    ['/%E2%80%A8', '/%E2%80%A8'],
    ['/%ef%bb%bfa', '/%EF%BB%BFa'],
    ['/a%20b', '/a%20b'],
    ['/a+b', '/a%2Bb'],
    ['/...', '/...'],
    ['/.well-known/x', '/.well-known/x'],
    ['/%41%2d%7e', '/A-~'],
    ['/healthy/internal', '/healthy/internal'],
    ['/internally', '/internally'],
    ['/a%2525', '/a%2525'],
  ]
  test.each(SENT)('%s is sent as %s', (path, sent) => {
    expect(read(`/challenges/demo${path}`)).toBe(sent)
  })
})

describe('for any path', () => {
  const piece = fc.constantFrom(
    ...[
      '/',
      '//',
      '.',
      '..',
      '%2e',
      '%252e',
      '%2f',
      '%5c',
      '\\',
      ';',
      '%',
      '%25',
      '%0a',
      '%ff',
      '?',
      '#',
      'a',
    ],
    ...['internal', 'INTERNAL', 'health', 'version', 'benchmarks', 'run', '%69nternal', '%2569nternal', 'é'],
  )
  const paths = fc.array(piece, { maxLength: 12 }).map((pieces) => `/${pieces.join('')}`)

  test('what is sent is public and reads back as itself', () => {
    fc.assert(
      fc.property(paths, (path) => {
        const sent = read(`/challenges/demo${path}`)
        if (typeof sent === 'number') return
        expect(read(`/challenges/demo${sent}`)).toBe(sent)
        expect(sent).toMatch(/^\/[A-Za-z0-9._~%/-]*$/)
      }),
      { ...seeded, numRuns: 20_000 },
    )
  })

  test('no parser behind us finds a private path in what is sent', () => {
    const PRIVATE = /^\/+(internal|health|version)(\/|$)/i
    fc.assert(
      fc.property(paths, (path) => {
        const sent = read(`/challenges/demo${path}`)
        if (typeof sent === 'number') return
        const { pathname } = new URL(`http://origin${sent}`)
        expect(pathname).toBe(sent)
        const once = decodeURIComponent(sent)
        if (/^\/(health|version)\/./i.test(once)) return // rows 8 and 9: only the bare names are private
        expect(once).not.toMatch(PRIVATE)
        expect(new URL(`http://origin${once}`).pathname).not.toMatch(PRIVATE)
      }),
      { ...seeded, numRuns: 20_000 },
    )
  })
})

test('isPublicPath takes decoded paths, as a remap makes them', () => {
  expect(isPublicPath('/v1/leaderboard')).toBe(true)
  expect(isPublicPath('/internal/x')).toBe(false)
  expect(isPublicPath('/a/../b')).toBe(false)
})
