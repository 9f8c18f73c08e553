/**
 * Merlin transcripts over STROBE-128, limited to what schnorrkel signatures use.
 *
 * A transcript is a sponge that both signer and verifier feed with the same labelled messages; the
 * bytes it then gives are the challenge. Only four STROBE operations are needed: meta-AD and AD to
 * append, PRF to draw, KEY for the signer's witness. A state is cheap to copy (200 bytes), so a
 * constant beginning is absorbed once.
 *
 * Sources: merlin.cool, strobe.sourceforge.io/specs 1.0.2, and dalek `merlin` 3.0 `strobe.rs`. The
 * permutation is noble's keccak-f[1600]; its words are little-endian, as are all platforms that
 * run V8.
 */
import { keccakP } from '@noble/hashes/sha3.js'

/**
 * Bytes absorbed between permutations: 200 - 2 * 16 (128-bit security) - 2 (STROBE's own padding).
 */
const RATE = 166

const FLAG_I = 1
const FLAG_A = 2
const FLAG_C = 4
const FLAG_M = 16

const META_AD = FLAG_M | FLAG_A
const AD = FLAG_A
const PRF = FLAG_I | FLAG_A | FLAG_C
const KEY = FLAG_A | FLAG_C

const ascii = (text: string): Uint8Array => new TextEncoder().encode(text)

const STROBE_HEADER = [1, RATE + 2, 1, 0, 1, 96, ...ascii('STROBEv1.0.2')]
const MERLIN_LABEL = ascii('Merlin v1.0')
const DOMAIN_SEPARATOR = ascii('dom-sep')

export class Transcript {
  /** The whole sponge, read by the tests that pin its intermediate states. */
  readonly state = new Uint8Array(200)
  readonly #words = new Uint32Array(this.state.buffer)
  #position = 0
  #operationStart = 0

  /** `Transcript::new(label)` of the Rust crate. */
  static start(label: string): Transcript {
    const transcript = new Transcript()
    transcript.state.set(STROBE_HEADER)
    keccakP(transcript.#words)
    transcript.#begin(META_AD)
    transcript.#absorb(MERLIN_LABEL)
    transcript.append(DOMAIN_SEPARATOR, ascii(label))
    return transcript
  }

  copy(): Transcript {
    const other = new Transcript()
    other.#words.set(this.#words)
    other.#position = this.#position
    other.#operationStart = this.#operationStart
    return other
  }

  /** `append_message(label, message)`. */
  append(label: Uint8Array, message: Uint8Array): void {
    this.#begin(META_AD)
    this.#absorb(label)
    this.#absorbLength(message.length)
    this.#begin(AD)
    this.#absorb(message)
  }

  /** `challenge_bytes(label, length)`. */
  challenge(label: Uint8Array, length: number): Uint8Array {
    this.#begin(META_AD)
    this.#absorb(label)
    this.#absorbLength(length)
    this.#begin(PRF)
    return this.#squeeze(length)
  }

  /**
   * `build_rng().rekey_with_witness_bytes(label, secret).finalize(random)`, then `length` bytes of
   * it.
   */
  witness(label: Uint8Array, secret: Uint8Array, random: Uint8Array, length: number): Uint8Array {
    const rng = this.copy()
    rng.#begin(META_AD)
    rng.#absorb(label)
    rng.#absorbLength(secret.length)
    rng.#begin(KEY)
    rng.#overwrite(secret)
    rng.#begin(META_AD)
    rng.#absorb(ascii('rng'))
    rng.#begin(KEY)
    rng.#overwrite(random)
    rng.#begin(META_AD)
    rng.#absorbLength(length)
    rng.#begin(PRF)
    return rng.#squeeze(length)
  }

  /**
   * STROBE `begin_op`: chain to the previous operation; cipher operations start on a fresh block.
   */
  #begin(flags: number): void {
    const previousStart = this.#operationStart
    this.#operationStart = this.#position + 1
    this.#absorbByte(previousStart)
    this.#absorbByte(flags)
    if ((flags & FLAG_C) !== 0 && this.#position !== 0) this.#permute()
  }

  #absorbByte(byte: number): void {
    this.state[this.#position] = (this.state[this.#position] ?? 0) ^ byte
    if (++this.#position === RATE) this.#permute()
  }

  /**
   * The length prefix of Merlin: little-endian u32. Lengths of 2^32 and more cannot occur in an
   * isolate.
   */
  #absorbLength(length: number): void {
    for (let shift = 0; shift < 32; shift += 8) this.#absorbByte((length >>> shift) & 0xff)
  }

  #absorb(data: Uint8Array): void {
    const { state } = this
    for (let offset = 0; offset < data.length; ) {
      const start = this.#position
      const count = Math.min(RATE - start, data.length - offset)
      for (let index = 0; index < count; index++) {
        state[start + index] = (state[start + index] ?? 0) ^ (data[offset + index] ?? 0)
      }
      offset += count
      this.#position = start + count
      if (this.#position === RATE) this.#permute()
    }
  }

  #overwrite(data: Uint8Array): void {
    for (const byte of data) {
      this.state[this.#position] = byte
      if (++this.#position === RATE) this.#permute()
    }
  }

  #squeeze(length: number): Uint8Array {
    const out = new Uint8Array(length)
    for (let index = 0; index < length; index++) {
      out[index] = this.state[this.#position] ?? 0
      this.state[this.#position] = 0
      if (++this.#position === RATE) this.#permute()
    }
    return out
  }

  #permute(): void {
    const { state } = this
    state[this.#position] = (state[this.#position] ?? 0) ^ this.#operationStart
    state[this.#position + 1] = (state[this.#position + 1] ?? 0) ^ 0x04
    state[RATE + 1] = (state[RATE + 1] ?? 0) ^ 0x80
    keccakP(this.#words)
    this.#position = 0
    this.#operationStart = 0
  }
}
