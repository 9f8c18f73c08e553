/** HTTP_PROXY, HTTPS_PROXY and NO_PROXY, through a proxy of the test's own. */

import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { request as ask, createServer, type RequestListener } from 'node:http'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { listen } from '../support/listen.ts'
import { cli, run } from '../support/miner.ts'

vi.setConfig({ testTimeout: 60_000 })

const OPENSSL = (await run('openssl', ['version'])).code === 0
const WITHOUT = OPENSSL ? '' : ' (skipped: no openssl here)'
if (!OPENSSL) console.log('tests of proxies to TLS are skipped: no openssl here')

let directory: string
let gateway: string
let tlsGateway: string
let tls: TlsServer
let proxy: string
const CONTENT = randomBytes(3_000_000)
/** Whether the exact bytes arrived. */
let arrived = false
/** What the proxy was asked for, and with which password. */
let passed: string[] = []
let refuses: number | undefined

const answer: RequestListener = (request, response) => {
  const chunks: Uint8Array[] = []
  request.on('data', (chunk: Uint8Array) => chunks.push(chunk))
  request.on('end', () => {
    if (request.method === 'POST') arrived = Buffer.concat(chunks).equals(CONTENT)
    response.writeHead(request.method === 'POST' ? 201 : 200, { 'x-request-id': 'r' })
    response.end('{"netuid":100,"protocol_family":"platform","id":"s-1"}')
  })
}
const plain = createServer(answer)

/** Forwards plain requests in absolute form, and tunnels CONNECT. */
const proxyServer = createServer((request, response) => {
  passed.push(`${request.method} ${request.url} ${request.headers['proxy-authorization'] ?? ''}`.trim())
  if (refuses !== undefined) return response.writeHead(refuses).end('<html><title>Proxy</title></html>')
  const { method, headers } = request
  const onward = ask(String(request.url), { method, headers }, (incoming) => {
    response.writeHead(incoming.statusCode ?? 502, incoming.headers)
    incoming.pipe(response)
  })
  return request.pipe(onward)
})
proxyServer.on('connect', (request, socket, head) => {
  passed.push(`CONNECT ${request.url} ${request.headers['proxy-authorization'] ?? ''}`.trim())
  if (refuses !== undefined) {
    socket.end(
      `HTTP/1.1 ${refuses} No\r\ncontent-type: text/html\r\nconnection: close\r\n\r\n<html><title>Proxy</title></html>`,
    )
    return
  }
  const [host = '', port = ''] = String(request.url).split(':')
  const onward = connect(Number(port), host, () => {
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
    onward.write(head)
    onward.pipe(socket)
    socket.pipe(onward)
  })
  onward.on('error', () => socket.destroy())
  socket.on('error', () => onward.destroy())
})

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'proxy-'))
  await writeFile(path.join(directory, 'agent.zip'), CONTENT)
  gateway = await listen(plain)
  proxy = await listen(proxyServer)
  if (!OPENSSL) return
  const [key, cert] = [path.join(directory, 'key.pem'), path.join(directory, 'cert.pem')]
  const made = await run('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'],
    ...[
      '-subj',
      '/CN=localhost',
      '-addext',
      'subjectAltName=DNS:localhost,IP:127.0.0.1',
      '-keyout',
      key,
      '-out',
      cert,
    ],
  ])
  if (made.code !== 0) throw new Error(made.stderr)
  tls = createTlsServer({ key: await readFile(key), cert: await readFile(cert) }, answer)
  await new Promise<void>((resolve) => tls.listen(0, '127.0.0.1', resolve))
  tlsGateway = `https://localhost:${(tls.address() as AddressInfo).port}`
})
afterAll(async () => {
  for (const each of [plain, proxyServer, ...(OPENSSL ? [tls] : [])]) {
    each.closeAllConnections()
    each.close()
  }
  await rm(directory, { recursive: true })
})

function edge(env: Readonly<Record<string, string>>, ...args: string[]) {
  passed = []
  arrived = false
  const command =
    args.length > 0 ? args : ['upload', path.join(directory, 'agent.zip'), '--challenge', 'demo']
  return cli(command, { PLATFORM_EDGE_SEED: '07'.repeat(32), PLATFORM_EDGE_URL: gateway, ...env })
}
const withPassword = () => proxy.replace('http://', 'http://miner:canary@')
const BASIC = `Basic ${Buffer.from('miner:canary').toString('base64')}`

