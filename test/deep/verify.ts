/**
 * `npm run test:deep`: at least 100,000 random and mutated signatures, every verifier's answer compared.
 *
 * SEED=... repeats a run; CASES=... changes its length. Exits 1 on the first run with a disagreement.
 */
import { bytesToHex } from '@noble/hashes/utils.js'
import { casesOf } from '../crypto/cases.ts'
import { compare, createEagerVerifier } from '../crypto/differential.ts'
import { createRandom, freshSeed } from '../crypto/random.ts'

const wanted = Number(process.env['CASES'] ?? 100_000)
const seed = freshSeed()
console.log(`seed ${seed}, at least ${wanted} cases`)

interface Tally {
  cases: number
  accepted: number
  named: number
}

const tallies = new Map<string, Tally>()
const hot = createEagerVerifier()
let count = 0
let disagreements = 0

for (const one of casesOf(createRandom(seed), Number.POSITIVE_INFINITY)) {
  // A key begins with its valid signature, so a run ends between keys.
  if (count >= wanted && one.kind.endsWith(' valid')) break
  const { answer, disagreements: found, named } = compare(hot, one)
  const tally = tallies.get(one.kind) ?? { cases: 0, accepted: 0, named: 0 }
  tally.cases++
  if (answer) tally.accepted++
  if (named) tally.named++
  tallies.set(one.kind, tally)
  if (found.length > 0) {
    disagreements++
    console.log(`${one.kind}: ours ${answer}, ${found.join(', ')}`)
    console.log(`  ${bytesToHex(one.publicKey)} ${bytesToHex(one.signature)} ${bytesToHex(one.message)}`)
  }
  if (++count % 10_000 === 0) console.log(`${count} cases, ${disagreements} disagreements`)
}

console.log(`\n${'kind'.padEnd(40)}${'cases'.padStart(8)}${'accepted'.padStart(10)}${'named'.padStart(8)}`)
for (const [kind, { cases, accepted, named }] of [...tallies].sort(([a], [b]) => (a < b ? -1 : 1))) {
  console.log(
    `${kind.padEnd(40)}${String(cases).padStart(8)}${String(accepted).padStart(10)}${String(named).padStart(8)}`,
  )
}
console.log(`\n${count} cases, ${disagreements} disagreements, seed ${seed}`)
console.log('named: schnorrkel accepts the identity as a public key, @scure/sr25519 and we do not')
process.exitCode = disagreements === 0 ? 0 : 1
