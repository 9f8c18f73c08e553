/**
 * The room that an isolate has for bodies, counted as their buffers are allocated.
 *
 * An isolate has 128 MB for all its requests. A holder, such as one of several challenges, gets
 * half of the room at most, so that its bodies leave room for the others'.
 */

/** What one body takes of the room. */
export interface Share {
  /**
   * Grows the share to so many bytes. False when there is no room: the share then stays as it was.
   * Either way it is confirmed: its buffer is there. False, too, once it was released: a piece of a
   * body may still be on its way.
   */
  grow(bytes: number): boolean
  /** Gives everything back. Call when the buffer is gone, neither earlier nor later. */
  release(): void
}

/** One of several that use the same room. */
interface Holder {
  readonly name: string
  /** One body of this size is allowed even where half of the room is less. */
  readonly largestBytes: number
}

export interface BodyBudget {
  /** Without a holder the share may take all the room there is. */
  open(holder?: Holder): Share
}

interface BudgetOptions {
  readonly capBytes: number
  /** Unix seconds. */
  readonly now: () => number
  /** Longer than any request keeps a body without growing or confirming its share. */
  readonly abandonedSeconds: number
}

interface Entry {
  readonly holder: string
  bytes: number
  touchedAt: number
}

/**
 * The platform may end a request between two awaits and free its buffers. Nothing then releases
 * its share. Such a share is taken back when room is needed and `abandonedSeconds` have passed
 * since it was last confirmed.
 */
export function createBodyBudget({ capBytes, now, abandonedSeconds }: BudgetOptions): BodyBudget {
  const entries = new Set<Entry>()
  const sumOf = (holder?: string) => {
    let sum = 0
    for (const entry of entries) if (holder === undefined || entry.holder === holder) sum += entry.bytes
    return sum
  }
  const dropAbandoned = (mine: Entry) => {
    for (const entry of entries) {
      if (entry !== mine && now() - entry.touchedAt > abandonedSeconds) entries.delete(entry)
    }
  }
  return {
    open(holder) {
      const entry: Entry = { holder: holder?.name ?? '', bytes: 0, touchedAt: 0 }
      let isReleased = false
      const most = holder === undefined ? capBytes : Math.max(capBytes / 2, holder.largestBytes)
      const fits = (more: number) =>
        sumOf() + more <= capBytes && (holder === undefined || sumOf(holder.name) + more <= most)
      return {
        grow(bytes) {
          if (isReleased) return false
          entry.touchedAt = now()
          const more = Math.max(0, bytes - entry.bytes)
          if (more > 0 && !fits(more)) dropAbandoned(entry)
          if (more > 0 && !fits(more)) return false
          entry.bytes += more
          entries.add(entry)
          return true
        },
        release() {
          isReleased = true
          entries.delete(entry)
        },
      }
    },
  }
}
