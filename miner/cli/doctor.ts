/**
 * `doctor`: everything that goes wrong in first uploads, looked at one after the other.
 */

import type { Client, Limits } from '../client.ts'
import { EXIT, type ExitCode, Fault } from './fault.ts'
import { documentOf, refusal, reportOf } from './refusal.ts'
import { challengeOf, clientFor, keyFor, type Session } from './session.ts'

/** What `GET /v1/metagraph?hotkey=` says. */
export interface Seat {
  readonly netuid: number
  readonly block: number
  readonly uid: number | null
}

interface Finding {
  readonly check: string
  readonly result: 'ok' | 'warning' | 'failed'
  readonly text: string
  /** Of a command that fails by this. */
  readonly exitCode: ExitCode
}

type Note = (check: string, result: Finding['result'], text: string, exitCode?: ExitCode) => void

/**
 * The snapshot is minutes old and registering costs TAO, so no miner is told to register because
 * of it.
 */
export function notThere(block: number): string {
  return `not in the snapshot of block ${block} yet; if you registered in the last minutes wait, do not register twice`
}

/** As `engines` in package.json has it. */
const OLDEST_NODE = { major: 22, minor: 12 }

export async function doctor(session: Session): Promise<ExitCode> {
  const findings: Finding[] = []
  const note: Note = (check, result, text, exitCode = EXIT.refused) =>
    findings.push({ check, result, text, exitCode })
  const node = judgeNode(process.versions.node)
  note('node', node.result, node.text)

  const loaded = await keyFor(session).catch((error: unknown) => noteFault(error, 'wallet', note))
  if (loaded !== undefined) {
    const open = loaded.warnings.length > 0
    note(
      'wallet',
      open ? 'warning' : 'ok',
      `${loaded.source}: ${loaded.key.scheme} hotkey ${loaded.key.hotkey}`,
    )
  }
  const signer = loaded === undefined ? {} : { signer: loaded.signer }
  const client = clientFor(session, { ...signer, retries: false })
  const sentAt = Date.now()
  const time = await client.read<{ readonly server_time: number }>('/v1/time')
  try {
    const { server_time } = documentOf(time, session)
    note('gateway', 'ok', 'answers')
    judgeClock(Math.round((sentAt + Date.now()) / 2000) - server_time, await windowOf(client), note)
  } catch (error) {
    noteFault(error, 'gateway', note)
    return print(session, findings)
  }

  if (loaded !== undefined) {
    await checkRegistration(client, loaded.key.hotkey, session, note)
    if (session.args.challenge !== undefined) await rehearse(client, session, note)
  }
  return print(session, findings)
}

async function windowOf(client: Client): Promise<number> {
  const limits = await client.read<Limits>('/v1/limits')
  return (limits.ok ? limits.value?.signature_ttl_seconds : undefined) ?? 300
}

function judgeClock(skew: number, window: number, note: Note): void {
  const off = Math.abs(skew)
  note(
    'clock',
    off > window ? 'failed' : off > window / 10 ? 'warning' : 'ok',
    `${off} s ${skew < 0 ? 'behind' : 'ahead of'} the gateway's; ${window} s are allowed`,
  )
}

/** Only the dry run decides: it asks the chain about a hotkey that the snapshot does not have. */
async function checkRegistration(
  client: Client,
  hotkey: string,
  session: Session,
  note: Note,
): Promise<void> {
  const seat = await client.read<Seat>(`/v1/metagraph?hotkey=${hotkey}`)
  if (!seat.ok && seat.kind === 'problem')
    return note('registration', 'warning', refusal(seat, session).message)
  try {
    const { uid, block } = documentOf(seat, session)
    if (uid !== null) return note('registration', 'ok', `uid ${uid} at block ${block}`)
    const more =
      session.args.challenge === undefined ? 'with --challenge SLUG a dry run decides' : 'the dry run decides'
    note('registration', 'warning', `${notThere(block)}; ${more}`)
  } catch (error) {
    noteFault(error, 'registration', note)
  }
}

async function rehearse(client: Client, session: Session, note: Note): Promise<void> {
  const body = Uint8Array.from(new TextEncoder().encode('platform-edge doctor'))
  try {
    const report = documentOf(await client.verifyUpload({ challenge: challengeOf(session), body }), session)
    const failed = reportOf(report).checks.filter(({ result }) => result === 'fail')
    if (failed.length === 0) return note('dry run', 'ok', 'an upload would be accepted')
    const texts = failed.map(
      ({ check, problem }) => `${check}: ${problem?.detail ?? 'failed'}. ${problem?.hint ?? ''}`,
    )
    note('dry run', 'failed', texts.join('; '))
  } catch (error) {
    noteFault(error, 'dry run', note)
  }
}

/** Of a version such as `22.12.0`. */
export function judgeNode(version: string): { readonly result: 'ok' | 'warning'; readonly text: string } {
  const [major = 0, minor = 0] = version.split('.').map(Number)
  const { major: oldest, minor: least } = OLDEST_NODE
  if (major > oldest || (major === oldest && minor >= least))
    return { result: 'ok', text: `version ${version}` }
  return { result: 'warning', text: `version ${version}; ${oldest}.${least} or newer is needed` }
}

function print({ out }: Session, findings: readonly Finding[]): ExitCode {
  const failed = findings.filter(({ result }) => result === 'failed')
  out.result(
    findings.map(({ check, result, text }) => `${result.padEnd(8)} ${check.padEnd(13)} ${text}`),
    {
      ok: failed.length === 0,
      findings: findings.map(({ check, result, text }) => ({ check, result, text })),
    },
  )
  return (
    failed.find(({ exitCode }) => exitCode !== EXIT.refused)?.exitCode ??
    (failed.length === 0 ? EXIT.ok : EXIT.refused)
  )
}

function noteFault(error: unknown, check: string, note: Note): undefined {
  if (!(error instanceof Fault)) throw error
  note(check, 'failed', `${error.message}. ${error.hint}`, error.exitCode)
}
