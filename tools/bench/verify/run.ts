/**
 * `npm run bench:verify`: what a verification costs inside workerd, against everything a Worker
 * could use instead.
 *
 * Microseconds are processor time of the workerd process, as Linux accounts for it, garbage
 * collection included. Contestants take turns in one run, so a busy machine disturbs all alike:
 * read the ratios. Each cycles through the same 64 keys and messages of 250 bytes. Ratios are
 * medians of the ratios of each round, with a 90 % interval.
 */
import { median, spread } from '../median.ts'
import { makeInputs } from './inputs.ts'
import { bundleWorker, type Isolate, startIsolate } from './isolate.ts'

const KEYS = 64
const HOT_KEYS = 256
const ROUNDS = 15
const SAMPLE_MS = 60
const FRESH_ISOLATES = 15
/**
 * Times that a fresh isolate's clock reads nothing. While it is not compiled it reads up to 0.7 ms
 * too much.
 */
const CLOCK_ROUNDS = 30

const CONTESTANTS = [
  'sr25519 ours hot',
  'sr25519 ours cold',
  '@scure/sr25519',
  'schnorrkel-wasm',
  'ed25519 ours hot',
  'ed25519 ours cold',
  'noble ed25519.verify',
  'WebCrypto Ed25519',
  'sr25519 ours hot, wrapped in <Bytes>',
  'sr25519 ours hot, wrong message',
  'sr25519 ours cold, wrong message',
  'part: transcript, 3 keccak-f',
  'part: decoding R',
  'part: 66 additions, 11 doublings',
  'part: one inverse',
  'part: halving a challenge',
]

const TARGETS: [of: string, than: string, atMost: number][] = [
  ['sr25519 ours hot', 'schnorrkel-wasm', 0.2],
  ['sr25519 ours cold', '@scure/sr25519', 0.4],
  ['ed25519 ours hot', 'WebCrypto Ed25519', 1.25],
  ['ed25519 ours cold', 'noble ed25519.verify', 0.5],
]

const row = (name: string, ...columns: string[]): void =>
  console.log(name.padEnd(44) + columns.map((column) => column.padStart(14)).join(''))

async function compareSpeed(isolate: Isolate): Promise<void> {
  const counts = new Map<string, number>()
  for (const name of CONTESTANTS) {
    await isolate.time(name, 6 * KEYS)
    const cycles = (SAMPLE_MS * 1000) / (await isolate.time(name, KEYS)) / KEYS
    counts.set(name, Math.max(1, Math.ceil(cycles)) * KEYS)
  }
  const times = new Map<string, number[]>(CONTESTANTS.map((name) => [name, []]))
  for (let round = 0; round < ROUNDS; round++) {
    for (const name of CONTESTANTS) times.get(name)?.push(await isolate.cpu(name, counts.get(name) ?? KEYS))
  }
  row('contestant', 'median CPU us', 'fastest us', 'KB allocated')
  for (const name of CONTESTANTS) {
    const all = times.get(name) ?? []
    const allocated = await allocation(isolate, name)
    row(name, median(all).toFixed(1), Math.min(...all).toFixed(1), (allocated / 1000).toFixed(0))
  }
  console.log()
  row('ratio', 'median', '90 % interval', 'target')
  for (const [of, than, atMost] of TARGETS) {
    const [ours = [], theirs = []] = [times.get(of), times.get(than)]
    const ratios = ours.map((time, round) => time / (theirs[round] ?? Number.NaN))
    const { median: middle, low, high } = spread(ratios)
    const verdict = `<= ${atMost.toFixed(2)} ${middle <= atMost ? 'met' : 'MISSED'}`
    row(`${of} / ${than}`, middle.toFixed(3), `${low.toFixed(3)}-${high.toFixed(3)}`, verdict)
  }
}

/**
 * Heap bytes of one verification: what a request with one adds to the heap, less a request with
 * none. The median drops the few in which a collection fell.
 */
async function allocation(isolate: Isolate, name: string): Promise<number> {
  const differences: number[] = []
  for (let attempt = 0; attempt < 15; attempt++) {
    differences.push((await isolate.allocate(name, 1)) - (await isolate.allocate(name, 0)))
  }
  return median(differences)
}

async function measureMemory(script: string): Promise<void> {
  const isolate = await startIsolate(script)
  await isolate.give(makeInputs(HOT_KEYS))
  const before = await isolate.heapBytes()
  await isolate.remember()
  const bytes = (await isolate.heapBytes()) - before
  row(
    `${HOT_KEYS} hot keys`,
    `${(bytes / 1e6).toFixed(2)} MB`,
    `${(bytes / HOT_KEYS / 1000).toFixed(1)} KB each`,
  )
  await isolate.stop()
}

/**
 * In fresh isolates: the first verification that each does, and a cold one when all is compiled.
 */
async function measureFirst(script: string): Promise<void> {
  const [inputs, name] = [makeInputs(1), 'sr25519 ours cold']
  const first: number[] = []
  const settled: number[] = []
  for (let fresh = 0; fresh < FRESH_ISOLATES; fresh++) {
    const isolate = await startIsolate(script)
    await isolate.give(inputs)
    for (let round = 0; round < CLOCK_ROUNDS; round++) await isolate.time('nothing', 1)
    first.push(await isolate.time(name, 1))
    await isolate.time(name, 400)
    settled.push(await isolate.time(name, 200))
    await isolate.stop()
  }
  const ratio = median(first.map((time, fresh) => time / (settled[fresh] ?? Number.NaN)))
  row('first verification of a fresh isolate', `${median(first).toFixed(0)} us`)
  row('  / sr25519 ours cold', ratio.toFixed(2), '', '<= 3')
}

const script = await bundleWorker()
const isolate = await startIsolate(script)
await isolate.give(makeInputs(KEYS))
await compareSpeed(isolate)
await isolate.stop()
console.log()
await measureMemory(script)
await measureFirst(script)
