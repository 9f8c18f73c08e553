/**
 * What a section hands back: lines to read, and figures with their targets for the table at the
 * end.
 */

import type { Spread } from '../median.ts'

export interface Figure {
  readonly name: string
  readonly measured: string
  readonly target: string
  readonly met: boolean
}

export function atLeast(name: string, value: number, target: number, unit = ''): Figure {
  return { name, measured: show(value) + unit, target: `at least ${target}${unit}`, met: value >= target }
}

export function atMost(name: string, value: number, target: number, unit = ''): Figure {
  return { name, measured: show(value) + unit, target: `at most ${target}${unit}`, met: value <= target }
}

export function always(name: string, holds: boolean, measured: string, target: string): Figure {
  return { name, measured, target, met: holds }
}

/** A figure taken while other processes used the machine. */
export function disturbed(figure: Figure): Figure {
  return { ...figure, measured: `${figure.measured} (disturbed)` }
}

/** Three digits that matter. */
export function show(value: number): string {
  if (!Number.isFinite(value)) return '?'
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

export function showSpread({ median, low, high }: Spread): string {
  return `${show(median)} (${show(low)}-${show(high)})`
}

export function showBytes(bytes: number): string {
  return bytes >= 1e6 ? `${bytes / 1e6} MB` : `${bytes / 1000} KB`
}

/** Left-aligned first column, right-aligned others. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows.reduce<number[]>(
    (most, row) => row.map((cell, at) => Math.max(most[at] ?? 0, cell.length)),
    [],
  )
  return rows
    .map((row) =>
      row.map((cell, at) => (at === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[at] ?? 0))),
    )
    .map((cells) => `  ${cells.join('  ')}`.trimEnd())
    .join('\n')
}

export function showAnswers(answers: Readonly<Record<string, number>>): string {
  return Object.entries(answers)
    .toSorted(([a], [b]) => a.localeCompare(b))
    .map(([answer, count]) => `${count} x ${answer}`)
    .join(', ')
}
