/**
 * The document as client generators read it: nothing is left out, and what they write works
 * against this gateway.
 */

import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { submissionsPath } from '../../miner/sign.ts'
import { OPERATIONS } from '../../src/routes/openapi/operations.ts'
import { CODES } from '../../src/routes/openapi/refusals.ts'
import { btauthUpload, nanoseconds, RECEIVER } from '../support/btauth.ts'
import { fieldTool } from '../support/field.ts'
import { run } from '../support/miner.ts'
import { sign, startWorld, type TestWorld } from '../support/world.ts'

interface Media {
  readonly schema?: { readonly $ref?: string; readonly anyOf?: readonly { readonly $ref: string }[] }
}
interface Operation {
  readonly operationId: string
  readonly tags: readonly string[]
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, Media>> }>>
}
interface Document {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
}

const REFUSAL = 'application/problem+json'
const BODY = new TextEncoder().encode('print(1)\n')
const generator = fieldTool('openapi-python-client')
const typings = fieldTool('openapi-typescript')
const ROWS = Object.entries(OPERATIONS).flatMap(([at, methods]) =>
  Object.keys(methods).map((method) => [`${method} ${at}`, method, at] as const),
)

let world: TestWorld
let directory: string
let file: string
let document: Document

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'generated-'))
  file = path.join(directory, 'openapi.json')
  world = await startWorld({ vars: { GATEWAY_HOTKEY: RECEIVER } })
  const text = await (await fetch(`${world.gateway.url}/openapi.json`)).text()
  document = JSON.parse(text) as Document
  await writeFile(file, text)
})
afterAll(async () => {
  await world.close()
  await rm(directory, { recursive: true })
})

describe.skipIf(generator.missing)(`openapi-python-client${generator.note}`, () => {
  const inClient = (...parts: string[]) => path.join(directory, 'python', 'subnet_gateway_client', ...parts)

  beforeAll(async () => {
    // The generator formats with ruff, which stands beside it.
    const env = { PATH: `${path.dirname(generator.program('ruff'))}:${process.env['PATH']}` }
    const args = ['generate', '--path', file, '--output-path', 'python']
    const said = await run(generator.program('openapi-python-client'), args, env, directory)
    expect(said).toEqual({ code: 0, stdout: 'Generating python\n', stderr: '' })
  })

  test.each(ROWS)('%s: a function that knows each of its refusals', async (_, method, at) => {
    const { operationId, tags, responses } = operationAt(method, at)
    const source = await readFile(inClient('api', tags[0] ?? '', `${operationId}.py`), 'utf8')
    expect(source).toContain(`"method": "${method}"`)
    for (const [status, { content = {} }] of Object.entries(responses)) {
      if (status !== 'default') expect(source).toContain(`status_code == ${status}`)
      for (const name of refusalsIn(content[REFUSAL])) expect(source).toContain(`import ${name}\n`)
    }
  })

  test.each(CODES)('%s: a class with its code', async (code) => {
    expect(existsSync(inClient('models', `${code}.py`))).toBe(true)
    const codes = await readFile(inClient('models', `${code}_code.py`), 'utf8')
    expect(codes).toContain(`    ${code.toUpperCase()} = "${code}"\n`)
  })

  test('uploads in both dialects, and reads refusals with their facts', async () => {
    const nonce = 'generated-client'
    const signed = sign(BODY, { nonce }).headers
    const stale = sign(BODY, { timestamp: 1_700_000_000 }).headers
    const official = btauthUpload({
      url: world.gateway.url + submissionsPath('demo'),
      body: BODY,
      nonce: nanoseconds(Math.floor(Date.now() / 1000)),
    }).headers
    const btauth = Object.fromEntries([...official].filter(([name]) => name.startsWith('x-bittensor')))
    const uploads = [signed, signed, stale, btauth].map((headers) => ({ challenge: 'demo', headers }))
    const input = { url: world.gateway.url, uploads: [...uploads, { challenge: 'nope', headers: signed }] }
    const { stdout, stderr } = await run(
      generator.program('python'),
      ['-c', UPLOADS, JSON.stringify(input)],
      {
        PYTHONPATH: path.join(directory, 'python'),
      },
    )
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toEqual([
      [201, 'File', expect.stringContaining('"id"')],
      [409, 'NonceAlreadyUsed', { outcome: 'delivered', status: 201 }],
      [401, 'StaleSignature', 1_700_000_000],
      [201, 'File', expect.stringContaining('"id"')],
      [404, 'ChallengeNotFound', expect.arrayContaining(['demo'])],
      [404, 'OwnAnswer', expect.stringContaining('Not Found')],
      [403, 'PathNotAllowed', 'path_not_allowed'],
    ])
  })
})

