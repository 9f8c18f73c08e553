/** Starts, kills and restarts the gateway's process on one port and one state. */

import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import type { ProcessOptions } from './gateway-process.ts'

const SCRIPT = fileURLToPath(new URL('gateway-process.ts', import.meta.url))

export interface KillableGateway {
  readonly url: string
  start(): Promise<void>
  /** SIGKILL, for the process and the runtime below it. */
  kill(): Promise<void>
  close(): Promise<void>
}

export function killableGateway(options: ProcessOptions, onLog: (message: string) => void): KillableGateway {
  let child: ChildProcess | undefined

  async function end(how: (running: ChildProcess) => void): Promise<void> {
    const running = child
    child = undefined
    if (running === undefined || running.exitCode !== null) return
    const ended = once(running, 'exit')
    how(running)
    await ended
  }

  return {
    url: `http://127.0.0.1:${options.port}`,

    start() {
      const started = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', SCRIPT], {
        // A group of its own, so that a kill takes the runtime too.
        detached: true,
        stdio: ['pipe', 'pipe', 'inherit'],
        env: { ...process.env, SOAK: JSON.stringify(options) },
      })
      child = started
      return new Promise((resolve, reject) => {
        started.once('exit', (code) => reject(new Error(`the gateway ended with ${code}`)))
        createInterface({ input: started.stdout }).on('line', (line) => {
          const { log, ready } = JSON.parse(line)
          if (typeof log === 'string') onLog(log)
          if (ready === true) resolve()
        })
      })
    },

    kill: () =>
      end(({ pid }) => {
        if (pid !== undefined) process.kill(-pid, 'SIGKILL')
      }),

    close: () => end((running) => running.stdin?.end()),
  }
}
