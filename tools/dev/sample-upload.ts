/**
 * The first upload of the local world, signed with Alice's development key, with everything that
 * is signed and answered on the screen.
 */

import { STATUS_CODES } from 'node:http'
import { hexToBytes } from '@noble/hashes/utils.js'
import { createClient, keySigner } from '../../miner/client.ts'
import { createSigner } from '../../src/crypto/sign.ts'
import type { ProtocolFamily } from '../../src/protocol/canonical.ts'
import { isRecord, parseJson } from '../../src/protocol/json.ts'
import { findDevKey } from './keys.ts'
import { UsageError } from './usage.ts'

export interface Sample {
  readonly gateway: string
  readonly challenge: string
  readonly netuid: number
  readonly family: ProtocolFamily
  readonly filename: string
  readonly body: Uint8Array<ArrayBuffer>
}

/** What was signed, and whether the challenge took it. */
export interface Outcome {
  readonly message: string
  readonly status: number
}

export async function uploadSample({
  gateway,
  challenge,
  netuid,
  family,
  ...file
}: Sample): Promise<Outcome> {
  const { hotkey, sign } = keySigner(
    createSigner(hexToBytes(findDevKey('alice', 'sr25519')?.seed ?? ''), 'sr25519'),
  )
  let message = ''
  const signer = {
    hotkey,
    sign(bytes: Uint8Array) {
      message = new TextDecoder().decode(bytes)
      console.log(`signed   ${message}\n         by ${hotkey}, ${file.body.length} bytes`)
      return sign(bytes)
    },
  }
  const client = createClient({ gateway, signer, protocol: { netuid, family }, retries: false })
  const answer = await client.submitUpload({ challenge, ...file })
  if (!answer.ok && answer.kind === 'unreachable')
    throw new UsageError(`the gateway gave no answer at ${gateway} (${answer.cause})`)
  printAnswer(answer)
  return { message, status: answer.status }
}

function printAnswer({
  status,
  requestId,
  text,
}: {
  readonly status: number
  readonly requestId?: string | undefined
  readonly text: string
}): void {
  const fields = parseJson(text)
  const named = `${status} ${STATUS_CODES[status] ?? ''}`
  console.log(`answered ${named}  (request ${requestId ?? 'without id'})`)
  console.log((isRecord(fields) ? JSON.stringify(fields, null, 2) : text).replace(/^/gm, '         '))
  if (status < 400) return
  console.log(`error:   ${isRecord(fields) ? fields['detail'] : named}`)
  if (isRecord(fields) && typeof fields['hint'] === 'string') console.log(`hint:    ${fields['hint']}`)
}
