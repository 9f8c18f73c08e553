/**
 * Known answers from `../shared/vectors`, which stays outside the repository.
 *
 * In CI the folder must be there. Elsewhere a missing folder skips the tests that read it, and
 * their names say so.
 */
import { existsSync, readFileSync } from 'node:fs'

const FOLDER = '../shared/vectors'

const HAVE_VECTORS = existsSync(FOLDER)

if (!HAVE_VECTORS && process.env['CI']) throw new Error(`CI must run with the vectors in ${FOLDER}`)

/** For `describe.skipIf`: the reason belongs to the title. */
export const NO_VECTORS = !HAVE_VECTORS
export const FROM_VECTORS = HAVE_VECTORS ? '' : ` (skipped: ${FOLDER} is missing)`

/**
 * The parsed file, or `otherwise` when the folder is missing (the tests over it are skipped then).
 */
export function readVectors<T>(path: string, otherwise: T): T {
  return HAVE_VECTORS ? JSON.parse(readFileSync(`${FOLDER}/${path}`, 'utf8')) : otherwise
}
