import { describe, expect, test } from 'vitest'
import { asksForServiceWorker, forwardedHeaders } from '../../src/origin/headers.ts'

const SIGNED = { keepsSignature: true, keepsAuthorization: false }

describe('towards the challenge', () => {
  const DROPPED = [
    'authorization',
    'proxy-authorization',
    'connection',
    'keep-alive',
    'te',
    'transfer-encoding',
    'upgrade',
    'x-admin-token',
    'X-Hotkey',
    'x_hotkey',
    'x-signature',
    'x-nonce',
    'x-timestamp',
    'X-Platform-Verified-Uid',
    'x-platform-proxy',
    'x_platform_verified_hotkey',
    'x-platform_challenge-slug',
    'x-base-verified-hotkey',
    'cf-access-client-secret',
    'x-request-id',
    'expect',
    'proxy-connection',
    'trailer',
    'Authorization',
    'x-platform-internal-token',
    'x_base_proxy',
    'cf-access-jwt-assertion',
    'cf-access-authenticated-user-email',
    'X-Original-URL',
    'X-Original-URI',
    'X-Rewrite-URL',
    'X-HTTP-Method',
    'X-HTTP-Method-Override',
    'X-Method-Override',
    'X-Forwarded-Prefix',
    'X-Forwarded-Uri',
  ]
  test.each(DROPPED)('%s from a client is dropped', (name) => {
    expect([...forwardedHeaders(new Headers({ [name]: 'x' }))]).toEqual([])
  })

  const SPELLED = [
    'x-hotkey',
    'x-platform-verified-uid',
    'x-original-url',
    'cf-access-client-id',
    'content-length',
  ]
  const SYMBOLS = ['_', '.', '~', '__', '._', '--', '!', '#', '$', '%', '&', "'", '*', '+', '^', '`', '|']
  test.each(SYMBOLS)('%s for a hyphen is no way in', (symbol) => {
    for (const name of SPELLED) {
      for (const spelling of [name.replaceAll('-', symbol), name.replace('-', symbol)])
        expect([...forwardedHeaders(new Headers({ [spelling]: 'x' }))]).toEqual([])
    }
  })

  test('what Connection names is dropped, whatever it is', () => {
    const headers = forwardedHeaders(
      new Headers({ connection: 'X-Private, close', 'x-private': '1', cookie: 'a=1' }),
    )
    expect([...headers]).toEqual([['cookie', 'a=1']])
  })

  test('on a signed route the four signature headers pass, in one spelling, and nothing else', () => {
    const signature = { 'x-hotkey': '5Grw', 'x-signature': '0xab', 'x-nonce': 'n', 'x-timestamp': '1' }
    const others = { x_hotkey: 'spoof', 'x-platform-verified-hotkey': 'spoof', authorization: 'Bearer spoof' }
    const headers = forwardedHeaders(new Headers({ ...signature, ...others }), SIGNED)
    expect(Object.fromEntries(headers)).toEqual(signature)
    const named = forwardedHeaders(new Headers({ connection: 'x-nonce', ...signature }), SIGNED)
    expect(named.has('x-nonce')).toBe(false)
  })

  test('the Authorization of a client passes where the challenge verifies it, and by itself', () => {
    const sent = {
      authorization: 'Bearer own',
      'proxy-authorization': 'spoof',
      'x-hotkey': '5Grw',
      'x-admin-token': 'x',
    }
    const kept = { keepsSignature: false, keepsAuthorization: true }
    expect([...forwardedHeaders(new Headers(sent), kept)]).toEqual([['authorization', 'Bearer own']])
    const named = new Headers({ ...sent, connection: 'authorization' })
    expect([...forwardedHeaders(named, kept)]).toEqual([])
  })

  test('the rest passes', () => {
    const sent = {
      accept: '*/*',
      cookie: 'a=1',
      range: 'bytes=0-1',
      'x-platformer': 'yes',
      'x-original-name': 'yes',
      'x-forwarded-for': '192.0.2.1',
      'x.custom': 'yes',
      'last-event-id': '7',
    }
    expect(Object.fromEntries(forwardedHeaders(new Headers(sent)))).toEqual(sent)
  })
})

test.each([
  ['script', true],
  ['Script', true],
  [' SCRIPT', true],
  ['', false],
])('Service-Worker: %s asks for one: %s', (value, asks) => {
  expect(asksForServiceWorker(new Headers({ 'service-worker': value }))).toBe(asks)
})
