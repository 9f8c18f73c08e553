/**
 * One value that KV keeps for all isolates, behind a memo in each of them.
 *
 * KV answers late and sometimes wrongly: another place may see an old value, or none, for a
 * minute. So a value from KV replaces the memo only when it was fetched later. The gateway's own
 * clock decides the order, not a number in the value: a false block number from a lying chain node
 * would otherwise keep out every true one.
 */

/**
 * How long the memo answers without a look at KV. KV itself caches a read for at least as long.
 */
const MEMO_SECONDS = 30

/** The part of `KVNamespace` that is used. */
export interface TextStore {
  get(key: string, options: { type: 'text'; cacheTtl: number }): Promise<string | null>
  put(key: string, value: string): Promise<void>
}

/** A value with the time (Unix seconds) at which its source last said so. */
interface Fetched {
  readonly fetchedAt: number
}

export interface KvMemo<T extends Fetched> {
  /** The value in this isolate's memory, however old. KV is not read. */
  peek(): T | undefined
  /** The value that was last read from KV or written to it. */
  stored(): T | undefined
  /**
   * The youngest value known, however old; looks at KV when the last look is 30 s ago. Never
   * throws.
   */
  read(now: number): Promise<T | undefined>
  /** The same, after a look at KV. */
  reread(now: number): Promise<T | undefined>
  /** Puts a value into this isolate's memory, unless a value there was fetched later. */
  hold(value: T, now: number): void
  /** Gives the value to KV as `text`; false when KV did not take it. */
  store(value: T, text: string): Promise<boolean>
}

/** `parse` answers undefined for a damaged text: values in KV are not trusted. */
export function createKvMemo<T extends Fetched>(
  kv: TextStore,
  key: string,
  parse: (text: string) => T | undefined,
): KvMemo<T> {
  let held: T | undefined
  let stored: T | undefined
  let readAt = Number.NEGATIVE_INFINITY

  /** A time in the future means that the clock was set back; such a value is replaced. */
  const isOlder = (value: T, now: number): boolean =>
    held !== undefined && held.fetchedAt <= now && value.fetchedAt < held.fetchedAt

  const memo: KvMemo<T> = {
    peek: () => held,
    stored: () => stored,

    async read(now) {
      const fresh = now >= readAt && now - readAt < MEMO_SECONDS
      return fresh ? held : memo.reread(now)
    },

    async reread(now) {
      try {
        const text = await kv.get(key, { type: 'text', cacheTtl: MEMO_SECONDS })
        stored = text === null ? undefined : parse(text)
        if (stored !== undefined) memo.hold(stored, now)
      } catch {
        // KV is down: the memo serves.
      }
      readAt = now
      return held
    },

    hold(value, now) {
      if (!isOlder(value, now)) held = value
    },

    async store(value, text) {
      try {
        await kv.put(key, text)
        stored = value
        return true
      } catch {
        return false
      }
    },
  }
  return memo
}
