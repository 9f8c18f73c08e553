import { expect, test } from 'vitest'
import { median, spread } from '../../../tools/bench/median.ts'

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => count - index)

test.each([
  [[3], 3],
  [[3, 1], 2],
  [[9, 1, 5], 5],
  [[4, 1, 3, 2], 2.5],
])('the median of %j is %d', (values, expected) => {
  expect(median(values)).toBe(expected)
})

// By the binomial distribution: fewer than `low` of `count` fair coins show heads with a
// probability of at most 0.05.
test.each([
  [3, 1, 3],
  [5, 1, 5],
  [7, 1, 7],
  [8, 2, 7],
  [9, 2, 8],
  [11, 3, 9],
  [13, 4, 10],
  [15, 4, 12],
  [20, 6, 15],
  [24, 8, 17],
])('of %d values the median lies between number %d and number %d', (count, low, high) => {
  expect(spread(upTo(count))).toEqual({ median: median(upTo(count)), low, high })
})