describe.skipIf(typings.missing)(`openapi-typescript${typings.note}`, () => {
  beforeAll(async () => {
    const args = [file, '--output', path.join(directory, 'openapi.d.ts')]
    const { code, stdout, stderr } = await run(typings.program('openapi-typescript'), args)
    expect([code, stdout + stderr]).toEqual([0, expect.not.stringMatching(/warn|error/i)])
  })

  test('every operation and refusal has a type; its code tells a refusal, and then it has its facts', async () => {
    const operations = ROWS.flatMap(([, method, at], row) => {
      const answers = `paths['${at}']['${method}']['responses']`
      const refusals = Object.entries(operationAt(method, at).responses).flatMap(
        ([status, { content = {} }]) =>
          refusalsIn(content[REFUSAL]).map(
            (name) =>
              `(it: components['schemas']['${name}']): ${answers}[${status}]['content']['${REFUSAL}'] => it`,
          ),
      )
      return [
        `export type Answers${row} = ${answers}`,
        ...refusals.map((line, each) => `export const refusal${row}_${each} = ${line}`),
      ]
    })
    const refused = `paths['${submissionsPath('{challenge}')}']['post']['responses'][401]['content']['${REFUSAL}']`
    const source = path.join(directory, 'use.ts')
    const lines = [
      "import type { paths, components } from './openapi.d.ts'",
      ...operations,
      `export const fact = (it: ${refused}) => {`,
      "  if (it.code === 'stale_signature') return it.server_time.toFixed()",
      '  // @ts-expect-error: a fact of another refusal',
      "  if (it.code === 'unknown_hotkey') return it.server_time.toFixed()",
      '  // @ts-expect-error: no code of an upload with this status',
      "  return it.code === 'unauthorized'",
      '}',
    ]
    await writeFile(source, lines.join('\n'))
    const args = ['--noEmit', '--strict', '--target', 'es2022', '--allowImportingTsExtensions', source]
    const said = await run(typings.program('tsc'), args, {}, directory)
    expect(said).toEqual({ code: 0, stdout: '', stderr: '' })
  }, 120_000)
})

function operationAt(method: string, at: string): Operation {
  const operation = document.paths[at]?.[method]
  if (operation === undefined) throw new Error(`${method} ${at} is not documented`)
  return operation
}

/** The names of the refusals' schemas. */
function refusalsIn(media: Media | undefined): string[] {
  const refs = media?.schema?.anyOf ?? [media?.schema]
  return refs.flatMap((schema) => schema?.$ref?.split('/').at(-1) ?? [])
}

const UPLOADS = `
import io, json, sys
from subnet_gateway_client import Client
from subnet_gateway_client.api.challenges import get_challenges_challenge_path as read
from subnet_gateway_client.api.uploads import post_v1_challenges_challenge_submissions as upload
from subnet_gateway_client.types import File

job = json.loads(sys.argv[1])
client = Client(base_url=job["url"], raise_on_unexpected_status=True)
FACTS = {
    "File": lambda it: it.payload.read().decode(),
    "NonceAlreadyUsed": lambda it: {"outcome": it.original.outcome, "status": it.original.status},
    "StaleSignature": lambda it: it.request_time,
    "ChallengeNotFound": lambda it: it.challenges,
    "PathNotAllowed": lambda it: it.code,
    "OwnAnswer": lambda it: json.dumps(it.to_dict()),
}
answers = [
    upload.sync_detailed(
        each["challenge"],
        client=client,
        body=File(payload=io.BytesIO(b"print(1)\\n")),
        **{name.lower().replace("-", "_"): value for name, value in each["headers"].items()},
    )
    for each in job["uploads"]
]
answers += [read.sync_detailed("demo", each, client=client) for each in ("none", "v1/leaderboard")]
print(json.dumps([
    [answer.status_code, kind, FACTS[kind](answer.parsed)]
    for answer in answers
    for kind in [type(answer.parsed).__name__]
]))
`
