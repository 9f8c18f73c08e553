/**
 * W3C trace context, passed on to challenges and the master, and never invented: `traceparent`
 * when it is well formed, and `tracestate` only beside it. Anything else in these headers is
 * dropped.
 */

import type { CallOrigin } from '../origin/origin.ts'

const NAMES = ['traceparent', 'tracestate']
/** Version, trace, parent, flags; no version ff, no id of zeros (W3C Trace Context 3.2.2). */
const TRACEPARENT = /^(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/
/** The length that every vendor must be able to pass on. */
const TRACESTATE = /^[\x20-\x7e]{1,512}$/

/** For all calls: their headers may be a client's own. */
export function checkTrace(call: CallOrigin): CallOrigin {
  return (request) => {
    const { headers } = request
    const parent = headers.get('traceparent')
    const state = headers.get('tracestate')
    const isTraced = parent !== null && TRACEPARENT.test(parent)
    if (parent !== null && !isTraced) headers.delete('traceparent')
    if (state !== null && !(isTraced && TRACESTATE.test(state))) headers.delete('tracestate')
    return call(request)
  }
}

/** For a call whose headers are built from nothing. */
export function traceLike(client: Headers, call: CallOrigin): CallOrigin {
  return (request) => {
    for (const name of NAMES) {
      const value = client.get(name)
      if (value !== null) request.headers.set(name, value)
    }
    return call(request)
  }
}
