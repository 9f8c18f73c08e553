/**
 * The commands: each asks, prints what matters, and answers an exit code.
 */

import { MINER_USER_AGENT } from '../../src/protocol/user-agent.ts'
import {
  type ClientEvent,
  firstArrived,
  hashBody,
  type Limits,
  submissionsPath,
  type Upload,
} from '../client.ts'
import type { Command } from './arguments.ts'
import { doctor, notThere, type Seat } from './doctor.ts'
import { EXIT, type ExitCode, Fault } from './fault.ts'
import { gatewayUrl } from './gateway.ts'
import { watchInterrupts } from './interrupt.ts'
import { bothTexts, delivered, documentOf, refusal, reportOf, shown } from './refusal.ts'
import { challengeOf, clientFor, keyFor, readSubmission, type Session } from './session.ts'

export const RUN: Readonly<Record<Command, (session: Session) => Promise<ExitCode>>> = {
  upload,
  verify,
  status,
  sign,
  whoami,
  doctor,
  challenges,
  limits,
}

async function upload(session: Session): Promise<ExitCode> {
  const { out } = session
  const { signer, upload, name } = await prepare(session)
  const what = `${name}: ${upload.body.length} bytes to ${upload.challenge} as ${signer.hotkey}`
  const interrupts = watchInterrupts(out)
  let named: string | undefined
  const onEvent = (event: ClientEvent) => {
    interrupts.follow(event)
    if (event.event !== 'send' || event.nonce === named) return
    named = event.nonce
    out.note(`uploading ${what} (nonce ${event.nonce})`)
  }
  const answer = await clientFor(session, { signer, label: name, onEvent }).submitUpload(upload)
  interrupts.release()
  if (
    !answer.ok &&
    answer.kind === 'problem' &&
    answer.problem.code === 'nonce_already_used' &&
    answer.mayHaveArrived !== true
  ) {
    return sayWhatBecame(session, answer.problem, answer)
  }
  const accepted = delivered(answer, session)
  if (accepted.arrivedBefore === true) return sayArrived(session, accepted.status, accepted.requestId)
  const fields = { ...(typeof accepted.value === 'object' ? accepted.value : {}) }
  const id = 'id' in fields ? String(fields.id) : undefined
  const lines = [
    `accepted by ${upload.challenge} (${accepted.status}, request ${accepted.requestId ?? 'without id'})`,
    accepted.value === undefined ? accepted.text : JSON.stringify(accepted.value, null, 2),
  ]
  if (id !== undefined) lines.push(`next: platform-edge status ${id} --challenge ${upload.challenge}`)
  out.result(lines, {
    ok: true,
    status: accepted.status,
    request_id: accepted.requestId,
    answer: accepted.value ?? accepted.text,
  })
  return EXIT.ok
}

/** A replay of an upload that arrived is as good as the upload, provided it was this file. */
function sayWhatBecame(
  session: Session,
  problem: Parameters<typeof firstArrived>[0],
  answer: Parameters<typeof refusal>[0],
): ExitCode {
  const { original } = problem
  const arrived = firstArrived(problem)
  if (arrived === true && original.body_matches && (original.status ?? 500) < 300) {
    return sayArrived(session, original.status, original.request_id)
  }
  const { exitCode, message, hint, more } = refusal(answer, session)
  const what =
    arrived === undefined
      ? 'it is unknown whether the first attempt arrived'
      : arrived
        ? `the first attempt arrived and was answered ${original.status}`
        : 'the first attempt did not arrive'
  const body = original.body_matches ? '' : ', with another body'
  throw new Fault(
    arrived === undefined ? EXIT.unreachable : exitCode,
    `${message}: ${what}${body} (request ${original.request_id})`,
    hint,
    more,
  )
}

function sayArrived({ out }: Session, status: number | undefined, requestId: string | undefined): ExitCode {
  out.result([`the first attempt arrived: the challenge answered ${status} (request ${requestId})`], {
    ok: true,
    status,
    request_id: requestId,
    arrived: true,
  })
  return EXIT.ok
}

async function verify(session: Session): Promise<ExitCode> {
  const { signer, upload, name } = await prepare(session)
  const answer = delivered(await clientFor(session, { signer, label: name }).verifyUpload(upload), session)
  const report = reportOf(answer.value)
  const lines = report.checks.flatMap(({ check, result, problem }) => [
    [result.padEnd(7), check.padEnd(15), problem && `${problem.detail}. ${problem.hint}`]
      .filter(Boolean)
      .join(' '),
    ...bothTexts(problem?.canonical_message, answer),
  ])
  const { uid, metagraph } = report
  lines.push(
    `uid ${uid ?? 'none'}${metagraph ? ` at block ${metagraph.block}, ${metagraph.age_seconds} s old` : ''}`,
  )
  lines.push(
    report.would_be_accepted ? 'would be accepted; nothing was spent or forwarded' : 'would be refused',
  )
  session.out.result(lines, { ok: report.would_be_accepted, ...report })
  return report.would_be_accepted ? EXIT.ok : EXIT.refused
}

