/** Every command that `npm start` suggests names the challenge that is up. */

import { expect, test } from 'vitest'
import { nextSteps } from '../../../tools/dev/next-steps.ts'

const WORLD = {
  gateway: 'http://127.0.0.1:8787',
  slug: 'demo',
  own: false,
  netuid: 100,
  family: 'platform',
  file: '.local/agent.py',
  submission: 'sub-1',
  challengePid: 4321,
  master: false,
  state: '.local',
  urls: { chain: 'http://127.0.0.1:8789', challenge: 'http://127.0.0.1:8788' },
} as const
const OWN = {
  ...WORLD,
  slug: 'mine',
  own: true,
  submission: undefined,
  urls: { ...WORLD.urls, challenge: 'http://127.0.0.1:8000' },
}

test.each([
  ['of the demo challenge', WORLD, '/challenges/demo/submissions/sub-1'],
  ['with a master', WORLD, 'npm start -- --master'],
  ["the demo challenge's process", WORLD, 'kill 4321'],
  ["of the user's own challenge", OWN, '/challenges/mine/submissions/ID'],
  ["of the user's own challenge", OWN, 'your challenge answers with its ID'],
  ['with a master beside it', OWN, 'npm start -- --challenge http://127.0.0.1:8000 --slug mine --master'],
  ["the master's route", { ...WORLD, master: true }, '/v1/admin/challenges/demo -H'],
  ["the master's route for it", { ...OWN, master: true }, '/v1/admin/challenges/mine -H'],
])('%s', (_, world, command) => {
  expect(nextSteps(world)).toContain(command)
})

test("the user's own challenge has no step that names the demo challenge or its process", () => {
  expect(nextSteps({ ...OWN, master: true })).not.toMatch(/demo|kill/)
})
