/** The planted fault: the gateway, with a nonce ledger that forgets. The soak must find it. */

import { NonceLedger as FaithfulLedger, type ReserveCall } from '../../src/ledger/object.ts'

export { MetagraphLease } from '../../src/lease/object.ts'
export { StatusBoard } from '../../src/status/object.ts'
export { default } from '../../src/worker.ts'

export class NonceLedger extends FaithfulLedger {
  override reserve(call: ReserveCall) {
    const answer = super.reserve(call)
    this.ctx.storage.sql.exec('DELETE FROM nonces')
    return answer
  }
}
