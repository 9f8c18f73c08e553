/**
 * The processes around the gateway. One that stops does not end the world: the gateway stays, so
 * that an operator can watch what it does then, and what has stopped can be started again.
 */

import { type ChildProcess, spawn } from 'node:child_process'
import path from 'node:path'
import { createInterface } from 'node:readline'

interface Program {
  /** Of `tools/dev/NAME.ts`. */
  readonly name: string
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

export interface Watcher {
  onLine(name: string, line: string): void
  /** It ended without being told to. */
  onStop(name: string, how: string): void
}

export interface Processes {
  run(program: Program): void
  /** Starts what has stopped; the names. */
  restart(): readonly string[]
  pidOf(name: string): number | undefined
  stopAll(): void
}

export function createProcesses(watcher: Watcher): Processes {
  const programs = new Map<string, Program>()
  const running = new Map<string, ChildProcess>()
  let stopping = false

  function start(program: Program): void {
    const { name, args, env } = program
    const script = path.join(import.meta.dirname, `${name}.ts`)
    const child = spawn(process.execPath, [script, ...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    running.set(name, child)
    createInterface({ input: child.stdout }).on('line', (line) => watcher.onLine(name, line))
    child.once('exit', (code, signal) => {
      running.delete(name)
      if (!stopping) watcher.onStop(name, signal ?? `exit code ${code}`)
    })
  }

  return {
    run(program) {
      programs.set(program.name, program)
      start(program)
    },
    restart() {
      const stopped = [...programs.values()].filter(({ name }) => !running.has(name))
      for (const program of stopped) start(program)
      return stopped.map(({ name }) => name)
    },
    pidOf: (name) => running.get(name)?.pid,
    stopAll() {
      stopping = true
      for (const child of running.values()) child.kill('SIGTERM')
    },
  }
}
