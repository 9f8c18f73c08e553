/**
 * How long a challenge keeps an idle connection. cloudflared keeps its own for 90 s; a service
 * that closes first (uvicorn after 5 s) is now and then sent an upload on a connection that it is
 * just closing, and the miner gets 502.
 *
 * Measured on the connection itself, so only for an origin on this machine: through a tunnel it
 * would be Cloudflare's that is seen.
 */

import { Agent, request } from 'node:http'
import { originUrl } from '../../../src/origin/bridge.ts'
import { type Finding, pass, warn } from './finding.ts'

/** A second longer than uvicorn's default. */
export const IDLE_MS = 6000

interface Origin {
  readonly label: string
  readonly origin: URL
}

/**
 * Nothing when it is not to be measured, or the challenge is not well: the line about it says so.
 */
export async function checkKeepAlive(
  { label, origin }: Origin,
  idle: () => Promise<unknown>,
): Promise<Finding[]> {
  if (origin.protocol !== 'http:') return []
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const url = originUrl(origin, '/health', '')
  try {
    if ((await read(url, agent)) === undefined) return []
    await idle()
    const kept = await read(url, agent)
    const check = `keep-alive:${label}`
    if (kept === true) return [pass(check, 'keeps an idle connection for six seconds and more')]
    const says =
      'closes a connection that is idle for six seconds; its tunnel keeps it for 90: some uploads will get 502'
    return [
      warn(check, says, 'let it keep idle connections longer than 90 s (uvicorn --timeout-keep-alive 100)'),
    ]
  } finally {
    agent.destroy()
  }
}

/**
 * Whether the answer came on a connection that was there before; undefined when the challenge is
 * not well.
 */
function read(url: string, agent: Agent): Promise<boolean | undefined> {
  return new Promise((resolve) => {
    const asked = request(url, { agent }, (response) => {
      response.resume()
      response.once('close', () => resolve(response.statusCode === 200 ? asked.reusedSocket : undefined))
    })
    asked.setTimeout(10_000, () => asked.destroy())
    asked.once('error', () => resolve(undefined))
    asked.end()
  })
}
