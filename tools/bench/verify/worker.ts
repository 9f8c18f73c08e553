/**
 * The measured side of `npm run bench:verify`: runs one contestant for a while inside workerd.
 *
 * workerd's clock ticks once in a millisecond. A measurement therefore starts at a tick, and the
 * rest of the last millisecond is read from how often the clock could still be asked before the
 * next tick.
 */
import { ed25519 } from '@noble/curves/ed25519.js'
import { bytesToNumberLE } from '@noble/curves/utils.js'
import { bytesToHex, hexToBytes } from '@noble/hashes/utils.js'
import * as scure from '@scure/sr25519'
import { add, double, IDENTITY, toExtended, toUnitAddends } from '../../../src/crypto/edwards.ts'
import { invert } from '../../../src/crypto/euclid.ts'
import { halve } from '../../../src/crypto/half-size.ts'
import { KEY_CACHE_LIMITS } from '../../../src/crypto/key-cache.ts'
import { pick } from '../../../src/crypto/point-sum.ts'
import { createVerifier, type Verifier, verifySignature } from '../../../src/crypto/signature.ts'
import { sr25519 } from '../../../src/crypto/sr25519.ts'
import { checkVerifier } from '../../../src/crypto/start-up.ts'
import type { Inputs, SampleText } from './inputs.ts'
import { instantiateSchnorrkel } from './schnorrkel-wasm.ts'

interface Sample {
  readonly publicKey: Uint8Array
  readonly message: Uint8Array
  readonly signature: Uint8Array
}

type Contestant = (sample: Sample) => boolean

/** Not a file: isolate.ts adds the compiled module under this name. */
const SCHNORRKEL = './schnorrkel.wasm'
const schnorrkel: WebAssembly.Module = (await import(SCHNORRKEL)).default
const wasmVerify = instantiateSchnorrkel(schnorrkel)
// As the gateway does before its first request.
checkVerifier()
const verifyHot = createVerifier()

const CONTESTANTS: Record<
  string,
  { readonly scheme: keyof Inputs; readonly verify: Contestant; readonly bad?: true }
> = {
  'sr25519 ours hot': {
    scheme: 'sr25519',
    verify: (s) => verifyHot(s.publicKey, s.message, s.signature, { registered: true }),
  },
  'sr25519 ours cold': {
    scheme: 'sr25519',
    verify: (s) => verifySignature(s.publicKey, s.message, s.signature),
  },
  '@scure/sr25519': { scheme: 'sr25519', verify: (s) => scure.verify(s.message, s.signature, s.publicKey) },
  'schnorrkel-wasm': { scheme: 'sr25519', verify: (s) => wasmVerify(s.publicKey, s.message, s.signature) },
  'ed25519 ours hot': {
    scheme: 'ed25519',
    verify: (s) => verifyHot(s.publicKey, s.message, s.signature, { registered: true }),
  },
  'ed25519 ours cold': {
    scheme: 'ed25519',
    verify: (s) => verifySignature(s.publicKey, s.message, s.signature),
  },
  'noble ed25519.verify': {
    scheme: 'ed25519',
    verify: (s) => ed25519.verify(s.signature, s.message, s.publicKey, { zip215: false }),
  },
  'sr25519 ours hot, wrapped in <Bytes>': {
    scheme: 'wrapped',
    verify: (s) => verifyHot(s.publicKey, s.message, s.signature, { registered: true }),
  },
  'sr25519 ours hot, wrong message': {
    scheme: 'sr25519',
    bad: true,
    verify: (s) => verifyHot(s.publicKey, s.message.subarray(1), s.signature, { registered: true }),
  },
  'sr25519 ours cold, wrong message': {
    scheme: 'sr25519',
    bad: true,
    verify: (s) => verifySignature(s.publicKey, s.message.subarray(1), s.signature),
  },
}

