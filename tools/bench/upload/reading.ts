/**
 * Reading and hashing a body inside workerd, against what the platform offers.
 */

import { hashOf } from './bodies.ts'
import { atMost, disturbed, type Figure, show, showBytes, table } from './report.ts'
import { isDisturbed, medianOf, type Sample, takeTurns } from './rounds.ts'
import type { World } from './world.ts'

const WAYS = [
  ['arrayBuffer() + digest', 'array-buffer'],
  ['readBody, hold', 'hold'],
  ['readBody, hash (DigestStream)', 'hash'],
  ['default reader + digest', 'default-reader'],
] as const
const BASELINE = WAYS[0][0]

const COURSES = [
  { bytes: 7_500_000, requests: 16, connections: 4, rounds: 5 },
  { bytes: 100_000, requests: 300, connections: 8, rounds: 3 },
  { bytes: 1000, requests: 800, connections: 8, rounds: 3 },
]
const TARGET_RATIO = 1.5

export async function measureReading(world: World): Promise<readonly Figure[]> {
  const runtime = await world.startRivals()
  const figures: Figure[] = []
  const rows: string[][] = [
    ['CPU ms per body (with its HTTP request)', ...COURSES.map(({ bytes }) => showBytes(bytes))],
  ]
  const cells = new Map<string, string[]>(WAYS.map(([name]) => [name, []]))
  for (const course of COURSES) {
    const uploads = () => Array.from({ length: course.requests }, () => '')
    const expected = ['200', hashOf(course.bytes)] as const
    const contestants = WAYS.map(([name, path]) => ({
      name,
      runtime,
      path: `/read/${path}`,
      uploads,
      expected,
    }))
    const samples = await takeTurns(world, contestants, course)
    const baseline = medianOf(samples.get(BASELINE) ?? [], cpu)
    for (const [name] of WAYS) {
      const own = samples.get(name) ?? []
      const ms = medianOf(own, cpu)
      cells.get(name)?.push(`${show(ms)} (${show(ms / baseline)}x)`)
      if (!name.startsWith('readBody') || course.bytes !== COURSES[0]?.bytes) continue
      const figure = atMost(`${name}, 7.5 MB / ${BASELINE}`, ms / baseline, TARGET_RATIO)
      figures.push(isDisturbed(own) ? disturbed(figure) : figure)
    }
  }
  await runtime.close()
  console.log('\nReading and hashing a body in workerd, medians')
  console.log(table([...rows, ...WAYS.map(([name]) => [name, ...(cells.get(name) ?? [])])]))
  return figures
}

const cpu = (sample: Sample) => sample.cpuMs
