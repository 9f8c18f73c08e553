/** The OpenAPI document: valid, complete, and its examples do what it says. */

import { Validator } from '@seriousme/openapi-schema-validator'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { submissionsPath } from '../../miner/sign.ts'
import type { ProblemCode } from '../../src/protocol/problem.ts'
import { createDocument } from '../../src/routes/openapi/document.ts'
import { OPERATIONS } from '../../src/routes/openapi/operations.ts'
import { CODES } from '../../src/routes/openapi/refusals.ts'
import { type RunningMaster, startMaster } from '../../tools/dev/master.ts'
import { RECEIVER } from '../support/btauth.ts'
import { ADMIN_TOKEN, sign, startWorld, type TestWorld } from '../support/world.ts'

interface Media {
  readonly example?: unknown
}
interface Parameter {
  readonly name: string
  readonly in: string
  readonly example?: string
}
interface Operation {
  readonly operationId: string
  readonly parameters: readonly (Parameter | { readonly $ref: string })[]
  readonly requestBody?: { readonly content: Readonly<Record<string, Media>> }
  readonly responses: Readonly<Record<string, { readonly content?: Readonly<Record<string, Media>> }>>
}
type PathItem = Readonly<Record<string, Operation>> & { readonly parameters: readonly Parameter[] }
interface Document {
  readonly info: { readonly version: string }
  readonly components: {
    readonly schemas: Readonly<Record<string, { readonly examples?: readonly unknown[] }>>
    readonly parameters: Readonly<Record<string, { readonly required: boolean }>>
  }
  readonly paths: Readonly<Record<string, PathItem>>
}

/**
 * What is not answered as if all were well: the example of a recording is far too short to be one.
 */
const EXPECTED: Readonly<Record<string, number>> = { 'put /v1/admin/metagraph': 400 }
const ROWS = Object.entries(OPERATIONS).flatMap(([path, methods]) =>
  Object.keys(methods).map((method) => [`${method} ${path}`, method, path] as const),
)

let world: TestWorld
let master: RunningMaster
let document: Document
let ajv: Ajv2020

beforeAll(async () => {
  master = await startMaster({ adminToken: ADMIN_TOKEN })
  world = await startWorld({ vars: { MASTER_ORIGIN: master.url, GATEWAY_HOTKEY: RECEIVER } })
  await fetch(`${master.url}/v1/admin/challenges`, {
    method: 'POST',
    headers: { 'x-admin-token': ADMIN_TOKEN },
    body: JSON.stringify({ slug: 'demo', name: 'Demo Challenge', status: 'active' }),
  })
  const answer = await fetch(`${world.gateway.url}/openapi.json`)
  expect(answer.headers.get('content-type')).toBe('application/json')
  document = (await answer.json()) as Document
  ajv = new Ajv2020({ strict: false, validateFormats: false })
  ajv.addSchema(document, 'document')
})
afterAll(async () => {
  await world.close()
  await master.close()
})

test('it is OpenAPI 3.1', async () => {
  const validator = new Validator()
  expect(await validator.validate(JSON.parse(JSON.stringify(document)))).toEqual({ valid: true })
  expect(validator.version).toBe('3.1')
})

test('the gateway serves the document of this code', () => {
  expect(document).toEqual(JSON.parse(JSON.stringify(createDocument(document.info.version, RECEIVER))))
})

test.each([
  ['btauth/1 off', undefined, ['X-Hotkey', 'X-Signature', 'X-Nonce', 'X-Timestamp']],
  ['btauth/1 on', RECEIVER, []],
])('headers that an upload needs, %s', async (_, receiver, needed) => {
  const text = JSON.stringify(createDocument('1', receiver))
  expect(await new Validator().validate(JSON.parse(text))).toEqual({ valid: true })
  const own = JSON.parse(text) as Document
  const { parameters } = own.components
  expect(Object.keys(parameters).filter((name) => parameters[name]?.required)).toEqual(needed)
  expect('X-Bittensor-Receiver' in parameters).toBe(receiver !== undefined)
})

test('every operation has an id of its own', () => {
  const ids = ROWS.map(([, method, path]) => operationAt(method, path).operationId)
  expect(new Set(ids).size).toBe(ids.length)
})

test('every refusal but the wrong method is some operation’s', () => {
  const text = JSON.stringify(document.paths)
  expect(CODES.filter((code) => !text.includes(`"${schemaOf(code)}"`))).toEqual(['method_not_allowed'])
})

test.each(CODES)('%s: its schema takes its example and no other refusal', (code) => {
  const [example] = document.components.schemas[nameOf(code)]?.examples ?? []
  expect(example).toMatchObject({ code })
  const fitting = CODES.filter((other) => isRefusal(other, example))
  expect(fitting).toEqual([code])
})

test.each(ROWS)('%s: the examples of its answers fit their schemas', (_, method, path) => {
  for (const [status, { content = {} }] of Object.entries(operationAt(method, path).responses)) {
    for (const [media, { example }] of Object.entries(content)) {
      if (example !== undefined) expectFit(example, method, path, status, media)
    }
  }
})

