/** Uploads signed as the official SDK signs them, with one change. */

import type { Upload } from '../../src/admission/admit.ts'
import type { Signer } from '../../src/crypto/sign.ts'
import { encodeSs58 } from '../../src/crypto/ss58.ts'
import { type BtauthHeaders, btauthText } from '../../src/protocol/btauth.ts'
import type { ReceivedUpload } from '../../src/protocol/dialect.ts'
import { rawPath, rawTarget } from '../../src/protocol/path.ts'
import { byteStream } from './stream.ts'
import { ALICE, BODY, hex, NOW, sha256, toHeaders } from './upload.ts'

/** The development key `//Bob`. */
export const RECEIVER = '5FHneW46xGXgs5mUiveU4sbTyGBzmstUspZC92UhjJM694ty'
const URL_OF_UPLOAD = 'https://gateway.example.com/v1/challenges/demo/submissions?epoch=7'

export interface BtauthChanges {
  readonly signer?: Signer
  readonly scheme?: 'sr25519' | 'ed25519'
  readonly url?: string
  readonly path?: string
  readonly body?: Uint8Array
  /** Unix nanoseconds. */
  readonly nonce?: string
  readonly headers?: Record<string, string | undefined>
  /** What the signer takes for header values, and for the request. */
  readonly signed?: Partial<BtauthHeaders>
  readonly request?: Partial<Pick<ReceivedUpload, 'method' | 'target' | 'bodyHash'>>
  /** Signs another text altogether. */
  readonly text?: (message: string) => string
}

export function nanoseconds(seconds: number): string {
  return `${seconds}000000000`
}

export function btauthUpload(changes: BtauthChanges = {}): Upload {
  const { signer = ALICE, scheme = 'sr25519', url = URL_OF_UPLOAD, body = BODY } = changes
  const { nonce = nanoseconds(NOW) } = changes
  const hotkey = encodeSs58(signer.publicKey)
  const signed = { scheme, nonce, hotkey, receiver: RECEIVER, ...changes.signed }
  const request = { method: 'POST', target: rawTarget(url), bodyHash: sha256(body), ...changes.request }
  const { message } = btauthText(signed, request)
  const text = changes.text?.(message) ?? message
  const signature = signer.sign(new TextEncoder().encode(text), new Uint8Array(32).fill(1))
  return {
    challengeText: 'demo',
    method: 'POST',
    path: changes.path ?? decodeURIComponent(rawPath(url)),
    url,
    headers: toHeaders({
      'x-bittensor-version': '1',
      'x-bittensor-hotkey': hotkey,
      'x-bittensor-receiver': RECEIVER,
      'x-bittensor-nonce': nonce,
      'x-bittensor-crypto': scheme === 'sr25519' ? undefined : scheme,
      'x-bittensor-signature': `0x${hex(signature)}`,
      'content-length': String(body.byteLength),
      ...changes.headers,
    }),
    body: byteStream([body], () => {}),
    requestId: 'request-1',
    client: '203.0.113.5',
    receivedAt: NOW,
  }
}