/** Where an sr25519 verification spends its time; and nothing, to see what the clock reads. */
const PARTS: Record<string, Contestant> = {
  nothing: () => true,
  'part: transcript, 3 keccak-f': (s) =>
    sr25519.challenge(s.message, s.publicKey, s.signature.subarray(0, 32)) > 0n,
  'part: decoding R': (s) => sr25519.decodeCommitment(s.signature.subarray(0, 32)) !== undefined,
  'part: 66 additions, 11 doublings': () => {
    let sum = toExtended(IDENTITY)
    for (let step = 0; step < 66; step++) sum = toExtended(add(sum, ADDEND))
    for (let step = 0; step < 11; step++) sum = toExtended(double(sum))
    return sum.Z !== 0n
  },
  'part: one inverse': (s) => invert(bytesToNumberLE(s.publicKey), ORDER) > 0n,
  'part: halving a challenge': (s) => halve(bytesToNumberLE(s.publicKey.subarray(0, 31))).u > 0n,
}
const {
  Fp: { ORDER },
  BASE,
} = ed25519.Point
/** As combs hold them. */
const ADDEND = pick(toUnitAddends([BASE]), 0)

let samples: Record<keyof Inputs, Sample[]> = { sr25519: [], ed25519: [], wrapped: [] }
let imported: CryptoKey[] = []
let kept: Verifier | undefined

export default {
  async fetch(request: Request): Promise<Response> {
    const url = new URL(request.url)
    if (url.pathname === '/inputs') return Response.json(await take(await request.json<Inputs>()))
    if (url.pathname === '/idle') return Response.json({})
    if (url.pathname === '/remember') return Response.json(remember())
    const name = url.searchParams.get('contestant') ?? ''
    const count = Number(url.searchParams.get('count'))
    if (name === 'WebCrypto Ed25519') return Response.json(await runWebCrypto(count))
    return Response.json(run(name, count, url.searchParams.get('timed') !== 'no'))
  },
}

async function take(inputs: Inputs): Promise<string> {
  const decode = (s: SampleText): Sample => ({
    publicKey: hexToBytes(s.publicKey),
    message: hexToBytes(s.message),
    signature: hexToBytes(s.signature),
  })
  samples = {
    sr25519: inputs.sr25519.map(decode),
    ed25519: inputs.ed25519.map(decode),
    wrapped: inputs.wrapped.map(decode),
  }
  imported = await Promise.all(
    samples.ed25519.map((s) => crypto.subtle.importKey('raw', s.publicKey, 'Ed25519', false, ['verify'])),
  )
  return bytesToHex(samples.sr25519[0]?.publicKey ?? new Uint8Array())
}

/** Asking the clock allocates, so allocation is measured without. */
function run(name: string, count: number, timed: boolean): { readonly milliseconds: number } {
  const part = PARTS[name]
  const contestant = part ? { scheme: 'sr25519' as const, verify: part } : CONTESTANTS[name]
  if (contestant === undefined) throw new Error(`no contestant ${name}`)
  const inputs = samples[contestant.scheme]
  const bad = 'bad' in contestant
  const begun = timed ? nextTick() : 0
  for (let round = 0; round < count; round++) {
    const sample = inputs[round % inputs.length]
    if (sample === undefined || contestant.verify(sample) === bad) {
      throw new Error(`${name} gave a wrong answer`)
    }
  }
  return { milliseconds: timed ? sinceTick(begun) : 0 }
}

/** Gives every key its table and keeps them, for the memory they take. */
function remember(): number {
  kept = createVerifier()
  for (const { publicKey, message, signature } of samples.sr25519) {
    for (let use = 0; use < KEY_CACHE_LIMITS.combAfter; use++)
      kept(publicKey, message, signature, { registered: true })
  }
  return samples.sr25519.length
}

async function runWebCrypto(count: number): Promise<{ readonly milliseconds: number }> {
  const begun = nextTick()
  for (let round = 0; round < count; round++) {
    const index = round % samples.ed25519.length
    const sample = samples.ed25519[index]
    const key = imported[index]
    if (sample === undefined || key === undefined) throw new Error('no inputs')
    if (!(await crypto.subtle.verify('Ed25519', key, sample.signature, sample.message)))
      throw new Error('refused')
  }
  return { milliseconds: sinceTick(begun) }
}

/** Waits for the clock to move; returns the new time. */
function nextTick(): number {
  const now = performance.now()
  let next = now
  while (next === now) next = performance.now()
  return next
}

/**
 * Milliseconds since `begun`, finer than the clock: a full tick's worth of questions is counted
 * for scale.
 */
function sinceTick(begun: number): number {
  const ended = performance.now()
  let left = 0
  while (performance.now() === ended) left++
  const tick = performance.now()
  let full = 0
  while (performance.now() === tick) full++
  return ended + 1 - begun - Math.min(1, left / Math.max(1, full))
}