async function status(session: Session): Promise<ExitCode> {
  const challenge = challengeOf(session)
  const answer = delivered(
    await clientFor(session).getSubmission(challenge, session.args.operand ?? ''),
    session,
  )
  const text = answer.value === undefined ? answer.text : JSON.stringify(answer.value, null, 2)
  session.out.result([text], { ok: true, status: answer.status, answer: answer.value ?? answer.text })
  return EXIT.ok
}

async function sign(session: Session): Promise<ExitCode> {
  const { signer, upload } = await prepare(session)
  const signed = delivered(await clientFor(session, { signer }).signUpload(upload), session).value
  if (signed === undefined) return EXIT.unreachable
  const { message, headers } = signed
  const url = gatewayUrl(session) + submissionsPath(upload.challenge)
  const file = session.args.operand ?? ''
  const named = upload.filename === undefined ? {} : { 'X-Submission-Filename': upload.filename }
  const all = { ...headers, ...named, 'User-Agent': MINER_USER_AGENT }
  const options = Object.entries(all).map(([name, value]) => `-H ${quote(`${name}: ${value}`)}`)
  const curl = [
    'curl',
    ...options,
    "-H 'Content-Type: application/octet-stream'",
    '--data-binary',
    quote(`@${file}`),
    quote(url),
  ].join(' ')
  session.out.result(
    [`message ${message}`, ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`), curl],
    { ok: true, message, headers, body_hash: await hashBody(upload.body), url, curl },
  )
  return EXIT.ok
}

async function whoami(session: Session): Promise<ExitCode> {
  const { key, source } = await keyFor(session)
  const lines = [`hotkey ${key.hotkey}`, `scheme ${key.scheme}`, `from   ${source}`]
  const place = session.args.gateway ?? session.env['PLATFORM_EDGE_URL']
  let seen: Seat | undefined
  if (place !== undefined) {
    seen = documentOf(await clientFor(session).read<Seat>(`/v1/metagraph?hotkey=${key.hotkey}`), session)
    lines.push(
      `uid    ${seen.uid === null ? notThere(seen.block) : `${seen.uid} on netuid ${seen.netuid} at block ${seen.block}`}`,
    )
  }
  session.out.result(lines, { ok: true, hotkey: key.hotkey, scheme: key.scheme, source, ...seen })
  return EXIT.ok
}

interface Listed {
  readonly challenges?: readonly {
    readonly slug: string
    readonly name: string
    readonly upload_url: string
  }[]
}

async function challenges(session: Session): Promise<ExitCode> {
  const answer = await clientFor(session).read<Listed>('/v1/challenges')
  if (!answer.ok && answer.kind === 'problem' && answer.problem.code === 'not_found')
    throw new Fault(
      EXIT.refused,
      'this gateway does not list its challenges',
      'It is an older one: its page (/status) or its operator knows the slugs.',
    )
  const { challenges: listed } = documentOf(answer, session)
  if (!Array.isArray(listed))
    throw new Fault(EXIT.unreachable, 'the answer lists no challenges', 'Check the address of the gateway.')
  const width = Math.max(0, ...listed.map(({ slug }) => slug.length))
  const lines = listed.map(({ slug, name }) => shown(`${slug.padEnd(width)}  ${name}`))
  session.out.result(lines.length === 0 ? ['no challenge takes uploads now'] : lines, {
    ok: true,
    challenges: listed,
  })
  return EXIT.ok
}

async function limits(session: Session): Promise<ExitCode> {
  const found = documentOf(await clientFor(session).read<Limits>('/v1/limits'), session)
  const lines = Object.entries(found).map(
    ([name, value]) => `${name.padEnd(24)} ${typeof value === 'object' ? JSON.stringify(value) : value}`,
  )
  session.out.result(lines, { ok: true, ...found })
  return EXIT.ok
}

async function prepare(session: Session) {
  const { args } = session
  const challenge = challengeOf(session)
  gatewayUrl(session)
  const file = await readSubmission(session, args.operand ?? '')
  const { signer } = await keyFor(session)
  const upload: Upload = {
    challenge,
    body: file.content,
    ...(file.filename === undefined ? {} : { filename: file.filename }),
    ...(args.contentType === undefined ? {} : { contentType: args.contentType }),
    ...(args.nonce === undefined ? {} : { nonce: args.nonce }),
  }
  return { signer, upload, name: file.name }
}

function quote(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
