import { describe, expect, test } from 'vitest'
import { type BodyMode, createBodyBudget, declaredBytes, readBody } from '../../src/admission/body.ts'
import { byteStream } from '../support/stream.ts'
import { newDigest, sha256 } from '../support/upload.ts'

const MAX = 300_000

function bytes(length: number, fill = 0x61): Uint8Array {
  return new Uint8Array(length).fill(fill)
}

async function read(chunks: readonly Uint8Array[], mode: BodyMode, declared?: number, capBytes = 10_000_000) {
  const budget = createBodyBudget(capBytes, () => 0)
  const share = budget.open()
  const limits = { declaredBytes: declared, maxBytes: MAX }
  const body = await readBody(byteStream(chunks), mode, limits, share, newDigest)
  return { body, budget, share }
}

describe.each(['hold', 'hash', 'count'] as const)('mode %s', (mode) => {
  const SIZES = [0, 1, 65_535, 65_536, 65_537, 131_071, 131_072, 131_073, MAX - 1, MAX]
  test.each(SIZES)('%i bytes, declared or not', async (size) => {
    const content = bytes(size)
    for (const declared of [undefined, size]) {
      const { body } = await read([content], mode, declared)
      expect(body).toMatchObject({
        ok: true,
        value: { bytes: size, hash: mode === 'count' ? '' : sha256(content) },
      })
      if (body.ok) expect(body.value.content?.byteLength).toBe(mode === 'hold' ? size : undefined)
    }
  })

  test('one byte past the limit', async () => {
    const { body } = await read([bytes(MAX), bytes(1)], mode)
    expect(body).toMatchObject({ rejection: { code: 'submission_too_large', facts: { max_bytes: MAX } } })
  })

  test('shorter than declared', async () => {
    expect((await read([bytes(9)], mode, 10)).body).toMatchObject({ rejection: { code: 'bad_request' } })
  })

  test('breaks off', async () => {
    const budget = createBodyBudget(10_000_000, () => 0)
    const broken = byteStream([bytes(10)], undefined, true)
    const body = await readBody(
      broken,
      mode,
      { declaredBytes: undefined, maxBytes: MAX },
      budget.open(),
      newDigest,
    )
    expect(body).toMatchObject({ rejection: { code: 'bad_request' } })
  })

  test('no body at all', async () => {
    const budget = createBodyBudget(1_000_000, () => 0)
    const limits = { declaredBytes: undefined, maxBytes: MAX }
    const body = await readBody(null, mode, limits, budget.open(), newDigest)
    expect(body).toMatchObject({ ok: true, value: { bytes: 0 } })
  })

  test('many chunks keep their order', async () => {
    const chunks = Array.from({ length: 40 }, (_, index) => bytes(5000, index))
    const { body } = await read(chunks, mode)
    if (mode !== 'count') expect(body).toMatchObject({ value: { hash: sha256(Buffer.concat(chunks)) } })
    expect(body).toMatchObject({ ok: true, value: { bytes: 200_000 } })
  })
})

describe('bytes in flight', () => {
  test('a body that does not fit is refused', async () => {
    const { body } = await read([bytes(150_000)], 'hold', 150_000, 150_000)
    expect(body).toMatchObject({ rejection: { code: 'over_capacity' } })
    expect((await read([bytes(150_000)], 'hold', 150_000, 150_001)).body).toMatchObject({ ok: true })
  })

  test('a held body counts until it is released', async () => {
    const { budget, share } = await read([bytes(100_000)], 'hold', 100_000, 150_000)
    expect(budget.open().grow(100_000)).toBe(false)
    share.release()
    expect(budget.open().grow(150_000)).toBe(true)
  })

  test('hashing and counting hold nothing', async () => {
    for (const mode of ['hash', 'count'] as const) {
      expect((await read([bytes(MAX)], mode, MAX, 0)).body).toMatchObject({ ok: true })
    }
  })

  test('room is taken as bytes arrive, not as they are announced', async () => {
    expect((await read([bytes(10)], 'hold', undefined, 131_072)).body).toMatchObject({ ok: true })
  })

  test('a share without progress for over two minutes is taken back when room is needed', () => {
    let now = 0
    const budget = createBodyBudget(100, () => now)
    const lost = budget.open()
    expect(lost.grow(100)).toBe(true)
    now = 120
    expect(budget.open().grow(1)).toBe(false)
    now = 121
    const next = budget.open()
    expect(next.grow(100)).toBe(true)
    lost.release()
    expect(budget.open().grow(1)).toBe(false)
  })
})

test('declared length', () => {
  expect(declaredBytes(new Headers())).toBeUndefined()
  expect(declaredBytes(new Headers({ 'content-length': '12' }))).toBe(12)
})