describe('a gateway on plain HTTP', () => {
  test.each(['HTTP_PROXY', 'http_proxy', 'ALL_PROXY'])('%s', async (name) => {
    expect(await edge({ [name]: proxy })).toMatchObject({ code: 0 })
    expect([passed.length, arrived]).toEqual([2, true])
    expect(passed[1]).toBe(`POST ${gateway}/v1/challenges/demo/submissions`)
  })

  test('a password', async () => {
    await edge({ HTTP_PROXY: withPassword() }, 'limits')
    expect(passed).toEqual([`GET ${gateway}/v1/limits ${BASIC}`])
  })

  test.each(['127.0.0.1', '*', 'example.com,127.0.0.1'])('NO_PROXY=%s', async (NO_PROXY) => {
    expect(await edge({ HTTP_PROXY: proxy, NO_PROXY })).toMatchObject({ code: 0 })
    expect([passed, arrived]).toEqual([[], true])
  })

  test('HTTPS_PROXY is for others', async () => {
    expect(await edge({ HTTPS_PROXY: proxy })).toMatchObject({ code: 0 })
    expect(passed).toEqual([])
  })

  test('a proxy that refuses is named, and is not the challenge', async () => {
    refuses = 407
    const { code, stderr } = await edge({ HTTP_PROXY: proxy })
    refuses = undefined
    expect([code, stderr.split('\n')[0]]).toEqual([
      5,
      expect.stringMatching(/^error: not the gateway: a page \("Proxy"\) answered 407/),
    ])
  })

  test('a proxy that is not there is named without its password', async () => {
    const { code, stdout } = await edge({ HTTP_PROXY: 'http://miner:canary@127.0.0.1:1' }, 'doctor')
    expect(code).toBe(5)
    expect(stdout).toContain(`no answer from ${gateway} through the proxy http://127.0.0.1:1 (ECONNREFUSED)`)
    expect(stdout).not.toContain('canary')
  })

  test('a SOCKS proxy is refused by name', async () => {
    const { code, stderr } = await edge({ ALL_PROXY: 'socks5://miner:canary@127.0.0.1:9' }, 'limits')
    expect([code, stderr]).toEqual([
      2,
      expect.stringContaining('(socks5://…) is not an http:// or https:// one'),
    ])
    expect(stderr).not.toContain('canary')
  })
})

describe.skipIf(!OPENSSL)(`a gateway on TLS${WITHOUT}`, () => {
  const trusted = () => ({
    PLATFORM_EDGE_URL: tlsGateway,
    NODE_EXTRA_CA_CERTS: path.join(directory, 'cert.pem'),
  })

  test('HTTPS_PROXY', async () => {
    expect(await edge({ ...trusted(), HTTPS_PROXY: withPassword() })).toMatchObject({ code: 0 })
    expect(arrived).toBe(true)
    expect(new Set(passed)).toEqual(new Set([`CONNECT ${new URL(tlsGateway).host} ${BASIC}`]))
  })

  test('NO_PROXY', async () => {
    expect(await edge({ ...trusted(), HTTPS_PROXY: proxy, NO_PROXY: 'localhost' })).toMatchObject({ code: 0 })
    expect([passed, arrived]).toEqual([[], true])
  })

  test('a proxy that refuses the tunnel', async () => {
    refuses = 403
    const ran = await edge({ ...trusted(), HTTPS_PROXY: proxy, PLATFORM_EDGE_URL: tlsGateway }, 'limits')
    refuses = undefined
    expect([ran.code, ran.stderr.split('\n')[0]]).toEqual([
      5,
      expect.stringMatching(/a page \("Proxy"\) answered 403/),
    ])
  })

  test.each([[[]], [['--netuid', '100', '--family', 'platform']]])(
    'a certificate that is not trusted ends it at once, and nothing was sent: %j',
    async (options) => {
      const file = path.join(directory, 'agent.zip')
      const ran = await edge(
        { PLATFORM_EDGE_URL: tlsGateway },
        'upload',
        file,
        '--challenge',
        'demo',
        ...options,
      )
      expect(ran.code).toBe(5)
      expect(ran.stderr).toMatch(
        /error: the certificate of https:\/\/localhost:\d+ is not trusted \(\w+\)\nhint: .*NODE_EXTRA_CA_CERTS/,
      )
      expect(ran.stderr).not.toContain('retry')
    },
  )
})
