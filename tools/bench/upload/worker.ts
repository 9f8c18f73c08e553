/**
 * What the gateway is measured against, in workerd with the same bindings: a bare Hono
 * pass-through, the same with one durable write for each request, and four ways of reading and
 * hashing a body.
 */

import { DurableObject } from 'cloudflare:workers'
import { bytesToHex } from '@noble/hashes/utils.js'
import { Hono } from 'hono'
import { declaredBytes, readBody } from '../../../src/admission/body.ts'
import { createBodyBudget } from '../../../src/admission/budget.ts'
import type { RunningDigest } from '../../../src/admission/ports.ts'

interface BenchEnv {
  readonly NONCES: DurableObjectNamespace<NonceLedger>
  /** Where uploads go. */
  readonly ORIGIN: string
  /** Reaches the same server without Miniflare's outgoing worker. */
  readonly DIRECT?: Fetcher
}

/** One durable write, as little as can be: no alarm, no conflict, no outcome. */
export class NonceLedger extends DurableObject<BenchEnv> {
  constructor(ctx: DurableObjectState, env: BenchEnv) {
    super(ctx, env)
    ctx.storage.sql.exec('CREATE TABLE IF NOT EXISTS writes (nonce TEXT PRIMARY KEY) STRICT, WITHOUT ROWID')
  }

  write(nonce: string): void {
    this.ctx.storage.sql.exec('INSERT INTO writes VALUES (?)', nonce)
  }
}

const MAX_BYTES = 7_500_000
const now = () => Math.floor(Date.now() / 1000)
const budget = createBodyBudget({ capBytes: 64_000_000, now, abandonedSeconds: 600 })
const app = new Hono<{ Bindings: BenchEnv }>()

app.post('/pass', (c) => forward(c.req.raw, c.env))

app.post('/durable', async (c) => {
  const { headers } = c.req.raw
  await c.env.NONCES.getByName(headers.get('x-hotkey') ?? '').write(headers.get('x-nonce') ?? '')
  return forward(c.req.raw, c.env)
})

app.post('/read/hold', (c) => readAs('hold', c.req.raw))
app.post('/read/hash', (c) => readAs('hash', c.req.raw))

app.post('/read/array-buffer', async (c) => {
  const content = await c.req.raw.arrayBuffer()
  return new Response(bytesToHex(new Uint8Array(await crypto.subtle.digest('SHA-256', content))))
})

app.post('/read/default-reader', async (c) => {
  const content = new Uint8Array(Number(c.req.raw.headers.get('content-length')))
  let bytes = 0
  for await (const chunk of c.req.raw.body ?? []) {
    content.set(chunk, bytes)
    bytes += chunk.byteLength
  }
  return new Response(bytesToHex(new Uint8Array(await crypto.subtle.digest('SHA-256', content))))
})

export default app

/** Streams both ways; nothing is looked at. */
function forward(request: Request, env: BenchEnv): Promise<Response> {
  const { method, headers, body } = request
  const sent = new Request(env.ORIGIN, { method, headers, body, redirect: 'manual' })
  return env.DIRECT === undefined ? fetch(sent) : env.DIRECT.fetch(sent)
}

async function readAs(mode: 'hold' | 'hash', request: Request): Promise<Response> {
  const held = budget.open()
  const limits = { declaredBytes: declaredBytes(request.headers), maxBytes: MAX_BYTES }
  const ports = { now, after, newDigest }
  const read = await readBody({ stream: request.body, mode, limits, held, passing: budget.open(), ports })
  held.release()
  return read.ok ? new Response(read.value.hash) : new Response(read.rejection.code, { status: 500 })
}

/** As in src/worker.ts. */
function after(seconds: number, act: () => void): () => void {
  const timer = setTimeout(act, seconds * 1000)
  return () => clearTimeout(timer)
}

/** As in src/worker.ts. */
function newDigest(): RunningDigest {
  const stream = new crypto.DigestStream('SHA-256')
  const writer = stream.getWriter()
  return {
    update: (bytes) => writer.write(bytes),
    async hex() {
      await writer.close()
      return bytesToHex(new Uint8Array(await stream.digest))
    },
  }
}
