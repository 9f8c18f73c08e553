/**
 * `doctor`: everything that goes wrong in first uploads, looked at one after the other.
 */

import type { Limits } from '../client.ts'
import { EXIT, type ExitCode, Fault } from './fault.ts'
import { challengeOf, clientFor, keyFor, refusal, type Session } from './session.ts'

interface Finding {
  readonly check: string
  readonly result: 'ok' | 'warning' | 'failed'
  readonly text: string
}

/** As `engines` in package.json has it. */
const OLDEST_NODE = { major: 22, minor: 12 }

export async function doctor(session: Session): Promise<ExitCode> {
  const findings: Finding[] = []
  const note = (check: string, result: Finding['result'], text: string) =>
    findings.push({ check, result, text })
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
  const client = clientFor(session, loaded?.signer, '', false)
  const sentAt = Date.now()
  const time = await client.read<{ readonly server_time: number }>('/v1/time')
  if (!time.ok) {
    note('gateway', 'failed', refusal(time, session).message)
    return print(session, findings)
  }
  const skew = Math.round((sentAt + Date.now()) / 2000) - (time.value?.server_time ?? 0)
  const limits = await client.read<Limits>('/v1/limits')
  const window = (limits.ok ? limits.value?.signature_ttl_seconds : undefined) ?? 300
  note('gateway', 'ok', 'answers')
  const off = Math.abs(skew)
  note(
    'clock',
    off > window ? 'failed' : off > window / 10 ? 'warning' : 'ok',
    `${off} s ${skew < 0 ? 'behind' : 'ahead of'} the gateway's; ${window} s are allowed`,
  )

  if (loaded !== undefined) {
    const seat = await client.read<{ readonly uid: number | null; readonly block: number }>(
      `/v1/metagraph?hotkey=${loaded.key.hotkey}`,
    )
    if (!seat.ok) note('registration', 'failed', refusal(seat, session).message)
    else if (typeof seat.value?.uid === 'number')
      note('registration', 'ok', `uid ${seat.value.uid} at block ${seat.value.block}`)
    else note('registration', 'failed', 'the hotkey is not registered: btcli subnet register')
  }
  if (loaded !== undefined && session.args.challenge !== undefined) {
    const body = Uint8Array.from(new TextEncoder().encode('platform-edge doctor'))
    const dry = await client.verifyUpload({ challenge: challengeOf(session), body })
    if (!dry.ok) note('dry run', 'failed', refusal(dry, session).message)
    else {
      const failed = dry.value?.checks.filter(({ result }) => result === 'fail') ?? []
      const text = failed.map(({ check, problem }) => `${check}: ${problem?.detail ?? 'failed'}`).join('; ')
      note('dry run', failed.length === 0 ? 'ok' : 'failed', text || 'an upload would be accepted')
    }
  }
  return print(session, findings)
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
    { ok: failed.length === 0, findings },
  )
  if (failed.some(({ check }) => check === 'wallet')) return EXIT.wallet
  if (failed.some(({ check }) => check === 'gateway')) return EXIT.unreachable
  return failed.length === 0 ? EXIT.ok : EXIT.refused
}

function noteFault(
  error: unknown,
  check: string,
  note: (check: string, result: Finding['result'], text: string) => void,
): undefined {
  if (!(error instanceof Fault)) throw error
  note(check, 'failed', `${error.message}. ${error.hint}`)
}
