/**
 * How a command ends that was not answered as it wished: who said no, and what to do.
 */

import { originalOf } from '../answer.ts'
import type { Answer, DryRunReport } from '../client.ts'
import { isNotHttp, isTemporary, isUntrusted } from '../retry.ts'
import { EXIT, Fault } from './fault.ts'
import { gatewayUrl, proxyFor } from './gateway.ts'
import type { Session } from './session.ts'

type Refused = Extract<Answer<unknown>, { ok: false }>
type Unreachable = Extract<Refused, { kind: 'unreachable' }>

/** The value of a 2xx, or a Fault that says who refused and what to do. */
export function delivered<T>(answer: Answer<T>, session: Session): Extract<Answer<T>, { ok: true }> {
  if (answer.ok) return answer
  throw refusal(answer, session)
}

/** The JSON object of a route of the gateway's own, which has one. */
export function documentOf<T extends object>(answer: Answer<T>, session: Session): T {
  const { value } = delivered(answer, session)
  if (typeof value === 'object' && value !== null) return value
  throw new Fault(
    EXIT.unreachable,
    `${new URL(gatewayUrl(session)).origin} does not answer as a gateway: no JSON object`,
    'Check the address of the gateway (--gateway), and whether a proxy on the way changes answers.',
  )
}

/** A dry run's report, which has its checks. */
export function reportOf(report: DryRunReport | undefined): DryRunReport {
  if (Array.isArray(report?.checks)) return report
  throw new Fault(
    EXIT.unreachable,
    'the answer is not a report',
    'Check the address of the gateway (--gateway).',
  )
}

export function refusal(answer: Refused, session: Session): Fault {
  const fault = reason(answer, session)
  if (answer.mayHaveArrived !== true) return fault
  const original = originalOf(answer)
  const requestId = original?.request_id ?? (answer.kind === 'unreachable' ? undefined : answer.requestId)
  const why = original === undefined ? fault.message : `the gateway says ${original.outcome}`
  const unknown = unknownOutcome({
    nonce: answer.sent?.nonce ?? '',
    requestId,
    why,
    exitCode: EXIT.unreachable,
  })
  const ask =
    'Ask the challenge, which saw that request id if it saw the upload. Upload again only if it has nothing.'
  const hint = original?.outcome === 'unknown' ? ask : `${unknown.hint}${cure(answer, fault)}`
  const json = { ...fault.more.json, ...unknown.more.json }
  return new Fault(EXIT.unreachable, unknown.message, hint, { ...fault.more, json })
}

/** What is on the way keeps a second try from arriving as well, so it is to be cured first. */
function cure(answer: Refused, fault: Fault): string {
  return answer.kind === 'foreign' ? ` Before that: ${fault.hint}` : ''
}

interface Unknown {
  readonly nonce: string
  readonly requestId: string | undefined
  readonly why: string
  readonly exitCode: Fault['exitCode']
}

/** The end of an upload that may have arrived. */
export function unknownOutcome({ nonce, requestId, why, exitCode }: Unknown): Fault {
  return new Fault(
    exitCode,
    `it is unknown whether the upload arrived (nonce ${nonce}, request ${requestId ?? 'without id'}): ${why}`,
    `Upload the same file with --nonce ${nonce} to find out: that cannot count twice.`,
    { lines: [], json: { may_have_arrived: true, nonce, request_id: requestId } },
  )
}

function reason(answer: Refused, session: Session): Fault {
  if (answer.kind === 'unreachable') return noAnswer(answer, session)
  if (answer.kind === 'foreign')
    return new Fault(EXIT.unreachable, `not the gateway: ${shown(answer.what)}`, shown(answer.hint))
  const exitCode = isTemporary(answer) || answer.status >= 500 ? EXIT.unreachable : EXIT.refused
  const request = answer.requestId === undefined ? '' : `, request ${answer.requestId}`
  if (answer.kind === 'challenge') {
    const text = shown(answer.text.replace(/\s+/g, ' ').slice(0, 200))
    // A proxy on the way answers with pages, and may add a request id.
    const who = /^\s*</.test(answer.text) ? 'the challenge, or a proxy on the way,' : 'the challenge'
    return new Fault(
      exitCode,
      `${who} answered ${answer.status}${text && `: ${text}`}${request}`,
      'This is its own answer; its documentation says more.',
    )
  }
  const { problem } = answer
  return new Fault(
    exitCode,
    `${problem.detail} (${answer.status} ${problem.code}${request})`,
    problem.hint + moreHint(problem),
    {
      lines: problem.code === 'invalid_signature' ? bothTexts(problem.canonical_message, answer) : [],
      json: { problem, ...(answer.sent && { signed_message: answer.sent.message }) },
    },
  )
}

function moreHint(problem: Extract<Refused, { kind: 'problem' }>['problem']): string {
  if (problem.code === 'invalid_signature') return ` Likely cause: ${problem.likely_cause}.`
  if (problem.code === 'stale_signature')
    return ' This tool corrects a clock once, by at most a day: set the clock of this machine.'
  return ''
}

function noAnswer({ cause }: Unreachable, session: Session): Fault {
  // Not the whole URL, which may hold a password.
  const { origin, protocol, host } = new URL(gatewayUrl(session))
  const proxy = proxyFor(origin)
  const by = proxy === undefined ? '' : ` through the proxy ${proxy.origin}`
  const fault = (message: string, hint: string) => new Fault(EXIT.unreachable, `${message} (${cause})`, hint)
  if (/^(EPROTO$|ERR_SSL_)/.test(cause) && protocol === 'https:')
    return fault(`${origin} does not speak TLS${by}`, `Use --gateway http://${host}, if plain HTTP is meant.`)
  if (isUntrusted(cause))
    return fault(
      `the certificate of ${origin} is not trusted${by}`,
      "A network that wants a sign-in first, or a company's proxy, may stand in between. Trust a company's own CA with NODE_EXTRA_CA_CERTS=FILE.",
    )
  if (isNotHttp(cause))
    return fault(`${origin} does not speak HTTP${by}`, `Use --gateway https://${host}, if TLS is meant.`)
  return fault(
    `no answer from ${origin}${by}`,
    'Check the URL and your network; platform-edge doctor looks closer.',
  )
}

/**
 * What the gateway expected and what was signed, one below the other, where they should have been
 * one.
 */
export function bothTexts(canonicalMessage: string | undefined, { sent }: Answer<unknown>): string[] {
  if (canonicalMessage === undefined || sent === undefined || sent.message === canonicalMessage) return []
  return [`  canonical_message ${shown(canonicalMessage)}`, `  signed            ${shown(sent.message)}`]
}

/** What others wrote must not steer the terminal. */
export function shown(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}]/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`)
}
