import { bytesToHex, hexToBytes, utf8ToBytes } from '@noble/hashes/utils.js'
import { __tests } from '@scure/sr25519'
import { describe, expect, test } from 'vitest'
import { Transcript } from '../../src/crypto/merlin.ts'
import { signingContext, signingTranscript } from '../../src/crypto/sr25519.ts'
import VECTORS from '../vectors/merlin.json' with { type: 'json' }
import { createRandom, freshSeed } from './random.ts'

describe('the transcripts of the dalek crate', () => {
  test('simple', () => {
    const transcript = Transcript.start('test protocol')
    transcript.append(utf8ToBytes('some label'), utf8ToBytes('some data'))
    expect(bytesToHex(transcript.challenge(utf8ToBytes('challenge'), 32))).toBe(VECTORS.simple.challenge)
  })

  test('complex: 32 rounds of challenge and 1024 bytes', () => {
    const transcript = Transcript.start('test protocol')
    transcript.append(utf8ToBytes('step1'), utf8ToBytes('some data'))
    let challenge = new Uint8Array()
    for (let round = 0; round < 32; round++) {
      challenge = Uint8Array.from(transcript.challenge(utf8ToBytes('challenge'), 32))
      transcript.append(utf8ToBytes('bigdata'), new Uint8Array(1024).fill(99))
      transcript.append(utf8ToBytes('challengedata'), challenge)
    }
    expect(bytesToHex(challenge)).toBe(VECTORS.complex.final_challenge)
  })
})

describe('intermediate states', () => {
  const MESSAGE = utf8ToBytes('pinned')
  const KEY = hexToBytes('d43593c715fdd31c61141abd04a99fd6822c8558854ccde39a5684e7a56da27d')

  /** The same transcript by @scure/sr25519, an independent implementation. */
  const theirs = (context: string): InstanceType<typeof __tests.SigningContext> => {
    const transcript = new __tests.SigningContext('SigningContext')
    transcript.label(utf8ToBytes(context))
    return transcript
  }

  test('after the constant prefix', () => {
    const { state } = signingContext('substrate')
    expect(bytesToHex(state)).toMatchInlineSnapshot(
      `"9c7f5bea8a913cb40ad10d0d65642707b3616a2f306528f6733be420a205d212ba710f6d09609d77fa3e6c3008ee1394096d3989d45e4760f2b8f7e8a624acf6e1b60095e322bbfbc845e5b26995fe7d7c841374d1ff5898c92ee0636b06727321c92a603907035349ccbb1b92b7b0057e8fa87fcebc7e88656fcb45ae04bc34cabeaebe79d91750c0e8bf13b966504d1343597265dd8865adf91409cc9b20d5f47444041f97b699ddfbdee91ea87bd09bf8b02da75a96e947f07f5b65bb4e6efefaa16abfd9fbf6"`,
    )
    expect(state).toEqual(theirs('substrate').strobe.state)
  })

  test('after message and key', () => {
    const { state } = signingTranscript(MESSAGE, KEY)
    expect(bytesToHex(state)).toMatchInlineSnapshot(
      `"9c7f5bea8a913cb40ad10d0d65642707b3616a2f306528f6733be420a205d212ba710f6d09609d77fa3e6c3008ee1394096d3989d45e4760f2b8f7d9b457c5918f9b62ec9747c8fdc845e58e6be5971312e17738c38f2af7bd41cd0d0a6b177821c92a343b54603b27a3c969bfc4d9621a9ddb16a9d244f80e4fcb45ae75bee0ff2d69ab840a0b31d4f2021710f986cf3fc601f729106bfffb7df3aca1395dd5f47444041f97b699ddfbdee91ea87bd09bf8b02da75a96e947f07f5b65bb4e6efefaa16abfd9fbf6"`,
    )
    const other = theirs('substrate')
    other.bytes(MESSAGE)
    other.protoName('Schnorr-sig')
    other.appendMessage('sign:pk', KEY)
    expect(state).toEqual(other.strobe.state)
  })

  test('the shared prefix does not change when it is used', () => {
    const before = signingTranscript(MESSAGE, KEY).state.slice()
    signingTranscript(new Uint8Array(5000), KEY).challenge(utf8ToBytes('sign:c'), 64)
    expect(signingTranscript(MESSAGE, KEY).state).toEqual(before)
  })

  const seed = freshSeed()
  test(`every message length from 0 to 700, against @scure/sr25519 (seed ${seed})`, () => {
    const random = createRandom(seed)
    for (let length = 0; length <= 700; length++) {
      const message = random.bytes(length)
      const other = theirs('substrate')
      other.bytes(message)
      other.protoName('Schnorr-sig')
      other.appendMessage('sign:pk', KEY)
      const ours = signingTranscript(message, KEY)
      const label = utf8ToBytes('sign:c')
      expect(ours.challenge(label, 64)).toEqual(other.challengeBytes('sign:c', 64))
      expect(ours.state).toEqual(other.strobe.state)
    }
  }, 60_000)
})
