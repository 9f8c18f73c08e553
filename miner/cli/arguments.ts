/**
 * The command line, with btcli's habits: its names, its aliases, its short options.
 *
 * A secret never belongs here, where every user of the machine can read it, so options that would
 * carry one are refused by name and what follows them is never repeated.
 */

import { parseArgs } from 'node:util'
import type { ProtocolFamily } from '../../src/protocol/canonical.ts'
import { isFilename } from '../../src/protocol/filename.ts'
import type { Scheme } from '../wallet/keyfile.ts'
import { EXIT, Fault } from './fault.ts'

export const COMMANDS = [
  'upload',
  'verify',
  'status',
  'sign',
  'whoami',
  'doctor',
  'challenges',
  'limits',
] as const
export type Command = (typeof COMMANDS)[number]

export interface Arguments {
  readonly command: Command
  /** File or submission id. */
  readonly operand: string | undefined
  readonly walletName: string | undefined
  readonly walletHotkey: string | undefined
  readonly walletPath: string | undefined
  readonly secretFile: string | undefined
  readonly scheme: Scheme | undefined
  readonly gateway: string | undefined
  readonly challenge: string | undefined
  readonly netuid: number | undefined
  readonly family: ProtocolFamily | undefined
  readonly nonce: string | undefined
  readonly filename: string | undefined
  readonly contentType: string | undefined
  readonly json: boolean
  readonly quiet: boolean
}

const OPTIONS = {
  'wallet-name': { type: 'string' },
  'wallet-hotkey': { type: 'string' },
  'wallet-path': { type: 'string' },
  'secret-file': { type: 'string' },
  scheme: { type: 'string' },
  gateway: { type: 'string' },
  challenge: { type: 'string' },
  netuid: { type: 'string' },
  family: { type: 'string' },
  nonce: { type: 'string' },
  filename: { type: 'string' },
  'content-type': { type: 'string' },
  'json-output': { type: 'boolean', default: false },
  quiet: { type: 'boolean', default: false },
} as const

/** Other spellings, most of them of btcli 9 or of btcli 11. */
const ALIASES: Readonly<Record<string, string>> = {
  '-w': '--wallet-name',
  '--wallet': '--wallet-name',
  '--name': '--wallet-name',
  '--wallet.name': '--wallet-name',
  '--wallet_name': '--wallet-name',
  '--hotkey': '--wallet-hotkey',
  '-H': '--wallet-hotkey',
  '--wallet.hotkey': '--wallet-hotkey',
  '--wallet_hotkey': '--wallet-hotkey',
  '-p': '--wallet-path',
  '--wallet.path': '--wallet-path',
  '--wallet_path': '--wallet-path',
  '--mnemonic-file': '--secret-file',
  '--seed-file': '--secret-file',
  '--crypto-type': '--scheme',
  '--json': '--json-output',
  '--json-out': '--json-output',
  '-q': '--quiet',
}

const SECRETS = /^--(mnemonic|seed|password|private[-_]?key|secret|key|wallet[-_.]password)$/

/** Which operand a command takes, and whether it must be there. */
const OPERANDS: Readonly<Record<Command, string | undefined>> = {
  upload: 'a file',
  verify: 'a file',
  sign: 'a file',
  status: 'a submission id',
  whoami: undefined,
  doctor: undefined,
  challenges: undefined,
  limits: undefined,
}

export const USAGE = `usage: platform-edge COMMAND [options]

  upload FILE --challenge SLUG   sign a file and submit it
  verify FILE --challenge SLUG   dry run: every check, nothing is spent or forwarded
  status ID --challenge SLUG     what the challenge says about a submission
  sign FILE --challenge SLUG     print signed headers and a curl line; uploads nothing, and asks the gateway
                                 for what --netuid and --family leave open (GET /version)
  whoami                         the hotkey that would sign, and whether it is registered
  doctor [--challenge SLUG]      look for what would go wrong; with a challenge, by a dry run
  challenges                     the slugs that take uploads
  limits                         size, freshness, nonces

  --gateway URL                  or PLATFORM_EDGE_URL
  --wallet-name NAME             or BT_WALLET, BT_WALLET_NAME (-w, --wallet, --name, --wallet.name)
  --wallet-hotkey NAME           or BT_WALLET_HOTKEY (-H, --hotkey, --wallet.hotkey)
  --wallet-path DIR              or BT_WALLET_PATH (-p, --wallet.path)
                                 else as btcli has them: ~/.bittensor/btcli.json (or BTCLI_CONFIG),
                                 ~/.bittensor/config.yml (or BTCLI_CONFIG_PATH); else "default"
  --secret-file FILE             mnemonic or seed instead of a wallet; or PLATFORM_EDGE_MNEMONIC, PLATFORM_EDGE_SEED
  --scheme NAME                  sr25519 or ed25519, where the key does not say
  --netuid N --family NAME       each asked of the gateway unless given
  --nonce TEXT                   random unless given; one used before tells what became of that upload
  --filename NAME --content-type TYPE   name and type that the challenge sees, unsigned
  --json-output, --json          one JSON object on stdout
  --quiet, -q                    no progress on stderr
  --version --help

HTTPS_PROXY, HTTP_PROXY and NO_PROXY are honoured.

exit codes: 0 done, 1 refused, 2 wrong arguments, 3 wallet, 4 file, 5 no answer or not the gateway's,
still busy, or unknown whether it arrived, 70 a bug of this tool, 130 interrupted`