describe('sent as the examples say', () => {
  test.each(ROWS)('%s', async (name, method, path) => {
    const response = await send(method, path)
    await expectDocumented(response, method, path)
    const { responses } = operationAt(method, path)
    const usual = 'default' in responses ? response.status : Number(Object.keys(responses)[0])
    expect(response.status).toBe(EXPECTED[name] ?? usual)
  })

  test('a tag brings 304 where the document says so', async () => {
    const tagged = ROWS.filter(([, method, path]) => '304' in operationAt(method, path).responses)
    expect(tagged.map(([name]) => name)).toEqual(['get /v1/registry'])
    for (const [, , path] of tagged) {
      const tag = (await fetch(world.gateway.url + path)).headers.get('etag') ?? ''
      const unchanged = await fetch(world.gateway.url + path, { headers: { 'if-none-match': tag } })
      expect([unchanged.status, unchanged.headers.get('etag')]).toEqual([304, tag])
    }
  })

  test('an upload and its status', async () => {
    const upload = await send('post', '/v1/challenges/{challenge}/submissions')
    expect(upload.status).toBe(201)
    const { id } = (await upload.json()) as { id: string }
    const status = await send('get', '/v1/challenges/{challenge}/submissions/{id}', { values: { id } })
    expect([status.status, await status.json()]).toMatchObject([200, { id }])
  })
})

describe('refusals', () => {
  const PROVOKED: Partial<Record<ProblemCode, Changes>> = {
    challenge_not_found: { values: { challenge: 'unknown' } },
    path_not_allowed: { values: { path: 'a//b', id: 'a;b' } },
    challenge_unavailable: { values: { challenge: 'refused' } },
    unauthorized: { token: 'wrong' },
    missing_header: { headers: { 'X-Nonce': '' } },
    stale_signature: { headers: { 'X-Timestamp': '1700000000' } },
    invalid_signature: { headers: { 'X-Signature': '00' } },
  }
  const CASES = ROWS.flatMap(([name, method, path]) =>
    Object.entries(PROVOKED).flatMap(([code, changes]) => {
      const refused: readonly string[] = OPERATIONS[path]?.[method]?.refused ?? []
      const possible = Object.keys(changes.values ?? {}).some((value) => path.includes(`{${value}}`))
      return refused.includes(code) && (possible || changes.values === undefined)
        ? [[code, name, method, path, changes] as const]
        : []
    }),
  )
  test.each(CASES)('%s: %s', async (code, _, method, path, changes) => {
    const response = await send(method, path, changes)
    await expectDocumented(response.clone(), method, path)
    if (method === 'head') return
    expect(isRefusal(code as ProblemCode, await response.json())).toBe(true)
    const documented = JSON.stringify(operationAt(method, path).responses[response.status])
    expect(documented).toContain(`"${schemaOf(code)}"`)
  })
})

interface Changes {
  readonly values?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  readonly token?: string
}

/** `StaleSignature` of `stale_signature`. */
function nameOf(code: string): string {
  return code
    .split('_')
    .map(([first = '', ...rest]) => first.toUpperCase() + rest.join(''))
    .join('')
}

function schemaOf(code: string): string {
  return `#/components/schemas/${nameOf(code)}`
}

/** It has the code and all the facts. */
function isRefusal(code: ProblemCode, value: unknown): boolean {
  return ajv.compile({ $ref: `document${schemaOf(code)}` })(value) === true
}

function operationAt(method: string, path: string): Operation {
  const operation = document.paths[path]?.[method]
  if (operation === undefined) throw new Error(`${method} ${path} is not documented`)
  return operation
}

/** The request that the examples make; an upload is signed for now. */
function send(method: string, path: string, { values = {}, headers, token = ADMIN_TOKEN }: Changes = {}) {
  const { parameters, requestBody } = operationAt(method, path)
  const own = parameters.filter((each) => 'name' in each)
  let target = path
  for (const { name, example = '' } of document.paths[path]?.parameters ?? [])
    target = target.replace(`{${name}}`, values[name] ?? example)
  const query = own.filter((each) => each.in === 'query').map(({ name, example }) => `${name}=${example}`)
  const [[type, { example }] = ['', {}]] = Object.entries<Media>(requestBody?.content ?? {})
  const body = typeof example === 'object' ? JSON.stringify(example) : String(example ?? '')
  const slug = values['challenge'] ?? 'demo'
  const isSigned = parameters.length > own.length
  const signed = isSigned
    ? sign(new TextEncoder().encode(body), { slug, path: submissionsPath(slug) })
    : undefined
  return fetch(`${world.gateway.url}${target}${query.length === 0 ? '' : `?${query.join('&')}`}`, {
    method: method.toUpperCase(),
    headers: {
      ...(type.includes('json') || isSigned ? { 'content-type': type } : {}),
      ...(/admin|metrics/.test(path) ? { 'x-admin-token': token } : {}),
      ...signed?.headers,
      ...headers,
    },
    ...(body === '' ? {} : { body }),
    redirect: 'manual',
  })
}

/** The status is documented, with this media type, and the body fits. */
async function expectDocumented(response: Response, method: string, path: string): Promise<void> {
  const { responses } = operationAt(method, path)
  const status = String(response.status) in responses ? String(response.status) : 'default'
  if (!(status in responses)) throw new Error(`${response.status} is not documented`)
  const content = responses[status]?.content
  if (method === 'head') {
    expect(content).toBeUndefined()
    return
  }
  if (content === undefined) throw new Error(`${response.status} is not documented`)
  const type = response.headers.get('content-type')?.split(';')[0] ?? ''
  const media = type in content ? type : '*/*'
  if (!(media in content)) throw new Error(`${type} is not documented for ${response.status}`)
  if (media !== '*/*' && media.endsWith('json')) expectFit(await response.json(), method, path, status, media)
  else await response.body?.cancel()
}

function expectFit(value: unknown, method: string, path: string, status: string, media: string): void {
  const pointer = ['paths', path, method, 'responses', status, 'content', media, 'schema']
    .map((part) => encodeURIComponent(part.replaceAll('~', '~0').replaceAll('/', '~1')))
    .join('/')
  const fits = ajv.compile({ $ref: `document#/${pointer}` })
  fits(value)
  expect(fits.errors ?? []).toEqual([])
}
