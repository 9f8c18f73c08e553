/**
 * What Linux says about a process: CPU it has used, memory it holds. workerd has
 * no interface for either.
 */

import { readdirSync, readFileSync, writeFileSync } from 'node:fs'

/** `/proc/stat` counts in USER_HZ, 100 a second on every Linux that Node runs on. */
const MS_PER_TICK = 10

/** Processes called `name` that `parent` started. */
export function childrenOf(parent: number, name: string): readonly number[] {
  const pids = readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))
  return pids.map(Number).filter((pid) => {
    const [comm, fields] = statOf(pid)
    return comm === name && Number(fields[1]) === parent
  })
}

/**
 * User and system time so far, in milliseconds: of each thread in nanoseconds, where
 * `/proc/PID/stat` counts the same in steps of 10 ms, more than a hundred small requests take.
 */
export function cpuMs(pid: number): number {
  const threads = readdirSync(`/proc/${pid}/task`)
  const times = threads.map((thread) => Number(textOf(`/proc/${pid}/task/${thread}/schedstat`).split(' ')[0]))
  return times.reduce((sum, nanoseconds) => sum + nanoseconds, 0) / 1e6
}

/** Milliseconds that all processors together were busy since boot, by any process. */
export function machineBusyMs(): number {
  const first = readFileSync('/proc/stat', 'utf8').split('\n', 1)[0] ?? ''
  const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = first
    .split(/\s+/)
    .slice(1)
    .map(Number)
  return (user + nice + system + irq + softirq + steal) * MS_PER_TICK
}

/** Resident memory now and at its highest since `forgetPeak`, in MB (10^6 bytes). */
export function memoryMb(pid: number): { readonly now: number; readonly peak: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const read = (name: string) =>
    (Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1]) * 1024) / 1e6
  return { now: read('VmRSS'), peak: read('VmHWM') }
}

/** Lets the peak start again from what is resident now. */
export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5')
}

/** Name and the fields behind it, from `state` on. The name may hold blanks and brackets. */
function statOf(pid: number): [name: string, fields: readonly string[]] {
  const text = textOf(`/proc/${pid}/stat`)
  const end = text.lastIndexOf(')')
  return [text.slice(text.indexOf('(') + 1, end), text.slice(end + 2).split(' ')]
}

/** Empty when the process or thread is gone. */
function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}
