/** docs/miners.md says what the code does. */

import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { COMMANDS } from '../../miner/cli/arguments.ts'
import { EXIT } from '../../miner/cli/fault.ts'
import { MAX_RETRIES } from '../../miner/client.ts'
import { verifySignature } from '../../src/crypto/signature.ts'
import { decodeSs58 } from '../../src/crypto/ss58.ts'
import { PAGE, withTable } from '../../tools/dev/miners-table.ts'
import { sha256 } from '../support/upload.ts'

const TEXT = readFileSync(PAGE, 'utf8')
const value = (name: string) => new RegExp(`^${name} +(\\S+)$`, 'm').exec(TEXT)?.[1] ?? ''
const utf8 = (text: string) => new TextEncoder().encode(text)

test('the table of refusals is the one of the code (else: npm run docs:miners)', () => {
  expect(withTable(TEXT)).toBe(TEXT)
})

test('the worked example works', () => {
  const message = utf8(value('message'))
  expect(sha256(utf8(value('body')))).toBe(value('body_hash'))
  const fields = ['hotkey', 'nonce', 'timestamp', 'body_hash'].map(value).join(':')
  expect(value('message')).toBe(`platform-upload-v1:100:demo:POST:/v1/challenges/demo/submissions:${fields}`)
  expect([message.length, sha256(message)]).toEqual([Number(value('message_bytes')), value('message_hash')])
  const publicKey = decodeSs58(value('hotkey'))?.publicKey ?? new Uint8Array()
  const signed = (text: string, signature: string) =>
    verifySignature(publicKey, utf8(text), Uint8Array.from(Buffer.from(signature, 'hex')))
  expect(signed(value('message'), value('signature'))).toBe(true)
  expect(signed(value('message'), value('wrapped'))).toBe(true)
})

test('every command and exit code is there', () => {
  for (const command of COMMANDS) expect(TEXT).toMatch(new RegExp(`^\\| \`${command}\\b`, 'm'))
  for (const code of Object.values(EXIT)) expect(TEXT).toMatch(new RegExp(`^\\| ${code} \\|`, 'm'))
  expect(MAX_RETRIES).toBe(5)
})
