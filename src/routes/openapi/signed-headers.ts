/**
 * The headers of a signed upload and of its dry run, in both dialects, as parameters.
 */

import { NONCE_MAX_LENGTH } from '../../protocol/headers.ts'
import type { Schema } from './schema.ts'

interface Header {
  readonly description?: string
  readonly schema: Schema
}

/** What is signed is the README's worked example. */
const PLATFORM: Readonly<Record<string, Header>> = {
  'X-Hotkey': { schema: { type: 'string', examples: ['5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY'] } },
  'X-Signature': {
    description:
      'sr25519 or ed25519, over {family}-upload-v1:{netuid}:{slug}:{METHOD}:{path}:{hotkey}:{nonce}:{timestamp}:{body_hash}',
    schema: {
      type: 'string',
      pattern: '^(0x)?[0-9a-fA-F]{128}$',
      examples: [
        '6ebd6923f9e2f481aa428c86911eac2625a81daf80013cc7416a2d7b287d215d68d27802fb2e286c0567c85eadbc95a3f79e1ac9786d2ecf48539f50e26be28d',
      ],
    },
  },
  'X-Nonce': { schema: { type: 'string', minLength: 1, maxLength: NONCE_MAX_LENGTH, examples: ['nonce-1'] } },
  'X-Timestamp': { description: 'Unix seconds', schema: { type: 'string', examples: ['1700000000'] } },
}

const FILENAME: Header = {
  description: 'Name of the submission, for the challenge: printable ASCII without slashes',
  schema: { type: 'string', maxLength: 255, examples: ['agent.zip'] },
}

/** `receiver`: this gateway's hotkey. */
const btauth = (receiver: string): Readonly<Record<string, Header>> => ({
  'X-Bittensor-Version': {
    description: 'btauth/1: send all X-Bittensor-* headers of bittensor.http_auth.sign in place of the four',
    schema: { type: 'string', enum: ['1'] },
  },
  'X-Bittensor-Hotkey': { schema: { type: 'string' } },
  'X-Bittensor-Receiver': {
    description: "This gateway's hotkey; compare it with what the operator published",
    schema: { type: 'string', examples: [receiver] },
  },
  'X-Bittensor-Nonce': {
    description: 'Unix nanoseconds',
    schema: { type: 'string', pattern: '^(0|[1-9]\\d{0,31})$', examples: ['1700000000000000000'] },
  },
  'X-Bittensor-Crypto': {
    description: 'sr25519 when absent',
    schema: { type: 'string', enum: ['sr25519', 'ed25519'] },
  },
  'X-Bittensor-Signature': {
    description: 'Over btauth/1, scheme, METHOD, target, body hash, nonce, sender and receiver, one a line',
    schema: PLATFORM['X-Signature']?.schema ?? {},
  },
})

/** A gateway with a receiver takes either dialect, so no single header is required there. */
export function signedHeaders(receiver: string | undefined): Record<string, object> {
  const headers = { ...PLATFORM, 'X-Submission-Filename': FILENAME, ...(receiver && btauth(receiver)) }
  return Object.fromEntries(
    Object.entries(headers).map(([name, header]) => [
      name,
      { name, in: 'header', required: receiver === undefined && name in PLATFORM, ...header },
    ]),
  )
}
