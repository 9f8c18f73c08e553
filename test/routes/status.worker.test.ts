/** The status routes do not wait for the chain, the master or a challenge. */

import { createExecutionContext } from 'cloudflare:test'
import { expect, test } from 'vitest'
import { createApp } from '../../src/app.ts'
import { createChallengeSource } from '../../src/registry/challenge-source.ts'
import { appOf, configOf, gatewayOf } from '../support/gateway.worker.ts'
import { metagraphOf } from '../support/metagraph.ts'

const NOW = 1_700_000_000
const CONFIG = configOf({ ADMIN_TOKEN: 'canary-token', MASTER_ORIGIN: 'https://master.example.com' })
const PATHS = ['/', '/status', '/v1/status', '/metrics']

const never = () => new Promise<never>(() => {})

async function ask(app: ReturnType<typeof appOf>['app'], path: string) {
  const request = new Request(`https://gateway.example.com${path}`, {
    headers: { 'x-admin-token': 'canary-token' },
  })
  return app.fetch(request, {}, createExecutionContext())
}

test.each(PATHS)('%s while chain, master and challenge hang', async (path) => {
  const { gateway } = gatewayOf(CONFIG, {
    now: NOW,
    answer: never,
    challenges: createChallengeSource(
      [],
      { current: async () => undefined, afterMiss: never },
      { originTemplate: 'https://{slug}.example.com', family: 'platform' },
    ),
  })
  const { ports } = gateway
  const hung = { ...gateway, ports: { ...ports, metagraph: { ...ports.metagraph, current: never } } }
  const answer = await ask(
    createApp(
      hung,
      () => {},
      () => NOW * 1000,
    ),
    path,
  )
  expect(answer.status).toBe(200)
  expect(await answer.text()).toMatch(/Uploads do not pass|"state":"down"|state="down"} 1/)
})

test('a metagraph that is at hand is said, and without one the next look may find one', async () => {
  let looked = 0
  const { gateway } = gatewayOf(CONFIG, { now: NOW })
  const { ports } = gateway
  const current = async () => {
    looked += 1
    return undefined
  }
  const looking = { ...gateway, ports: { ...ports, metagraph: { ...ports.metagraph, current } } }
  const appWith = (heldMetagraph: typeof gateway.heldMetagraph) =>
    createApp(
      { ...looking, heldMetagraph },
      () => {},
      () => NOW * 1000,
    )
  const held = await ask(
    appWith(async () => metagraphOf(['a', 'b'], NOW - 30)),
    '/v1/status',
  )
  expect(await held.json()).toMatchObject({ metagraph: { age_seconds: 30, hotkeys: 2 } })
  expect(looked).toBe(0)
  const none = await ask(
    appWith(async () => undefined),
    '/v1/status',
  )
  expect(await none.json()).toMatchObject({ metagraph: null, state: 'down' })
  expect(looked).toBe(1)
})

test('a challenge without a token is no challenge that takes uploads', async () => {
  const { app } = appOf(configOf({ CHALLENGES: { demo: { origin: 'https://demo.example.com' } } }), {
    now: NOW,
  })
  expect(await (await ask(app, '/v1/status')).json()).toMatchObject({
    state: 'down',
    challenges: [{ slug: 'demo', state: 'no_token', token_configured: false }],
  })
})
