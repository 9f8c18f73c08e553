/**
 * Finds settings whose names are misspelled.
 *
 * A setting under a misspelled name has no effect, and nothing else would say so: `BLOCKED_HOTKEY`
 * would block no hotkey.
 */

/** Letters added, lost, changed or swapped with their neighbour. */
const MOST_EDITS = 2

/**
 * The known name that `name` was probably meant to be; undefined when it is far from all of them.
 * Case does not count.
 */
export function probablyMeant(name: string, known: Iterable<string>): string | undefined {
  for (const each of known) if (editsBetween(name.toUpperCase(), each) <= MOST_EDITS) return each
  return undefined
}

/** Whether a value of the environment is text or data, and not a binding of the platform. */
export function isData(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return value !== undefined && value !== ''
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype
}

/** Optimal string alignment distance; above `MOST_EDITS` it may be too large. */
function editsBetween(one: string, other: string): number {
  if (Math.abs(one.length - other.length) > MOST_EDITS) return MOST_EDITS + 1
  const rows: number[][] = [Array.from({ length: other.length + 1 }, (_, column) => column)]
  const at = (row: number, column: number) => rows[row]?.[column] ?? Number.POSITIVE_INFINITY
  for (let row = 1; row <= one.length; row += 1) {
    rows[row] = [row]
    for (let column = 1; column <= other.length; column += 1) {
      const changed = at(row - 1, column - 1) + (one[row - 1] === other[column - 1] ? 0 : 1)
      const swapped =
        one[row - 1] === other[column - 2] && one[row - 2] === other[column - 1]
          ? at(row - 2, column - 2) + 1
          : Number.POSITIVE_INFINITY
      rows[row]?.push(Math.min(at(row - 1, column) + 1, at(row, column - 1) + 1, changed, swapped))
    }
  }
  return at(one.length, other.length)
}
