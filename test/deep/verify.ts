/**
 * `npm run test:deep`: 100,000 inverses beside noble's, then at least 100,000 random and mutated
 * signatures, every verifier's answer compared.
 *
 * SEED=... repeats a run; CASES=... changes its length. Exits 1 on the first run with a
 * disagreement.
 */
import { ed25519 } from '@noble/curves/ed25519.js'
import { bytesToNumberLE } from '@noble/curves/utils.js'
import { bytesToHex } from '@noble/hashes/utils.js'
import { invert } from '../../src/crypto/euclid.ts'
import { casesOf } from '../crypto/cases.ts'
import { compare, createEagerVerifier } from '../crypto/differential.ts'
import { createRandom, freshSeed } from '../crypto/random.ts'

const wanted = Number(process.env['CASES'] ?? 100_000)
const seed = freshSeed()
console.log(`seed ${seed}, at least ${wanted} cases`)

const { Fp } = ed25519.Point
const numbers = createRandom(`${seed} inverses`)
for (let round = 0; round < 100_000; round++) {
  const value = Fp.create(bytesToNumberLE(numbers.bytes(1 + (round % 32)))) || 1n
  if (invert(value, Fp.ORDER) !== Fp.inv(value)) throw new Error(`${value} has another inverse`)
}
console.log('100,000 inverses, 0 differences')

interface Tally {
  cases: number
  accepted: number
  named: number
  byEncoding: number
}

const tallies = new Map<string, Tally>()
const hot = createEagerVerifier()
let count = 0
let disagreements = 0

for (const one of casesOf(createRandom(seed), Number.POSITIVE_INFINITY)) {
  // A key begins with its valid signature, so a run ends between keys.
  if (count >= wanted && one.kind.endsWith(' valid')) break
  const { answer, disagreements: found, named, byEncoding } = compare(hot, one)
  const tally = tallies.get(one.kind) ?? { cases: 0, accepted: 0, named: 0, byEncoding: 0 }
  tally.cases++
  if (answer) tally.accepted++
  if (named) tally.named++
  if (byEncoding) tally.byEncoding++
  tallies.set(one.kind, tally)
  if (found.length > 0) {
    disagreements++
    console.log(`${one.kind}: ours ${answer}, ${found.join(', ')}`)
    console.log(`  ${bytesToHex(one.publicKey)} ${bytesToHex(one.signature)} ${bytesToHex(one.message)}`)
  }
  if (++count % 10_000 === 0) console.log(`${count} cases, ${disagreements} disagreements`)
}

console.log(
  `\n${'kind'.padEnd(40)}${'cases'.padStart(8)}${'accepted'.padStart(10)}${'by encoding'.padStart(13)}${'named'.padStart(8)}`,
)
for (const [kind, { cases, accepted, byEncoding, named }] of [...tallies].sort(([a], [b]) =>
  a < b ? -1 : 1,
)) {
  console.log(
    `${kind.padEnd(40)}${String(cases).padStart(8)}${String(accepted).padStart(10)}${String(byEncoding).padStart(13)}${String(named).padStart(8)}`,
  )
}
console.log(`\n${count} cases, ${disagreements} disagreements, seed ${seed}`)
console.log('named: schnorrkel accepts the identity as a public key, @scure/sr25519 and we do not')
process.exitCode = disagreements === 0 ? 0 : 1
