/**
 * The way to the status board. No request waits for it long, and none depends on it: what
 * fails here is missing from a page.
 */

import type { Batch } from './statistics.ts'
import type { Board, Probe } from './sums.ts'

/** What a page may be behind; it spares the object a flood of readers. */
const MEMO_MS = 5000
const DEADLINE_MS = 2000

/** What is used of the stub of a `StatusBoard`. */
interface BoardStub {
  record(now: number, batch: Batch): Promise<unknown>
  probed(now: number, probes: Record<string, Probe>): Promise<unknown>
  read(now: number): Promise<Board>
}

export interface DurableBoard {
  /** May reject, as `read` never does. */
  record(batch: Batch): Promise<unknown>
  probed(probes: Record<string, Probe>): Promise<unknown>
  read(): Promise<Board | undefined>
}

/**
 * `stub` is asked for each time, because a broken one stays broken; `now` in Unix milliseconds.
 */
export function createBoard(stub: () => BoardStub, now: () => number): DurableBoard {
  let memo: { readonly board: Board; readonly at: number } | undefined
  const seconds = () => Math.floor(now() / 1000)

  async function ask(): Promise<Board | undefined> {
    try {
      const board = await stub().read(seconds())
      memo = { board, at: now() }
      return board
    } catch {
      return undefined
    }
  }

  return {
    record: async (batch) => stub().record(seconds(), batch),
    probed: async (probes) => stub().probed(seconds(), probes),
    async read() {
      if (memo !== undefined && now() - memo.at < MEMO_MS) return memo.board
      let timer: ReturnType<typeof setTimeout> | undefined
      const late = new Promise<undefined>((resolve) => {
        timer = setTimeout(() => resolve(undefined), DEADLINE_MS)
      })
      const board = await Promise.race([ask(), late])
      clearTimeout(timer)
      return board
    },
  }
}
