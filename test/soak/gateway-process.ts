/**
 * The gateway as a process that can be killed, state on disk and all. `soak.ts` starts it with a
 * JSON of `ProcessOptions` in SOAK.
 *
 * Each line of its stdout is one JSON: `{ "ready": true }`, then `{ "log": … }` for each line the
 * gateway writes.
 */

import { type GatewayOptions, startGateway } from '../../tools/dev/gateway.ts'

export type ProcessOptions = Pick<GatewayOptions, 'vars' | 'secrets' | 'persistTo'> & {
  readonly port: number
  readonly bundle?: string
}

const options: ProcessOptions = JSON.parse(process.env['SOAK'] ?? '{}')
const gateway = await startGateway({
  ...options,
  onLog: ({ message }) => console.log(JSON.stringify({ log: message })),
})
console.log(JSON.stringify({ ready: true }))

// The parent is gone, or wants an end.
process.stdin.resume().once('end', async () => {
  await gateway.close()
  process.exit(0)
})
