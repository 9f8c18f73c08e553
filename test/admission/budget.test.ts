/** Who gets how much of an isolate's room. */

import { describe, expect, test } from 'vitest'
import { createBodyBudget } from '../../src/admission/budget.ts'

const CAP = 1000
const budgetOf = (now = () => 0) => createBodyBudget({ capBytes: CAP, now, abandonedSeconds: 120 })

test('counts what shares grow to, and forgets what is released', () => {
  const budget = budgetOf()
  const one = budget.open()
  expect([one.grow(600), one.grow(500), one.grow(1001)]).toEqual([true, true, false])
  const other = budget.open()
  expect([other.grow(401), other.grow(400)]).toEqual([false, true])
  one.release()
  one.release()
  expect([other.grow(1001), other.grow(1000)]).toEqual([false, true])
})

test('a share that nothing released is taken back when room is needed, and not before its time', () => {
  let now = 0
  const budget = budgetOf(() => now)
  const lost = budget.open()
  lost.grow(CAP)
  now = 100
  lost.grow(0)
  now = 220
  expect(budget.open().grow(1)).toBe(false)
  now = 221
  expect(budget.open().grow(CAP)).toBe(true)
  lost.release()
  expect(budget.open().grow(1)).toBe(false)
})

test('a share that was released takes no room again', () => {
  const budget = budgetOf()
  const sent = budget.open()
  sent.grow(600)
  sent.release()
  expect([sent.grow(0), sent.grow(600), budget.open().grow(CAP)]).toEqual([false, false, true])
})

test('a share that asks for more and gets none is not taken back', () => {
  let now = 0
  const budget = budgetOf(() => now)
  const [small, large] = [budget.open(), budget.open()]
  expect([small.grow(400), large.grow(600)]).toEqual([true, true])
  now = 100
  expect(small.grow(500)).toBe(false)
  now = 200
  expect([large.grow(0), budget.open().grow(1)]).toEqual([true, false])
})

describe('a holder', () => {
  const holder = (name: string, largestBytes = 100) => ({ name, largestBytes })

  test('gets half of the room at most, whatever number of shares it opens', () => {
    const budget = budgetOf()
    const hung = [budget.open(holder('hung')), budget.open(holder('hung'))]
    expect(hung.map((share) => share.grow(250))).toEqual([true, true])
    expect(budget.open(holder('hung')).grow(1)).toBe(false)
    const others = budget.open(holder('other'))
    expect([others.grow(501), others.grow(500)]).toEqual([false, true])
    hung[0]?.release()
    expect(budget.open(holder('hung')).grow(250)).toBe(true)
  })

  test('gets room for its largest body where that is more than half', () => {
    const budget = budgetOf()
    expect(budget.open(holder('demo', 700)).grow(700)).toBe(true)
    expect(budget.open(holder('demo', 700)).grow(1)).toBe(false)
    expect(budget.open(holder('other', 700)).grow(300)).toBe(true)
  })

  test('that is alone may take all of it', () => {
    expect(budgetOf().open().grow(CAP)).toBe(true)
  })
})
