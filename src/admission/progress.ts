/**
 * A body must make progress: whoever sends one too slowly holds room that others need.
 *
 * A read ends with enough bytes, with the body, or with the time: of every 20 s in which the gateway reads, at least 10,240 bytes must
 * come, which is 512 bytes a second. Time in which the gateway does not read (it hashes, it waits for room) does not count.
 */

/** How long a read may take. */
export const IDLE_SECONDS = 20
/** So many bytes end a read, so that one which takes its whole time was too slow. */
const LEAST_BYTES = 512 * IDLE_SECONDS

/** What a body's reader is asked; the standard's `min` option is not in the platform's types yet. */
export interface ByobReader {
  read(view: Uint8Array<ArrayBuffer>, options: { readonly min: number }): Promise<Part>
  releaseLock(): void
}

interface Part {
  readonly done: boolean
  readonly value?: Uint8Array | undefined
}

export interface Clock {
  /** Unix seconds. */
  readonly now: () => number
  /** Calls `act` after so many seconds, unless the returned function is called before. */
  readonly after: (seconds: number, act: () => void) => () => void
}

export interface Intake {
  /** Fills the view, or part of it. `atLeast` less than usual for a first read. Throws `Stalled`. */
  read(view: Uint8Array<ArrayBuffer>, atLeast?: number): Promise<Part>
  /** No more is read. */
  end(): void
}

/** The body did not make progress. */
export class Stalled extends Error {}

/** One timer watches over all reads of a body: it looks whether the one under way has taken its time. */
export function createIntake(reader: ByobReader, { now, after }: Clock): Intake {
  let readingSince: number | undefined
  let isStalled = false
  let stall = (_: Stalled) => {}
  const stalled = new Promise<never>((_, reject) => {
    stall = reject
  })
  // It may be rejected while nothing waits for it.
  stalled.catch(() => {})
  const look = () => {
    const seconds = readingSince === undefined ? 0 : now() - readingSince
    isStalled = seconds >= IDLE_SECONDS
    if (isStalled) stall(new Stalled())
    else cancel = after(IDLE_SECONDS - seconds, look)
  }
  let cancel = after(IDLE_SECONDS, look)
  return {
    async read(view, atLeast = LEAST_BYTES) {
      readingSince = now()
      const part = await Promise.race([
        reader.read(view, { min: Math.min(view.byteLength, atLeast) }),
        stalled,
      ])
      readingSince = undefined
      return part
    },
    end() {
      cancel()
      // A read that is still waited for keeps the lock; the request ends with it.
      if (!isStalled) reader.releaseLock()
    },
  }
}