/** Throws a Fault for what is not understood. */
export function parseArguments(argv: readonly string[]): Arguments {
  const args = argv.map(canonicalName)
  const secret = args.find((arg) => SECRETS.test(arg.split('=')[0] ?? ''))
  if (secret !== undefined) {
    throw usage(
      `${secret.split('=')[0]} is not an option: secrets do not belong on a command line`,
      'Put it into a file (--secret-file), or into PLATFORM_EDGE_MNEMONIC, PLATFORM_EDGE_SEED or BT_WALLET_PASSWORD.',
    )
  }
  const { values, positionals } = parsed(args)
  const [name, operand, ...rest] = positionals
  const command = COMMANDS.find((each) => each === name)
  if (command === undefined) {
    throw usage(
      name === undefined ? 'no command given' : 'no such command',
      `Commands: ${COMMANDS.join(', ')}; see --help.`,
    )
  }
  const wanted = OPERANDS[command]
  if (rest.length > 0 || (wanted === undefined && operand !== undefined))
    throw usage(
      `${command} takes ${wanted ?? 'no argument'}, and got more`,
      'Put a name with blanks into quotes.',
    )
  if (wanted !== undefined && operand === undefined)
    throw usage(
      `${command} takes ${wanted}`,
      `platform-edge ${command} ${wanted.startsWith('a file') ? 'FILE' : 'ID'} --challenge SLUG`,
    )
  return {
    command,
    operand,
    walletName: values['wallet-name'],
    walletHotkey: values['wallet-hotkey'],
    walletPath: values['wallet-path'],
    secretFile: values['secret-file'],
    scheme: oneOf('--scheme', values.scheme, ['sr25519', 'ed25519']),
    gateway: values.gateway,
    challenge: values.challenge,
    netuid: parseNetuid(values.netuid),
    family: oneOf('--family', values.family, ['platform', 'base']),
    nonce: printable('--nonce', values.nonce),
    filename: plainName(values.filename),
    contentType: printable('--content-type', values['content-type']),
    json: values['json-output'],
    quiet: values.quiet,
  }
}

function canonicalName(arg: string): string {
  const [name = '', ...value] = arg.split('=')
  return [ALIASES[name] ?? name, ...value].join('=')
}

function parsed(args: string[]) {
  try {
    return parseArgs({ args, options: OPTIONS, allowPositionals: true })
  } catch (error) {
    // The first sentence names the option and not its value.
    const reason = error instanceof Error ? (error.message.split(/[.\n]/)[0] ?? '') : ''
    throw usage(reason, 'See platform-edge --help.')
  }
}

function oneOf<T extends string>(
  option: string,
  value: string | undefined,
  allowed: readonly T[],
): T | undefined {
  if (value === undefined) return undefined
  const found = allowed.find((each) => each === value)
  if (found === undefined) throw usage(`${option} is ${allowed.join(' or ')}`, 'See platform-edge --help.')
  return found
}

function parseNetuid(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^\d{1,5}$/.test(text) || Number(text) > 65_535)
    throw usage('--netuid is a number up to 65535', 'GET /version of the gateway shows it.')
  return Number(text)
}

function plainName(filename: string | undefined): string | undefined {
  if (filename !== undefined && !isFilename(filename))
    throw usage(
      '--filename has 1 to 255 printable ASCII characters, no slash and no backslash',
      'It is the name that the challenge sees, not a path.',
    )
  return filename
}

/** A header carries nothing else. */
function printable(option: string, value: string | undefined): string | undefined {
  if (value !== undefined && !/^[\x20-\x7e]{1,256}$/.test(value))
    throw usage(`${option} has 1 to 256 printable ASCII characters`, 'Leave it out for a default that works.')
  return value
}

function usage(message: string, hint: string): Fault {
  return new Fault(EXIT.usage, message, hint)
}
