/** A body in memory, with all the room in the world. */

import type { HeldBody } from '../../src/origin/send.ts'

export function heldBody(content: Uint8Array<ArrayBuffer>): HeldBody {
  return { content, held: { grow: () => true, release: () => {} } }
}
