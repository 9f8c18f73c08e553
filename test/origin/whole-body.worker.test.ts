/** A body read whole within bounds: to the byte, and with nothing lost when it is longer. */

import { describe, expect, test } from 'vitest'
import { createBodyBudget } from '../../src/admission/budget.ts'
import { NO_ROOM, readWhole } from '../../src/origin/whole-body.ts'

const LONG_MS = 60_000

function bodyOf(...chunks: readonly (string | Error)[]): Response {
  const left = [...chunks]
  return new Response(
    new ReadableStream({
      pull(controller) {
        const chunk = left.shift()
        if (chunk === undefined) controller.close()
        else if (chunk instanceof Error) controller.error(chunk)
        else controller.enqueue(new TextEncoder().encode(chunk))
      },
    }),
  )
}

describe('whole', () => {
  test.each([[[]], [['']], [['1234567890']], [['1', '23456', '7890']]])('%j', async (chunks) => {
    const body = await readWhole(bodyOf(...chunks), 10, LONG_MS)
    expect(body.kind === 'whole' && new TextDecoder().decode(body.bytes)).toBe(chunks.join(''))
  })

  test('no body at all', async () => {
    expect(await readWhole(new Response(null), 10, LONG_MS)).toEqual({
      kind: 'whole',
      bytes: new Uint8Array(),
    })
  })
})

test.each([[['12345678901']], [['1', '234567890', '1', 'x'.repeat(100_000)]]])(
  'one byte too long: all of it streams on',
  async (chunks) => {
    const body = await readWhole(bodyOf(...chunks), 10, LONG_MS)
    expect(body.kind === 'long' && (await new Response(body.resume()).text())).toBe(chunks.join(''))
  },
)

describe('broken', () => {
  test('in mid-body', async () => {
    const body = await readWhole(bodyOf('part', new Error('reset')), 10, LONG_MS)
    expect(body).toEqual({ kind: 'broken', cause: 'body broke off' })
  })
})

describe('out of time', () => {
  test('what was read and what comes later streams on', async () => {
    let go = () => {}
    const gate = new Promise<void>((resolve) => {
      go = resolve
    })
    const left = ['first ', 'second ', 'third']
    const slow = new ReadableStream({
      async pull(controller) {
        const chunk = left.shift()
        if (chunk === 'second ') await gate
        if (chunk === undefined) controller.close()
        else controller.enqueue(new TextEncoder().encode(chunk))
      },
    })
    const body = await readWhole(new Response(slow), 100, 20)
    expect(body).toMatchObject({ kind: 'long', cause: 'body timeout' })
    go()
    expect(body.kind === 'long' && (await new Response(body.resume()).text())).toBe('first second third')
  })

  test('a rest that breaks off breaks off', async () => {
    const body = await readWhole(bodyOf('12345678901', new Error('reset')), 10, LONG_MS)
    if (body.kind !== 'long') throw new Error(body.kind)
    await expect(new Response(body.resume()).text()).rejects.toThrow()
  })

  test('and is dropped where it is not wanted', async () => {
    let cancelled = false
    const silent = new ReadableStream({
      pull: () => new Promise(() => {}),
      cancel: () => {
        cancelled = true
      },
    })
    const body = await readWhole(new Response(silent), 10, 20)
    if (body.kind !== 'long') throw new Error(body.kind)
    await body.drop()
    expect(cancelled).toBe(true)
  })
})

describe('room', () => {
  function roomOf(mostBytes: number) {
    const room = {
      taken: 0,
      grow(bytes: number) {
        const fits = bytes <= mostBytes
        if (fits) room.taken = bytes
        return fits
      },
      release() {
        room.taken = 0
      },
    }
    return room
  }

  test('a whole body has taken twice its bytes, for the caller to release', async () => {
    const room = roomOf(20)
    expect((await readWhole(bodyOf('12345', '67890'), 10, LONG_MS, room)).kind).toBe('whole')
    expect(room.taken).toBe(20)
  })

  test('where there is no more, all of it streams by, and then the room is free', async () => {
    const room = roomOf(19)
    const body = await readWhole(bodyOf('12345', '67890', 'x'.repeat(100_000)), 1_000_000, LONG_MS, room)
    if (body.kind !== 'long') throw new Error(body.kind)
    expect([body.cause, room.taken]).toEqual([NO_ROOM, 10])
    expect(await new Response(body.resume()).text()).toBe(`1234567890${'x'.repeat(100_000)}`)
    expect(room.taken).toBe(0)
  })

  test('what a slow client has not taken yet keeps its room', async () => {
    let clock = 0
    const budget = createBodyBudget({ capBytes: 20, now: () => clock, abandonedSeconds: 120 })
    const body = await readWhole(bodyOf('12345', '67890', '1'), 10, LONG_MS, budget.open())
    if (body.kind !== 'long') throw new Error(body.kind)
    const client = body.resume().getReader()
    const take = async () => {
      await client.read()
      // The next chunk is on its way once this one is gone.
      await new Promise((resolve) => setTimeout(resolve))
    }
    clock = 100
    await take()
    clock = 210
    expect(budget.open().grow(1)).toBe(false)
    await take()
    await take()
    expect(budget.open().grow(20)).toBe(true)
  })

  test('a body that breaks off or is dropped gives it back', async () => {
    const room = roomOf(100)
    expect((await readWhole(bodyOf('12345', new Error('reset')), 10, LONG_MS, room)).kind).toBe('broken')
    expect(room.taken).toBe(0)
    const body = await readWhole(bodyOf('12345', '678901'), 10, LONG_MS, room)
    if (body.kind === 'long') await body.drop()
    expect([body.kind, room.taken]).toEqual(['long', 0])
  })
})
