/**
 * A body must make progress: a client that sends one too slowly takes room that others need.
 *
 * A read ends with enough bytes, with the end of the body, or with its time. Every 20 s of reading
 * must bring at least 10,240 bytes, which is 512 bytes a second. Time in which the gateway does
 * not read (it hashes, it waits for room) does not count.
 */

/** How long a read may take. */
export const IDLE_SECONDS = 20
/** A read ends with so many bytes; a read that takes its whole time was too slow. */
const LEAST_BYTES = 512 * IDLE_SECONDS

/**
 * The part of a body's reader that is used. The platform's types lack the standard's `min` option.
 */
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
  /**
   * Fills the view, or part of it. A first read may set `atLeast` to less than usual. Throws
   * `Stalled`.
   */
  read(view: Uint8Array<ArrayBuffer>, atLeast?: number): Promise<Part>
  /** No more is read. */
  end(): void
}

/** The body did not make progress. */
export class Stalled extends Error {}

/**
 * One timer watches all reads of a body: it checks whether the current read has used up its time.
 */
export function createIntake(reader: ByobReader, { now, after }: Clock): Intake {
  let readingSince: number | undefined
  let isStalled = false
  let stall = (_: Stalled) => {}
  const stalled = new Promise<never>((_, reject) => {
    stall = reject
  })
  // The promise may be rejected while nothing awaits it.
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
      // A stalled read keeps the lock until the request ends.
      if (!isStalled) reader.releaseLock()
    },
  }
}
