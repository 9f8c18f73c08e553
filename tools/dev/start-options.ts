/**
 * What `npm start` is told, and whether the ports it wants are free.
 */

import { createServer } from 'node:net'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { isSlug } from '../../src/protocol/canonical.ts'
import { parseOrExplain, UsageError } from './usage.ts'

const ROOT = path.resolve(import.meta.dirname, '../..')

const USAGE_TEXT = `usage: npm start -- [options]

  --once             stop after the sample upload: exit code 0 when it arrived as it was signed
  --challenge URL    your own challenge instead of the demo one, such as http://127.0.0.1:8000; needs --slug.
                     Its token is CHALLENGE_TOKEN in the environment, else one is made and kept in the state directory
  --slug SLUG        the slug of that challenge
  --master           also a master: registry, weights and management routes
  --state DIR        what outlives a restart: nonces, submissions, registered hotkeys (default .local)
  --gateway-port N --challenge-port N --chain-port N --master-port N     default 8787 to 8790, or GATEWAY_PORT and so on`

const OPTIONS = {
  once: { type: 'boolean', default: false },
  challenge: { type: 'string' },
  slug: { type: 'string' },
  master: { type: 'boolean', default: false },
  state: { type: 'string', default: path.join(ROOT, '.local') },
  'gateway-port': { type: 'string', default: process.env['GATEWAY_PORT'] ?? '8787' },
  'challenge-port': { type: 'string', default: process.env['CHALLENGE_PORT'] ?? '8788' },
  'chain-port': { type: 'string', default: process.env['CHAIN_PORT'] ?? '8789' },
  'master-port': { type: 'string', default: process.env['MASTER_PORT'] ?? '8790' },
  help: { type: 'boolean', short: 'h', default: false },
} as const

export interface Options {
  readonly once: boolean
  readonly master: boolean
  readonly state: string
  readonly slug: string
  /** The challenge is the user's, and runs already. */
  readonly own: boolean
  readonly ports: Readonly<Record<'gateway' | 'challenge' | 'chain' | 'master', number>>
  readonly urls: Readonly<Record<'challenge' | 'chain' | 'master', string>>
}

/** Undefined when only the usage was asked for. */
export function readOptions(): Options | undefined {
  const values = parseOrExplain(USAGE_TEXT, () => parseArgs({ options: OPTIONS })).values
  if (values.help) return void console.log(USAGE_TEXT)
  const { challenge, slug } = values
  if ((challenge === undefined) !== (slug === undefined))
    throw new UsageError('--challenge and --slug belong together: the URL of your challenge and its slug')
  if (slug !== undefined && !isSlug(slug)) throw new UsageError(`--slug ${slug} is not a slug`)
  if (
    challenge !== undefined &&
    !/^https?:$/.test(URL.canParse(challenge) ? new URL(challenge).protocol : '')
  )
    throw new UsageError(`--challenge ${challenge} is not an http(s):// URL`)
  const ports = {
    gateway: parsePort('gateway', values['gateway-port']),
    challenge: parsePort('challenge', values['challenge-port']),
    chain: parsePort('chain', values['chain-port']),
    master: parsePort('master', values['master-port']),
  }
  const local = (port: number) => `http://127.0.0.1:${port}`
  return {
    once: values.once,
    master: values.master,
    state: path.resolve(values.state),
    slug: slug ?? 'demo',
    own: challenge !== undefined,
    ports,
    urls: {
      challenge: challenge ?? local(ports.challenge),
      chain: local(ports.chain),
      master: local(ports.master),
    },
  }
}

function parsePort(name: string, text: string): number {
  const port = /^\d{1,5}$/.test(text) ? Number(text) : 0
  if (port < 1 || port > 65_535) throw new UsageError(`--${name}-port ${text} is not a port`)
  return port
}

export async function requireFreePorts({ ports, own, master }: Options): Promise<void> {
  await requireFreePort('gateway', ports.gateway)
  await requireFreePort('chain', ports.chain)
  if (!own) await requireFreePort('challenge', ports.challenge)
  if (master) await requireFreePort('master', ports.master)
}

async function requireFreePort(name: string, port: number): Promise<void> {
  const probe = createServer()
  await new Promise<void>((resolve, reject) => {
    probe.once('error', (error: NodeJS.ErrnoException) => {
      const flag = `--${name}-port or ${name.toUpperCase()}_PORT`
      const taken = error.code === 'EADDRINUSE'
      reject(
        new UsageError(
          taken ? `port ${port} is taken; choose another for the ${name} with ${flag}` : error.message,
        ),
      )
    })
    probe.listen(port, '127.0.0.1', resolve)
  })
  await new Promise((resolve) => probe.close(resolve))
}
