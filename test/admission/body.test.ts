import { describe, expect, test } from 'vitest'
import { type BodyMode, type BodyOrder, declaredBytes, readBody } from '../../src/admission/body.ts'
import { createBodyBudget } from '../../src/admission/budget.ts'
import { byteStream } from '../support/stream.ts'
import { newDigest, sha256 } from '../support/upload.ts'

const MAX = 300_000

function bytes(length: number, fill = 0x61): Uint8Array<ArrayBuffer> {
  return new Uint8Array(length).fill(fill)
}

function budgetOf(capBytes: number, now = () => 0) {
  return createBodyBudget({ capBytes, now, abandonedSeconds: 600 })
}

function orderOf(stream: BodyOrder['stream'], mode: BodyMode, changes: Partial<BodyOrder> = {}): BodyOrder {
  return {
    stream,
    mode,
    limits: { declaredBytes: undefined, maxBytes: MAX },
    held: budgetOf(10_000_000).open(),
    passing: budgetOf(10_000_000).open(),
    ports: { now: () => 0, after: () => () => {}, newDigest },
    ...changes,
  }
}

async function read(chunks: readonly Uint8Array[], mode: BodyMode, declared?: number, capBytes = 10_000_000) {
  const budget = budgetOf(capBytes)
  const share = budget.open()
  const limits = { declaredBytes: declared, maxBytes: MAX }
  const body = await readBody(orderOf(byteStream(chunks), mode, { limits, held: share }))
  return { body, budget, share }
}

test('the last declared byte ends the reading, and takes room like any other', async () => {
  const open = () => new ReadableStream({ type: 'bytes', start: (source) => source.enqueue(bytes(100)) })
  const limits = { declaredBytes: 100, maxBytes: MAX }
  const body = await readBody(orderOf(open(), 'hold', { limits }))
  expect(body).toMatchObject({ ok: true, value: { bytes: 100, hash: sha256(bytes(100)) } })
  const full = await readBody(orderOf(open(), 'hold', { limits, held: budgetOf(99).open() }))
  expect(full).toMatchObject({ rejection: { code: 'over_capacity' } })
})

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
    const broken = byteStream([bytes(10)], undefined, true)
    const body = await readBody(orderOf(broken, mode))
    expect(body).toMatchObject({ rejection: { code: 'bad_request' } })
  })

  test('no body at all', async () => {
    const body = await readBody(orderOf(null, mode))
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

  test('room is taken as bytes arrive, not as they are announced, and none before the first', async () => {
    const sizes: number[] = []
    const held = { grow: (bytes: number) => sizes.push(bytes) > 0, release: () => {} }
    const limits = { declaredBytes: 200_000, maxBytes: MAX }
    const some = (bytes: number) => byteStream([new Uint8Array(bytes)], undefined, true)
    await readBody(orderOf(some(0), 'hold', { limits, held }))
    expect(sizes).toEqual([])
    await readBody(orderOf(some(1), 'hold', { limits, held }))
    expect(sizes).toEqual([1024])
    await readBody(orderOf(some(1025), 'hold', { limits, held }))
    expect(Math.max(...sizes)).toBe(32_768)
    await readBody(orderOf(some(32_769), 'hold', { limits, held }))
    expect(Math.max(...sizes)).toBe(131_072)
    await readBody(orderOf(byteStream([bytes(200_000)]), 'hold', { limits, held }))
    expect(Math.max(...sizes)).toBe(200_001)
  })

  test('what passes takes a small buffer first, and never more than 64 KiB', async () => {
    for (const [sent, most] of [
      [0, 0],
      [1, 32_768],
      [MAX, 65_536],
    ] as const) {
      const sizes = [0]
      const passing = { grow: (size: number) => sizes.push(size) > 0, release: () => sizes.push(-1) }
      await readBody(orderOf(byteStream([bytes(sent)], undefined, sent === 0), 'hash', { passing }))
      expect(Math.max(...sizes)).toBe(most)
      expect(sizes.at(-1)).toBe(-1)
    }
  })

  test('the buffer that a slow body passes through counts until its end', async () => {
    let now = 0
    const budget = budgetOf(65_536, () => now)
    const others: boolean[] = []
    const slow = () => {
      const digest = newDigest()
      const update = (part: Uint8Array) => {
        now += 500
        const other = budget.open()
        others.push(other.grow(65_536))
        other.release()
        return digest.update(part)
      }
      return { ...digest, update }
    }
    const ports = { now: () => 0, after: () => () => {}, newDigest: slow }
    const chunks = Array.from({ length: 50 }, () => bytes(6000))
    await readBody(orderOf(byteStream(chunks), 'hash', { passing: budget.open(), ports }))
    expect(others.length).toBeGreaterThan(4)
    // At the first bytes nothing counts yet.
    expect(others.slice(1)).not.toContain(true)
    expect(budget.open().grow(65_536)).toBe(true)
  })

  test('a body that loses its room is hashed to its end, and what was held is given back', async () => {
    for (const capBytes of [0, 32_768, 131_072, 300_000]) {
      const { body, budget } = await read([bytes(MAX - 1, 7)], 'hold_if_room', undefined, capBytes)
      expect(body).toMatchObject({
        value: { bytes: MAX - 1, hash: sha256(bytes(MAX - 1, 7)), content: undefined },
      })
      expect(budget.open().grow(capBytes)).toBe(true)
    }
    const { body } = await read([bytes(MAX - 1, 7)], 'hold_if_room', undefined, MAX + 1)
    expect(body.ok && body.value.content?.byteLength).toBe(MAX - 1)
  })
})

