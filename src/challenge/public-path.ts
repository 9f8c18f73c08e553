/**
 * Which paths of a challenge the public may ask for.
 *
 * A path is judged in the form in which it is sent: decoded once, and encoded again in one way
 * (`encodedPath`). A path that some layer behind the gateway could read as another path is
 * refused, not repaired: one with encoded or foreign separators, parameters, control characters,
 * empty or dot segments, or bytes that are not UTF-8. So nothing is left to normalise. In the
 * Python proxy that this gateway replaces, the check and the HTTP client normalised differently,
 * and private paths could be reached through that gap.
 *
 * `%25` by itself is harmless and stays (`/100%25`). A layer that decodes twice would turn
 * `%252e%252e` into `..`, so a path is also refused when its second decoding would be refused, and
 * when a third decoding would change it.
 */

import { isForwardableSegment, isUnreserved, percentDecoded, rawPath } from '../protocol/path.ts'
import { rejected } from '../protocol/problem.ts'
import { accepted, type Result } from '../protocol/result.ts'

export const PASS_THROUGH_METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD']

export interface PassThroughTarget {
  /** Slug or name as the URL has it, percent-decoded. */
  readonly challengeText: string
  /** Percent-decoded, `/` for the challenge itself; its only empty segment may be the last one. */
  readonly path: string
}

/** Private to the platform on every challenge, in any case of letters. No slash at the end. */
const PRIVATE_PATHS = [
  /^\/(?:health|version)$/iu,
  /^\/(?:internal|benchmark-executions)(?:\/|$)/iu,
  /^\/benchmarks?\/(?:.*\/)?(?:run|execute|launch)$/isu,
]

/**
 * Reads `/challenges/{challenge}[/{path}]` off a request URL; `not_found` for another URL,
 * `path_not_allowed` for a path that is private or not in canonical form. The challenge's own
 * segment is looked up later, not judged here: `/challenges/./x` is an unknown challenge. An
 * encoded separator is refused even there, since it decides where the challenge's name ends.
 */
export function readPassThrough(url: string): Result<PassThroughTarget> {
  const raw = rawPath(url)
  const decoded = percentDecoded(raw)
  const [, room, challengeText = '', ...segments] = decoded.split('/')
  if (room !== 'challenges' || challengeText === '') return rejected('not_found', {})
  const path = `/${segments.join('/')}`
  const plain = sameSegments(raw, decoded) && !decoded.includes('\\')
  return plain && isPublicPath(path) ? accepted({ challengeText, path }) : rejected('path_not_allowed', {})
}

/** Whether a path of a challenge (percent-decoded, from its first `/`) is public. */
export function isPublicPath(path: string): boolean {
  if (isUnreserved(path)) return isPublicReading(path)
  const again = percentDecoded(path)
  if (!sameSegments(path, again) || percentDecoded(again) !== again) return false
  return [path, again].every((reading) => isPublicReading(reading) && isPublicReading(untilQuery(reading)))
}

function isPublicReading(path: string): boolean {
  const bare = path.replace(/\/$/, '')
  const segments = bare.split('/').slice(1)
  return segments.every(isForwardableSegment) && !PRIVATE_PATHS.some((pattern) => pattern.test(bare))
}

/** A layer that decodes before it looks for the query ends the path at an encoded `?` or `#`. */
function untilQuery(path: string): string {
  return path.replace(/[?#].*/s, '')
}

function sameSegments(encoded: string, decoded: string): boolean {
  return encoded === decoded || encoded.split('/').length === decoded.split('/').length
}
