/**
 * The password of an encrypted hotkey: from the environment as the wallet software has it, else
 * asked for without echo.
 *
 * Order of the wallet: `BT_WALLET_PASSWORD`, `BT_PW_<PATH>` (scrambled with its own name),
 * `BT_WALLET_PASSWORD_FILE`, prompt.
 */

import { readFile } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { Writable } from 'node:stream'
import { EXIT, errorCode, Fault } from '../cli/fault.ts'

type Environment = Readonly<Record<string, string | undefined>>

const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/

/** Throws a Fault when there is no password and no terminal to ask at. */
export async function findPassword(path: string, env: Environment): Promise<string> {
  const direct = env['BT_WALLET_PASSWORD']
  if (direct !== undefined) return direct
  const name = passwordVariable(path)
  const scrambled = env[name]
  if (scrambled !== undefined) return unscramble(scrambled, name) ?? refusePlain(name)
  const file = env['BT_WALLET_PASSWORD_FILE']
  if (file !== undefined) return readPasswordFile(file)
  if (process.stdin.isTTY && process.stderr.isTTY) return askPassword(path)
  throw new Fault(
    EXIT.wallet,
    `${path} is encrypted and there is no terminal to ask for its password`,
    'Set BT_WALLET_PASSWORD or BT_WALLET_PASSWORD_FILE.',
  )
}

/** `BT_PW_` and the path with separators and dots as `_`, in upper case. */
export function passwordVariable(path: string): string {
  return `BT_PW_${path.replace(/[/\\.]/g, '_')}`.toUpperCase()
}

/**
 * Base64 of the password XORed with the variable's name, over and over. Undefined for what was not
 * made so.
 */
export function unscramble(text: string, name: string): string | undefined {
  if (!BASE64.test(text)) return undefined
  const key = Buffer.from(name)
  const scrambled = new Uint8Array(Buffer.from(text, 'base64'))
  const plain = scrambled.map((byte, at) => byte ^ (key[at % key.length] ?? 0))
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(plain)
  } catch {
    return undefined
  }
}

function refusePlain(name: string): never {
  throw new Fault(
    EXIT.wallet,
    `${name} holds no scrambled password, as the wallet software writes it there`,
    `Put a password in plain text into BT_WALLET_PASSWORD, and unset ${name}.`,
  )
}

async function readPasswordFile(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: unknown) => {
    throw new Fault(
      EXIT.wallet,
      `cannot read the password file (${errorCode(error)})`,
      'Check BT_WALLET_PASSWORD_FILE.',
    )
  })
  return text.replace(/\r?\n$/, '')
}

/**
 * readline writes what is typed; it writes it nowhere. The terminal's own echo is off before the
 * prompt is shown.
 */
function askPassword(path: string): Promise<string> {
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() })
  const lines = createInterface({ input: process.stdin, output: nowhere, terminal: true })
  process.stderr.write(`Password of ${path}: `)
  return new Promise((resolve, reject) => {
    const end = () => {
      lines.close()
      process.stderr.write('\n')
    }
    lines.once('SIGINT', () => {
      end()
      reject(new Fault(EXIT.wallet, 'no password given', 'Set BT_WALLET_PASSWORD to run without a prompt.'))
    })
    lines.question('', (answer) => {
      end()
      resolve(answer)
    })
  })
}
