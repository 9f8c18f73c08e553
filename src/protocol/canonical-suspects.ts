/**
 * The mistakes people make with the canonical message, each as the text that they sign.
 */

import { bytesToHex } from '@noble/hashes/utils.js'
import { canonicalMessage, type SignedRequest } from './canonical.ts'
import type { FailedUpload, Suspect } from './dialect.ts'
import { rawPath, rawQuery } from './path.ts'
import { sha256 } from './sha256.ts'

export const EMPTY_HASH = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
/**
 * Subnets people sign for by mistake: this project's, its testnet twin, and bittensor's default.
 */
const USUAL_NETUIDS = [100, 541, 1]

/** In characters. */
export const LONGEST_URL = 2048

/** First what the request points to, then the most frequent mistakes. */
export async function* suspectsOfCanonical(
  request: SignedRequest,
  { challengeText, challengeName, url, bodyBytes }: FailedUpload,
): AsyncGenerator<Suspect> {
  const { path, slug, netuid, family, bodyHash, timestamp } = request
  const but = (change: Partial<SignedRequest>) => canonicalMessage({ ...request, ...change })
  const message = canonicalMessage(request)
  const bytes = new TextEncoder().encode(message)
  const digest = await sha256(bytes)

  for (const name of new Set([challengeText, challengeName])) {
    if (name !== slug)
      yield [`signed with "${name}" as the slug; sign the challenge's slug, ${slug}`, but({ slug: name })]
  }
  // A long query or path is not tried: each attempt would cost as much as its length.
  const isShort = url.length <= LONGEST_URL
  const query = isShort ? rawQuery(url) : ''
  const encoded = isShort ? rawPath(url) : path
  if (query !== '')
    yield ['signed with the query in the path; sign the path without it', but({ path: path + query })]
  if (encoded !== path)
    yield ['signed with the percent-encoded path; sign it decoded', but({ path: encoded })]
  if (bodyBytes > 0)
    yield ['signed with the hash of an empty body; hash the bytes you send', but({ bodyHash: EMPTY_HASH })]
  yield [
    'signed with the body hash in upper case; write it in lower case',
    but({ bodyHash: bodyHash.toUpperCase() }),
  ]
  yield [`signed with the challenge's own path; sign the gateway's, ${path}`, but({ path: '/submissions' })]
  yield [`signed with a slash at the end of the path; sign ${path}`, but({ path: `${path}/` })]
  yield [
    'signed with a line end behind the message, as echo adds one; sign the message alone (printf %s)',
    `${message}\n`,
  ]
  yield [`signed with the path of the dry run; sign the upload's, ${path}`, but({ path: `${path}/verify` })]
  if (isShort) yield [`signed with the full URL; sign its path only, ${path}`, but({ path: url })]
  yield ['signed with the method in lower case; sign POST', message.replace(':POST:', ':post:')]
  yield [
    'signed with milliseconds; sign X-Timestamp as you send it, in whole seconds',
    but({ timestamp: `${timestamp}000` }),
  ]
  const other = family === 'base' ? 'platform' : 'base'
  yield [`signed for ${other}-upload-v1; this gateway takes ${family}-upload-v1`, but({ family: other })]
  yield ['signed the SHA-256 of the message; sign the message itself', digest]
  yield ['signed the hex SHA-256 of the message; sign the message itself', bytesToHex(digest)]
  yield ['signed the message as hex text; sign its UTF-8 bytes', bytesToHex(bytes)]
  for (const usual of USUAL_NETUIDS) {
    if (usual !== netuid)
      yield [`signed for netuid ${usual}; this gateway serves netuid ${netuid}`, but({ netuid: usual })]
  }
}
