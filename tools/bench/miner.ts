/**
 * `npm run bench:miner`: what the command line costs beyond Node itself, in time and in memory.
 *
 * Time until the first byte: of help on stdout, and of the first request at a gateway. Memory: the
 * largest resident set of an upload of 7.5 MB beside that of an empty script. Medians; the gateway
 * here only counts bytes.
 */

import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import '../dev/build-miner.ts'

const RUNS = 15
const UPLOAD_BYTES = 7_500_000
const LIMITS = { start: 300, memory: 64 }
const CLI = path.resolve('dist-miner/cli.js')
/**
 * Says its largest resident set (KiB) when it ends. `resourceUsage().maxRSS` would count the
 * parent's, which survives the fork.
 */
const WEIGHED = `data:text/javascript,import fs from 'node:fs';process.on('exit',()=>process.stderr.write(/VmHWM.*/.exec(fs.readFileSync('/proc/self/status','utf8'))[0]))`

let firstByteAt = 0
const server = createServer((request, response) => {
  request.resume()
  request.on('end', () =>
    response.end(request.url === '/version' ? '{"netuid":100,"protocol_family":"platform"}' : '{"id":"1"}'),
  )
})
server.on('connection', (socket) => {
  socket.once('data', () => {
    firstByteAt ||= performance.now()
  })
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const gateway = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
const directory = await mkdtemp(path.join(tmpdir(), 'bench-miner-'))
const file = path.join(directory, 'agent.zip')
await writeFile(file, randomBytes(UPLOAD_BYTES))
const env = {
  PATH: process.env['PATH'] ?? '',
  PLATFORM_EDGE_URL: gateway,
  PLATFORM_EDGE_SEED: '07'.repeat(32),
}
const upload = [CLI, 'upload', file, '--challenge', 'demo']

try {
  const node = await times(['-e', 'process.stdout.write("x")'])
  const help = await times([CLI, '--help'])
  const request = await times(upload)
  const empty = await weights(['-e', '0'])
  const uploading = await weights(upload)
  report('node, an empty script', node, 'ms')
  report('help, first byte beyond that', help - node, 'ms', LIMITS.start)
  report('upload, first byte at the gateway beyond that', request - node, 'ms', LIMITS.start)
  report('node, an empty script', empty, 'MB')
  report('upload of 7.5 MB, memory beyond that', uploading - empty, 'MB', LIMITS.memory)
} finally {
  server.close()
  await rm(directory, { recursive: true })
}

/**
 * Median milliseconds from the start of the process to its first byte: to the gateway, else on
 * stdout.
 */
async function times(args: readonly string[]): Promise<number> {
  const all: number[] = []
  for (let run = 0; run < RUNS; run += 1) {
    firstByteAt = 0
    const startedAt = performance.now()
    await ended(args, () => {
      firstByteAt ||= performance.now()
    })
    all.push(firstByteAt - startedAt)
  }
  return median(all)
}

async function weights(args: readonly string[]): Promise<number> {
  const all: number[] = []
  for (let run = 0; run < RUNS; run += 1) {
    const stderr = await ended(['--import', WEIGHED, ...args], () => {})
    all.push((Number(/VmHWM:\s*(\d+)/.exec(stderr)?.[1]) * 1024) / 1e6)
  }
  return median(all)
}

function ended(args: readonly string[], onOutput: () => void): Promise<string> {
  const child = spawn(process.execPath, args, { env })
  let stderr = ''
  child.stdout.on('data', onOutput)
  child.stderr.on('data', (chunk) => {
    stderr += chunk
  })
  return new Promise((resolve) => child.once('close', () => resolve(stderr)))
}

function median(values: number[]): number {
  return values.sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN
}

function report(what: string, value: number, unit: string, limit?: number): void {
  const verdict = limit === undefined ? '' : value < limit ? `  (under ${limit})` : `  OVER ${limit}`
  console.log(`${what.padEnd(48)} ${value.toFixed(1).padStart(7)} ${unit}${verdict}`)
  if (limit !== undefined && value >= limit) process.exitCode = 1
}
