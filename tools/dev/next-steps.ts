/**
 * What to try in the local world once it is up.
 */

import { randomUUID } from 'node:crypto'
import type { ProtocolFamily } from '../../src/protocol/canonical.ts'

export interface World {
  readonly gateway: string
  readonly slug: string
  /** The challenge is the user's. */
  readonly own: boolean
  readonly netuid: number
  readonly family: ProtocolFamily
  /** A file to upload. */
  readonly file: string
  /** Id of the sample upload, when it was accepted. */
  readonly submission: string | undefined
  readonly challengePid: number | undefined
  readonly master: boolean
  readonly state: string
  readonly urls: { readonly chain: string; readonly challenge: string }
}

export function nextSteps(world: World): string {
  const { gateway, slug, file } = world
  const at = gateway.endsWith(':8787') ? '' : ` --gateway ${gateway}`
  const to = slug === 'demo' ? '' : ` --challenge ${slug}`
  const submit = `npm run submit -- ${file}${at}${to}`
  const edge = `npx platform-edge`
  const steps: (readonly [command: string, meaning: string])[] = [
    [`${gateway}/status`, 'the status page, in a browser'],
    [submit, 'any file, signed by Alice'],
    [`${submit} --key bob --ed25519`, 'another key'],
    [`${submit} --nonce ${randomUUID().slice(0, 8)}`, 'twice: the second is a replay, 409'],
    [`PLATFORM_EDGE_SEED=$(openssl rand -hex 32) ${submit}`, 'a key that is not registered, 401'],
    [
      `curl -s ${gateway}/v1/challenges/${slug}/submissions/${world.submission ?? 'ID'}`,
      `what became of a submission${world.own ? '; your challenge answers with its ID' : ''}`,
    ],
    [`curl -s ${gateway}/v1/limits`, 'every limit a client must know'],
    ...ownWallet(world, edge),
    ...(world.own ? [] : killing(world)),
    ...(world.master ? master(world) : startingMaster(world)),
  ]
  const lines = steps.map(([command, meaning]) => `  # ${meaning}\n  ${command}`)
  return `\nEverything is up; Ctrl-C stops it. In another terminal, try:\n\n${lines.join('\n')}\n`
}

function ownWallet({ gateway, slug, file, urls }: World, edge: string): (readonly [string, string])[] {
  return [
    [
      `${edge} verify ${file} --challenge ${slug} --gateway ${gateway}`,
      "a dry run with your own wallet (platform-edge is the miners' command line)",
    ],
    [
      `curl -s ${urls.chain}/dev/register -d '{"hotkey":"'$(${edge} whoami | awk '/^hotkey/{print $2}')'"}'`,
      'registers that wallet on the local chain, also for the next npm start; known within a minute',
    ],
    [`${edge} upload ${file} --challenge ${slug} --gateway ${gateway}`, 'and uploads with it'],
  ]
}

function killing({ challengePid }: World): (readonly [string, string])[] {
  return [
    [`kill ${challengePid ?? 'PID'}`, 'the challenge is gone: watch the status page; r here starts it again'],
  ]
}

function startingMaster({ own, slug, urls }: World): (readonly [string, string])[] {
  const yours = own ? ` --challenge ${urls.challenge} --slug ${slug}` : ''
  return [[`npm start --${yours} --master`, 'with registry, weights and management routes']]
}

function master({ gateway, state, slug }: World): (readonly [string, string])[] {
  return [
    [`curl -s ${gateway}/v1/registry`, 'the challenges the master registers'],
    [`curl -s ${gateway}/v1/weights/latest`, "the master's weights"],
    [
      `curl -s ${gateway}/v1/admin/challenges/${slug} -H @${state}/admin-token.txt`,
      "one of the master's management routes",
    ],
  ]
}
