/**
 * Ctrl-C and SIGTERM in the middle of an upload: what may have left is named before the process
 * ends.
 */

import type { ClientEvent } from '../client.ts'
import { EXIT, Fault } from './fault.ts'
import type { Output } from './output.ts'
import { unknownOutcome } from './refusal.ts'

const SIGNALS = ['SIGINT', 'SIGTERM'] as const

/** Follows an upload by its events. `release` gives the signals back to the system. */
export function watchInterrupts(out: Output) {
  let nonce: string | undefined
  const end = () => {
    out.fault(nonce === undefined ? NOTHING_SENT : interrupted(nonce))
    process.exit(EXIT.interrupted)
  }
  for (const signal of SIGNALS) process.once(signal, end)
  return {
    follow(event: ClientEvent) {
      if (event.event === 'send') nonce = event.nonce
      // A fresh nonce goes out next, so it is settled what became of this one.
      if (event.event === 'retry' && !event.sameNonce) nonce = undefined
    },
    release() {
      for (const signal of SIGNALS) process.off(signal, end)
    },
  }
}

const NOTHING_SENT = new Fault(EXIT.interrupted, 'interrupted; no upload is on its way', 'Run it again.')

function interrupted(nonce: string): Fault {
  return unknownOutcome({ nonce, requestId: undefined, why: 'interrupted', exitCode: EXIT.interrupted })
}
