/**
 * Records a subnet from a real endpoint, word for word, with the hash of the block it was read at.
 *
 *     npm run chain:record -- --endpoint https://entrypoint-finney.opentensor.ai \
 *       --netuid 100 --out netuid100.json
 *
 * `node tools/dev/chain.ts --fixture FILE` serves the recorded members, tests replay them, and an
 * operator whose gateway cannot reach a chain pushes the file to `PUT /v1/admin/metagraph`. Only
 * what passes the gateway's own checks is written; the genesis hash is printed and not judged.
 */

import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { type Checked, fault } from '../../src/metagraph/fault.ts'
import { callRpc, endpointName } from '../../src/metagraph/json-rpc.ts'
import { type Ask, readChain } from '../../src/metagraph/reader.ts'
import {
  type ChainState,
  checkRecording,
  isBlockHash,
  mergeAnswers,
  type Recording,
} from '../../src/metagraph/recording.ts'
import { GENESIS_HASH } from '../../src/metagraph/storage-keys.ts'

const LIMIT_MS = 30_000

const USAGE_TEXT = `usage: npm run chain:record -- --endpoint URL --netuid N [--out FILE]

  --endpoint URL   JSON-RPC of a node, such as https://entrypoint-finney.opentensor.ai
  --netuid N       the subnet
  --out FILE       where the recording goes; without it to stdout

exit code: 0 recorded, 1 nothing recorded, 2 a wrong option`

const OPTIONS = {
  endpoint: { type: 'string' },
  netuid: { type: 'string' },
  out: { type: 'string' },
  help: { type: 'boolean', short: 'h', default: false },
} as const

process.exitCode = await main()

async function main(): Promise<number> {
  const values = readArguments()
  if (values?.help === true) {
    console.log(USAGE_TEXT)
    return 0
  }
  const { endpoint = '', netuid = '', out } = values ?? {}
  if (URL.canParse(endpoint) && /^\d{1,5}$/.test(netuid))
    return record(new URL(endpoint), Number(netuid), out)
  console.error(USAGE_TEXT)
  return 2
}

/** Undefined for an option that does not exist, or lacks its value. */
function readArguments() {
  try {
    return parseArgs({ options: OPTIONS }).values
  } catch {
    return undefined
  }
}

/** Writes the recording to `file`, or to stdout; answers the exit code. */
async function record(url: URL, subnet: number, file: string | undefined): Promise<number> {
  const recording = await readChain(createAsk(url), subnet)
  if (!recording.ok) return refuse(recording.reason)
  const genesisHash = genesisOf(recording.value)
  const state = check(recording.value, genesisHash)
  if (!state.ok) return refuse(state.reason)
  const { block, blockTime, hotkeys } = state.value
  const text = `${JSON.stringify({ ...recording.value, endpoint: endpointName({ url }), block, blockTime, genesisHash })}\n`
  if (file === undefined) process.stdout.write(text)
  else await writeFile(file, text)
  const made = new Date(blockTime * 1000).toISOString()
  console.error(
    `subnet ${subnet}: ${hotkeys.length} hotkeys at block ${block} (${recording.value.head}), ${made}`,
  )
  console.error(`genesis ${genesisHash}`)
  return 0
}

function createAsk(url: URL): Ask {
  const signal = AbortSignal.timeout(LIMIT_MS)
  let id = 0
  return (method, params, maxBytes) => {
    id += 1
    return callRpc((request) => fetch(request), { url }, { id, method, params, maxBytes, signal })
  }
}

/** Whatever chain this is, it must say so. */
function genesisOf(recording: Recording): string | undefined {
  const merged = mergeAnswers(recording.head, recording.answers)
  const genesis = (merged.ok ? merged.value.get(GENESIS_HASH) : undefined) ?? recording.genesis
  return isBlockHash(genesis) ? genesis : undefined
}

function check(recording: Recording, genesisHash: string | undefined): Checked<ChainState> {
  if (genesisHash === undefined) return fault('wrong_genesis')
  return checkRecording(recording, { netuid: recording.netuid, genesisHash }, new Map())
}

function refuse(reason: string): number {
  console.error(`error: nothing recorded: ${reason}`)
  return 1
}
