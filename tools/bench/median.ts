/** Medians of few, noisy samples, and how far they can be trusted. */

export interface Spread {
  readonly median: number
  /** With a probability of at least 90 % the true median lies between these two. */
  readonly low: number
  readonly high: number
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? Number.NaN
  return sorted.length % 2 === 1 ? upper : (upper + (sorted[middle - 1] ?? Number.NaN)) / 2
}

/**
 * The median with a 90 % interval of order statistics, which assumes nothing about the
 * distribution: each value lies below the true median with a probability of one half. Fewer than
 * five values have no such interval; then the extremes stand for it.
 */
export function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const cut = valuesToCut(sorted.length)
  return {
    median: median(values),
    low: sorted[cut] ?? Number.NaN,
    high: sorted[sorted.length - 1 - cut] ?? Number.NaN,
  }
}

/**
 * The most values that can be left out at each end: with k left out the interval misses when at
 * most k lie on one side.
 */
function valuesToCut(count: number): number {
  let chance = 0.5 ** count
  let below = 0
  for (let cut = 0; cut < count; cut += 1) {
    below += chance
    if (below > 0.05) return Math.max(0, cut - 1)
    chance *= (count - cut) / (cut + 1)
  }
  return 0
}

/** Of each round, what one took for each of the other: what disturbs a round disturbs both. */
export function ratios<Sample>(
  ours: readonly Sample[],
  theirs: readonly Sample[],
  read: (sample: Sample) => number,
): readonly number[] {
  return ours.flatMap((sample, round) => {
    const other = theirs[round]
    return other === undefined ? [] : [read(sample) / read(other)]
  })
}
