/**
 * The whole line as real processes of this machine: chain, challenges, gateway on workerd.
 *
 * The challenges that misbehave are bare TCP servers; each is configured under the slug that says
 * what it does.
 */

import { randomBytes, randomUUID } from 'node:crypto'
import { createServer, type Socket } from 'node:net'
import { type SignedUpload, signUpload, submissionsPath } from '../../miner/sign.ts'
import { createSigner, type Signer } from '../../src/crypto/sign.ts'
import { startChain } from '../../tools/dev/chain.ts'
import { type Received, startChallenge } from '../../tools/dev/challenge.ts'
import { type GatewayOptions, startGateway } from '../../tools/dev/gateway.ts'
import { DEV_KEYS } from '../../tools/dev/keys.ts'
import { sha256 } from './upload.ts'

export const TOKEN = 'canary-challenge-token'
export const ADMIN_TOKEN = 'canary-admin-token'
export const MAX_UPLOAD_BYTES = 7_500_000

const ORIGIN_TIMEOUT_SECONDS = 1

export interface WorldOptions {
  readonly vars?: Readonly<Record<string, unknown>>
  readonly secrets?: Readonly<Record<string, string>>
  readonly services?: GatewayOptions['services']
  /** A directory whose ledgers are to be read as files, instead of by `queryLedger`. */
  readonly persistTo?: string
}

export type TestWorld = Awaited<ReturnType<typeof startWorld>>

export async function startWorld(options: WorldOptions = {}) {
  const received: Received[] = []
  const logs: string[] = []
  const chain = await startChain()
  const challenge = await startChallenge({
    slug: 'demo',
    token: TOKEN,
    onSubmission: (each) => received.push(each),
  })
  const misbehaving = await startMisbehaving()
  const origins = { demo: challenge.url, ...misbehaving.origins }
  const slugs = Object.keys(origins)
  const gateway = await startGateway({
    ...(options.services && { services: options.services }),
    ...(options.persistTo === undefined ? { inspectLedgers: true } : { persistTo: options.persistTo }),
    onLog: ({ message }) => logs.push(message),
    vars: {
      CHAIN_ENDPOINTS: [chain.url],
      CHAIN_GENESIS_HASH: chain.genesisHash,
      CHALLENGES: {
        ...Object.fromEntries(Object.entries(origins).map(([slug, origin]) => [slug, { origin }])),
        demo: { name: 'Demo Challenge', origin: challenge.url },
        tokenless: { origin: challenge.url },
      },
      ORIGIN_TIMEOUT_SECONDS,
      // Alice uploads more than any miner.
      UPLOADS_PER_HOUR: 0,
      ...options.vars,
    },
    secrets: {
      ...Object.fromEntries(slugs.map((slug) => [`CHALLENGE_TOKEN_${slug.toUpperCase()}`, TOKEN])),
      ADMIN_TOKEN,
      ...options.secrets,
    },
  })
  return {
    chain,
    gateway,
    /** What the well-behaved challenge stored. */
    received,
    /** Requests that reached each misbehaving challenge. */
    reached: misbehaving.reached,
    logs,
    /**
     * Fails when any line the gateway wrote meanwhile holds a token, or a nonce or signature made
     * by `sign`.
     */
    async close() {
      await gateway.close()
      await Promise.all([challenge.close(), chain.close(), misbehaving.close()])
      const everything = logs.join('\n')
      const leaked = [TOKEN, ADMIN_TOKEN, ...signedSecrets].filter((secret) => everything.includes(secret))
      if (leaked.length > 0) throw new Error(`${leaked.length} secrets stand in the gateway's log`)
    },
  }
}

/** A development key by name. */
export function devSigner(name: string, scheme: 'sr25519' | 'ed25519' = 'sr25519'): Signer {
  const key = DEV_KEYS.find((each) => each.name === name && each.scheme === scheme)
  if (key === undefined) throw new Error(`no development key ${name}`)
  return createSigner(Uint8Array.from(Buffer.from(key.seed, 'hex')), scheme)
}

export interface Signing {
  readonly signer?: Signer
  readonly slug?: string
  readonly path?: string
  readonly nonce?: string
  readonly timestamp?: number
}

/** Nonces (those that nothing else could be) and signatures made so far. */
const signedSecrets = new Set<string>()

/** The four headers of a valid upload of `body`, now. */
export function sign(body: Uint8Array, signing: Signing = {}): SignedUpload {
  const slug = signing.slug ?? 'demo'
  const signed = signUpload(
    {
      family: 'platform',
      netuid: 100,
      slug,
      path: signing.path ?? submissionsPath(slug),
      bodyHash: sha256(body),
      nonce: signing.nonce ?? randomUUID(),
      timestamp: signing.timestamp ?? Math.floor(Date.now() / 1000),
    },
    signing.signer ?? devSigner('alice'),
    randomBytes(32),
  )
  signedSecrets.add(signed.headers['X-Signature'])
  if (signing.nonce === undefined) signedSecrets.add(signed.headers['X-Nonce'])
  return signed
}

/** Each header as a line of a request. */
export function headerLines(headers: Readonly<Record<string, string>>): string[] {
  return Object.entries(headers).map(([name, value]) => `${name}: ${value}`)
}

type Behaviour = (socket: Socket) => void

const BEHAVIOURS: Readonly<Record<string, Behaviour>> = {
  reset: (socket) => socket.resetAndDestroy(),
  hang: () => {},
  garbage: (socket) => socket.end('not HTTP at all\r\n\r\n'),
  truncated: (socket) => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart'),
  redirect: (socket) =>
    socket.end(
      'HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
    ),
  failing: (socket) =>
    socket.end('HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\nConnection: close\r\n\r\nbusy'),
  tunnel: (socket) =>
    socket.end(
      'HTTP/1.1 530 Error\r\nCf-Error-Type: argo\r\nContent-Length: 10\r\nConnection: close\r\n\r\nerror 1033',
    ),
  login: (socket) =>
    socket.end(
      'HTTP/1.1 302 Found\r\nLocation: https://team.cloudflareaccess.com/login\r\nContent-Length: 0\r\nConnection: close\r\n\r\n',
    ),
}

async function startMisbehaving() {
  const reached: Record<string, number> = {}
  const sockets = new Set<Socket>()
  const servers = await Promise.all(
    Object.entries(BEHAVIOURS).map(async ([slug, behave]) => {
      const server = createServer((socket) => {
        sockets.add(socket)
        socket.on('error', () => {})
        socket.once('data', () => {
          reached[slug] = (reached[slug] ?? 0) + 1
          behave(socket)
        })
      })
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      const address = server.address()
      return { slug, server, port: typeof address === 'object' ? address?.port : undefined }
    }),
  )
  return {
    reached,
    origins: {
      ...Object.fromEntries(servers.map(({ slug, port }) => [slug, `http://127.0.0.1:${port}`])),
      // Nothing listens there, and no server of a test gets so low a port.
      refused: 'http://127.0.0.1:2',
    },
    async close() {
      for (const socket of sockets) socket.destroy()
      await Promise.all(servers.map(({ server }) => new Promise((resolve) => server.close(resolve))))
    },
  }
}
