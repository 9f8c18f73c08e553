/** One seed per run, printed so that a failure can be run again: `SEED=… npm test`. */

const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31))
console.log(`seed ${seed}`)

/** Options for `fc.assert`. */
export const seeded = { seed, numRuns: 500 } as const
