/**
 * The room that an isolate has for bodies, counted as their buffers are allocated.
 *
 * An isolate has 128 MB for all its requests. One party's bodies must not take the room of another's: a holder, such as one of several
 * challenges, gets half of it at most.
 */

/** What one body takes of the room. */
export interface Share {
  /** Makes it so large, if it is smaller; false when there is no room, and then it stays as it is. */
  grow(bytes: number): boolean
  /** Gives everything back. Call when the buffer is gone, neither earlier nor later. */
  release(): void
}

/** One of several that use the same room. */
interface Holder {
  readonly name: string
  /** Fits even into half of the room that is too small for it. */
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
  /** Longer than a request can hold a body without touching its share; see below. */
  readonly abandonedSeconds: number
}

interface Entry {
  readonly holder: string
  bytes: number
  touchedAt: number
}

/**
 * The platform may end a request between two awaits, and its buffers with it, so that nothing releases its share. Such a share is taken
 * back when room is needed and `abandonedSeconds` have passed since it last grew or was confirmed.
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
      const most = holder === undefined ? capBytes : Math.max(capBytes / 2, holder.largestBytes)
      const fits = (more: number) =>
        sumOf() + more <= capBytes && (holder === undefined || sumOf(holder.name) + more <= most)
      return {
        grow(bytes) {
          const more = Math.max(0, bytes - entry.bytes)
          if (more > 0 && !fits(more)) dropAbandoned(entry)
          if (more > 0 && !fits(more)) return false
          entry.bytes += more
          entry.touchedAt = now()
          entries.add(entry)
          return true
        },
        release() {
          entries.delete(entry)
          entry.bytes = 0
        },
      }
    },
  }
}
