/**
 * Several origins of one challenge: which is asked first, and when another may be asked.
 *
 * Another origin is asked only when nothing of the request can have arrived, or when the request
 * is a read, which may arrive twice. A streamed body is gone once it was sent, so it has one try.
 * An origin that could not be reached is asked last for a while. Each isolate remembers only that,
 * and nothing for a challenge with a single origin.
 */

import type { CallOrigin, OriginAnswer, OriginCall } from './origin.ts'
import { BODY_BROKE_OFF } from './send.ts'

/**
 * Long enough to spare most requests a timeout, and short enough to use an origin soon after it is
 * back.
 */
const DOWN_SECONDS = 10

/** `now` in Unix seconds. */
export function createFailover(call: CallOrigin, now: () => number): CallOrigin {
  const failedAt = new Map<string, number>()
  const isDown = (url: string) =>
    now() - (failedAt.get(placeOf(url)) ?? Number.NEGATIVE_INFINITY) < DOWN_SECONDS

  const note = (url: string, answer: OriginAnswer) => {
    if (answer.delivered) failedAt.delete(placeOf(url))
    else if (answer.cause !== BODY_BROKE_OFF) failedAt.set(placeOf(url), now())
  }

  return async ({ otherUrls = [], ...asked }) => {
    if (otherUrls.length === 0) return call(asked)
    const urls = [asked.url, ...otherUrls]
    const [first = asked.url, ...others] = [...urls.filter((url) => !isDown(url)), ...urls.filter(isDown)]
    let answer = await call({ ...asked, url: first })
    note(first, answer)
    for (const url of others) {
      if (answer.delivered || !mayAskAnother(asked, answer.outcome)) break
      answer = await call({ ...asked, url })
      note(url, answer)
    }
    return answer
  }
}

function mayAskAnother({ method, body }: OriginCall, outcome: 'not_delivered' | 'unknown'): boolean {
  if (body !== undefined && 'stream' in body) return false
  return outcome === 'not_delivered' || method === 'GET' || method === 'HEAD'
}

/** Scheme and host, or the binding: all paths of one host fail together. */
function placeOf(url: string): string {
  return /^(vpc:\w+|\w+:\/\/[^/]+)/.exec(url)?.[0] ?? url
}
