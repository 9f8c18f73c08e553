/**
 * Whose answer is it: what captive portals, proxies, Cloudflare and wrong addresses send, and what
 * is said of it.
 */

import { expect, test } from 'vitest'
import { foreignAnswer } from '../../miner/foreign.ts'

const URL_ASKED = 'https://gateway.example.com/v1/challenges/demo/submissions'
const HTML = { 'content-type': 'text/html; charset=UTF-8' }
const EDGE = { server: 'cloudflare', 'cf-ray': '8f1e2d3c4b5a6978-FRA' }
const ID = { 'x-request-id': 'b7c1' }

type Sent = readonly [status: number, headers: Readonly<Record<string, string>>, text: string]

function judge([status, headers, text]: Sent) {
  return foreignAnswer({ response: new Response(text || null, { status, headers }), text, url: URL_ASKED })
}

const PORTAL = '<!DOCTYPE html><html><head><title>Hotel\n Wi-Fi sign-in</title></head></html>'
const TOO_LARGE =
  '<html>\r\n<head><title>413 Request Entity Too Large</title></head><hr><center>cloudflare</center>'

const FOREIGN: [name: string, sent: Sent, what: RegExp, hint: RegExp][] = [
  [
    'a portal, 200',
    [200, HTML, PORTAL],
    /^a page \("Hotel Wi-Fi sign-in"\) answered 200 at https:/,
    /sign-in/,
  ],
  [
    'a portal that says it is JSON',
    [200, { 'content-type': 'application/json' }, PORTAL],
    /^a page/,
    /browser/,
  ],
  [
    'JSON of another server',
    [200, {}, '{"id":"1"}'],
    /^a server that is not the gateway answered 200/,
    /--gateway/,
  ],
  ['nothing at all', [204, {}, ''], /^a server that is not the gateway/, /--gateway/],
  [
    'a 404 of nginx',
    [404, HTML, '<html><title>404 Not Found</title>'],
    /^a page \("404 Not Found"\)/,
    /--gateway/,
  ],
  ['an empty request id', [201, { 'x-request-id': '' }, '{}'], /^a server/, /--gateway/],
  [
    'a page by a proxy with an id of its own',
    [200, { ...HTML, ...ID }, '<html>'],
    /^a page answered 200/,
    /proxy/,
  ],
  [
    'to TLS',
    [301, { location: URL_ASKED.replace('gateway', 'www') }, ''],
    /^a redirect to https:\/\/www\.example\.com\/v1\/\S+ answered 301, and no redirect is followed$/,
    /^Give https:\/\/www\.example\.com as --gateway/,
  ],
  [
    'to a sign-in',
    [302, { ...ID, location: 'https://login.example.net/?a' }, ''],
    /login\.example\.net/,
    /sign-in/,
  ],
  ['to nowhere', [307, { location: 'http://[' }, ''], /^a redirect to http:\/\/\[ /, /--gateway/],
  [
    '1010',
    [403, { ...EDGE, 'content-type': 'text/plain' }, 'error code: 1010'],
    /^Cloudflare refused it before the gateway saw it \(403, error 1010, ray 8f1e2d3c4b5a6978-FRA\)$/,
    /^1010 means .*Browser Integrity Check.* operator .* has to allow it; quote the ray id\.$/,
  ],
  [
    '1010, without its headers',
    [403, {}, 'error code: 1010'],
    /1010, ray unknown/,
    /Browser Integrity Check/,
  ],
  [
    '1010, through a proxy that adds an id',
    [403, { ...EDGE, ...ID }, 'error code: 1010'],
    /^Cloudflare refused it \(403, error 1010/,
    /operator/,
  ],
  [
    '1015',
    [429, { ...EDGE, 'retry-after': '60' }, 'error code: 1015'],
    /429, error 1015/,
    /^1015 means .* limits how often/,
  ],
  [
    '1015 in JSON',
    [429, EDGE, '{"title":"Error 1015","error_code":1015}'],
    /429, error 1015/,
    /limits how often/,
  ],
  [
    '1020 as a page',
    [403, { ...EDGE, ...HTML }, '<html><span class="cf-error-code">1020</span>'],
    /error 1020/,
    /firewall rule/,
  ],
  ['a banned country', [403, EDGE, 'error code: 1009'], /error 1009/, /country/],
  ['a number that is not known', [403, EDGE, 'error code: 1999'], /error 1999/, /operator/],
  [
    'a block page without a number',
    [403, { ...EDGE, ...HTML }, '<html><title>Attention Required!</title>'],
    /^Cloudflare refused it before/,
    /rule of the zone/,
  ],
  [
    'a challenge page',
    [403, { ...EDGE, ...HTML, 'cf-mitigated': 'challenge' }, '<title>Just a moment...</title>'],
    /^Cloudflare refused it before/,
    /only a browser can solve.*operator/,
  ],
  [
    'a challenge page behind an id',
    [403, { ...EDGE, ...ID, 'cf-mitigated': 'challenge' }, ''],
    /^Cloudflare refused it \(/,
    /challenge/,
  ],
  [
    '413',
    [413, { ...EDGE, ...HTML }, TOO_LARGE],
    /^Cloudflare refused it before the gateway saw it \(413/,
    /larger than .* takes.*GET \/v1\/limits/,
  ],
  [
    'a Worker that threw',
    [500, EDGE, 'error code: 1101'],
    /^Cloudflare answered in the gateway's place \(500, error 1101/,
    /gateway failed/,
  ],
  [
    'a gateway that is gone',
    [530, EDGE, 'error code: 1033'],
    /answered in the gateway's place \(530, error 1033/,
    /Try again/,
  ],
  ['522', [522, { ...EDGE, ...HTML }, '<html>'], /answered in the gateway's place \(522/, /ray id/],
  [
    'a site behind Cloudflare',
    [404, { ...EDGE, ...HTML }, '<html><title>Shop</title>'],
    /^a page \("Shop"\) answered 404/,
    /--gateway/,
  ],
]
test.each(FOREIGN)('%s', (_, sent, what, hint) => {
  const found = judge(sent)
  expect(found?.what).toMatch(what)
  expect(found?.hint).toMatch(hint)
})

/** In production every answer has Cloudflare's headers. */
const OURS: [name: string, sent: Sent][] = [
  ['an accepted upload', [201, { ...EDGE, ...ID }, '{"id":"1"}']],
  ['an accepted upload without a word', [204, { ...EDGE, ...ID }, '']],
  ['an accepted upload in plain text', [201, { ...EDGE, ...ID, 'content-type': 'text/plain' }, 'thank you']],
  ['a refusal', [403, { ...EDGE, ...ID }, '{"code":"path_not_allowed"}']],
  ["a challenge's own number", [422, { ...EDGE, ...ID }, '{"error_code":1010}']],
  ["a challenge's own page", [413, { ...EDGE, ...ID, ...HTML }, '<html>']],
  ['over capacity', [503, { ...EDGE, ...ID }, '{"code":"over_capacity"}']],
]
test.each(OURS)('%s is taken for what it is', (_, sent) => {
  expect(judge(sent)).toBeUndefined()
})
