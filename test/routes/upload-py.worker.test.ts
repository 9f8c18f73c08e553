/** The Python client as a gateway serves it. */

import { expect, test } from 'vitest'
import source from '../../miner/upload.py'
import { uploadPyFor } from '../../src/routes/upload-py.ts'
import { ask } from '../support/ask.worker.ts'
import { appOf, configOf } from '../support/gateway.worker.ts'

const { app } = appOf(configOf({}), { now: 1_700_000_000 })

test("it is the repository's, with the gateway's own address in one line", async () => {
  const answer = await ask(app, '/upload.py')
  expect(answer.headers.get('content-type')).toBe('text/x-python; charset=utf-8')
  const text = await answer.text()
  expect(text).toBe(uploadPyFor('https://gateway.example.com/'))
  const served = text.split('\n')
  const differing = source
    .split('\n')
    .flatMap((line, at) => (line === served[at] ? [] : [[line, served[at]]]))
  const comment = '  # a gateway that serves this file writes its address here'
  expect(differing).toEqual([[`GATEWAY = ""${comment}`, `GATEWAY = "https://gateway.example.com"${comment}`]])
})

test('uv reads what it needs from its first lines', () => {
  expect(source).toMatch(/^# \/\/\/ script\n(# .*\n)+# \/\/\/\n/)
})

test('it can be read: at most 150 lines', () => {
  expect(source.trimEnd().split('\n').length).toBeLessThanOrEqual(150)
})

test('HEAD and other methods', async () => {
  const head = await ask(app, '/upload.py', { method: 'HEAD' })
  expect([head.status, await head.text()]).toEqual([200, ''])
  expect((await ask(app, '/upload.py', { method: 'POST' })).status).toBe(405)
})
