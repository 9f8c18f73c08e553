import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { type Gateway, type LogLine, startGateway } from '../../../tools/dev/gateway.ts'

/**
 * Stands in for the bundle: what it answers shows what the harness gave it. Exports every class
 * that wrangler.toml binds.
 */
const BUNDLE = `
import { DurableObject } from 'cloudflare:workers'
export class MetagraphLease extends DurableObject {}
export class StatusBoard extends DurableObject {}
export class NonceLedger extends DurableObject {
  calls = 0
  call() {
    this.ctx.storage.sql.exec('CREATE TABLE IF NOT EXISTS t (n INTEGER)')
    this.ctx.storage.sql.exec('INSERT INTO t VALUES (1)')
    return ++this.calls
  }
}
export default {
  async fetch(request, env) {
    const path = new URL(request.url).pathname
    if (path === '/vars') return Response.json({ netuid: env.NETUID, family: env.PROTOCOL_FAMILY, secret: env.SECRET })
    if (path === '/cron') return new Response(await env.CACHE.get('cron'))
    if (path === '/ledger') return new Response(String(await env.NONCES.getByName('one').call()))
    if (path === '/refuse') {
      const headers = { 'content-type': 'application/problem+json' }
      return Response.json({ detail: 'Submission too large' }, { status: 413, headers })
    }
    if (path === '/log') console.log(JSON.stringify({ outcome: 'ok' }))
    return new Response(request.url)
  },
  async scheduled(event, env) { await env.CACHE.put('cron', event.cron) },
}`

const logged: LogLine[] = []
let directory: string
let gateway: Gateway

function start(): Promise<Gateway> {
  return startGateway({
    bundle: path.join(directory, 'bundle.js'),
    vars: { NETUID: 7 },
    secrets: { SECRET: 'hidden' },
    persistTo: path.join(directory, 'state'),
    inspectLedgers: true,
    onLog: (line) => logged.push(line),
  })
}

async function text(target: string, init: RequestInit = {}): Promise<string> {
  return (await fetch(gateway.url + target, init)).text()
}

/** Bytes as sent, and what comes back until `until` was seen. */
function exchange(bytes: string, until: string): Promise<string> {
  return new Promise((resolve, reject) => {
    let answer = ''
    const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1', () => socket.write(bytes))
    socket.once('error', reject)
    socket.once('close', () => resolve(answer))
    socket.on('data', (data) => {
      answer += data
      if (answer.includes(until)) socket.destroy()
    })
  })
}

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'gateway-'))
  await writeFile(path.join(directory, 'bundle.js'), BUNDLE)
  gateway = await start()
}, 30_000)
afterAll(async () => {
  await gateway.close()
  await rm(directory, { recursive: true })
})

describe('startGateway', () => {
  it('gives the worker wrangler.toml, what overrides it, and the secrets', async () => {
    expect(JSON.parse(await text('/vars'))).toEqual({ netuid: 7, family: 'platform', secret: 'hidden' })
    expect(gateway.vars).toMatchObject({ NETUID: 7, PROTOCOL_FAMILY: 'platform' })
    expect(JSON.stringify(gateway.vars)).not.toContain('hidden')
  })

  it('fires the scheduled event', async () => {
    expect(await gateway.runCron()).toBe('ok')
    expect(await text('/cron')).toBe('*/5 * * * *')
  })

  it('passes console lines on', async () => {
    await text('/log')
    await vi.waitFor(() => expect(logged.map((line) => line.message)).toContain('{"outcome":"ok"}'))
  })

  it('hands over the path as it was sent', async () => {
    const request = 'GET /a/%2e%2e/b%2Fc HTTP/1.1\r\nHost: h\r\n\r\n'
    expect(await exchange(request, 'http://h')).toContain('http://h/a/%2e%2e/b%2Fc')
  })

  it('answers an early refusal before the body is sent', async () => {
    const request = 'POST /refuse HTTP/1.1\r\nHost: h\r\nContent-Length: 10000000\r\n\r\n'
    expect(await exchange(request, 'too large')).toMatch(/^HTTP\/1.1 413 /)
  })

  it('does not reset clients that send on after an early refusal', async () => {
    const body = new Uint8Array(10_000_000)
    for (let upload = 0; upload < 10; upload += 1) {
      expect(JSON.parse(await text('/refuse', { method: 'POST', body }))).toEqual({
        detail: 'Submission too large',
      })
    }
  })

  it('lists, evicts and reads ledgers, and keeps them on disk', async () => {
    expect([await text('/ledger'), await text('/ledger')]).toEqual(['1', '2'])
    const [id = ''] = await gateway.listLedgers()
    await gateway.evictLedger(id)
    expect(await text('/ledger')).toBe('1')
    await gateway.close()
    gateway = await start()
    expect(await gateway.listLedgers()).toEqual([id])
    expect(await gateway.queryLedger(id, 'SELECT count(*) AS n FROM t')).toEqual([{ n: 3 }])
  })
})