describe('progress', () => {
  /** A clock that is wound by hand: timers fire as it passes them. */
  function handClock() {
    let now = 1000
    const timers = new Set<{ at: number; act: () => void }>()
    return {
      now: () => now,
      after(seconds: number, act: () => void) {
        const timer = { at: now + seconds, act }
        timers.add(timer)
        return () => timers.delete(timer)
      },
      pass(seconds: number) {
        for (const end = now + seconds; now < end; ) {
          now += 1
          for (const timer of [...timers].filter(({ at }) => at <= now)) {
            timers.delete(timer)
            timer.act()
          }
        }
      },
      timers,
    }
  }

  /** A body whose client sends on command. */
  function dripping(mode: BodyMode) {
    const clock = handClock()
    const { readable, writable } = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>()
    const writer = writable.getWriter()
    const source: UnderlyingByteSource = {
      type: 'bytes',
      async pull(controller: ReadableByteStreamController) {
        const { value, done } = await reader.read()
        if (value !== undefined) controller.enqueue(value)
        if (!done) return
        controller.close()
        controller.byobRequest?.respond(0)
      },
    }
    const reader = readable.getReader()
    const ports = { ...clock, newDigest }
    let outcome: Awaited<ReturnType<typeof readBody>> | undefined
    const done = readBody(orderOf(new ReadableStream(source), mode, { ports })).then((body) => {
      outcome = body
    })
    const settle = async () => {
      for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve))
    }
    return {
      clock,
      done,
      outcome: () => outcome,
      async send(count: number) {
        void writer.write(bytes(count))
        await settle()
      },
      async pass(seconds: number) {
        await settle()
        clock.pass(seconds)
        await settle()
      },
      close: () => writer.close(),
    }
  }

  const STALLED = { ok: false, rejection: { code: 'request_timeout', facts: { idle_seconds: 20 } } }

  test.each(['hold', 'hold_if_room', 'hash', 'count'] as const)(
    '%s: silence ends after 20 s',
    async (mode) => {
      for (const sent of [0, 1, 40_000]) {
        const body = dripping(mode)
        if (sent > 0) await body.send(sent)
        await body.pass(19)
        expect(body.outcome()).toBeUndefined()
        await body.pass(1)
        expect(body.outcome()).toMatchObject(STALLED)
      }
    },
  )

  test.each(['hold', 'hash'] as const)(
    '%s: 512 bytes a second are enough, and fewer are not',
    async (mode) => {
      const slow = dripping(mode)
      await slow.send(1)
      for (let part = 0; part < 6; part += 1) {
        await slow.send(10_240)
        await slow.pass(19)
      }
      expect(slow.outcome()).toBeUndefined()
      await slow.close()
      await slow.done
      expect(slow.outcome()).toMatchObject({ ok: true, value: { bytes: 1 + 6 * 10_240 } })

      const slower = dripping(mode)
      await slower.send(32_768)
      for (let second = 0; second < 20; second += 1) {
        await slower.send(400)
        await slower.pass(1)
      }
      expect(slower.outcome()).toMatchObject(STALLED)
    },
  )

  test('a body that has ended leaves no timer', async () => {
    const body = dripping('hold')
    await body.send(10)
    await body.close()
    await body.done
    expect(body.outcome()).toMatchObject({ ok: true, value: { bytes: 10 } })
    expect(body.clock.timers.size).toBe(0)
  })
})

test('declared length', () => {
  expect(declaredBytes(new Headers())).toBeUndefined()
  expect(declaredBytes(new Headers({ 'content-length': '12' }))).toBe(12)
  const both = { 'content-length': '12', 'transfer-encoding': 'chunked' }
  expect(declaredBytes(new Headers(both))).toBeUndefined()
})
