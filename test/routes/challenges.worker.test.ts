/** The list of where uploads can go. */

import { expect, test } from 'vitest'
import { ask } from '../support/ask.worker.ts'
import { appOf, configOf } from '../support/gateway.worker.ts'

const origin = 'https://demo.example.net'

const CASES: [name: string, challenges: object, slugs: string[]][] = [
  ['none', {}, []],
  ['one without a name', { demo: { origin } }, ['demo']],
  [
    'only active ones',
    {
      demo: { origin },
      asleep: { origin, status: 'inactive' },
      off: { origin, status: 'disabled' },
      new: { origin, status: 'draft' },
    },
    ['demo'],
  ],
]
test.each(CASES)('%s', async (_, CHALLENGES, slugs) => {
  const { app } = appOf(configOf({ CHALLENGES }), { now: 1_700_000_000 })
  const answer = await ask(app, '/v1/challenges')
  const { challenges } = await answer.json<{ challenges: { slug: string }[] }>()
  expect([answer.status, challenges.map(({ slug }) => slug)]).toEqual([200, slugs])
})

test('each has its name and the whole URL of its upload route', async () => {
  const CHALLENGES = { demo: { name: 'Demo Challenge', origin } }
  const { app } = appOf(configOf({ CHALLENGES }), { now: 1_700_000_000 })
  const upload_url = 'https://gateway.example.com/v1/challenges/demo/submissions'
  expect(await (await ask(app, '/v1/challenges')).json()).toEqual({
    challenges: [{ slug: 'demo', name: 'Demo Challenge', upload_url }],
  })
})
