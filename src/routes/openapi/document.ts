/**
 * The OpenAPI 3.1 document, put together from the table of operations and the table of refusals.
 */

import { NONCE_MAX_LENGTH } from '../../protocol/headers.ts'
import { PROBLEMS, type ProblemCode } from '../../protocol/problem.ts'
import { OPERATIONS, type Operation } from './operations.ts'
import { exampleOf, type Schema, schemaOf } from './schema.ts'

const PROBLEM_MEDIA = 'application/problem+json'
const DESCRIPTION = `HEAD works wherever GET does; another method is 405 with Allow, a trailing slash 307, an unknown path 404. Every answer
has X-Request-Id; what may be retried has Retry-After. {challenge} is a slug or an unambiguous name; {path} may have slashes.
Where GET /version names btauth/1, an upload and its dry run may carry the X-Bittensor-* headers of bittensor.http_auth.sign instead of the four.`

/** What is signed, and the README's worked example of it. */
const SIGNED_HEADERS: Readonly<Record<string, Schema>> = {
  'X-Hotkey': { type: 'string', examples: ['5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY'] },
  'X-Signature': {
    type: 'string',
    pattern: '^(0x)?[0-9a-fA-F]{128}$',
    description:
      'sr25519 or ed25519, over {family}-upload-v1:{netuid}:{slug}:{METHOD}:{path}:{hotkey}:{nonce}:{timestamp}:{body_hash}',
    examples: [
      '6ebd6923f9e2f481aa428c86911eac2625a81daf80013cc7416a2d7b287d215d68d27802fb2e286c0567c85eadbc95a3f79e1ac9786d2ecf48539f50e26be28d',
    ],
  },
  'X-Nonce': { type: 'string', minLength: 1, maxLength: NONCE_MAX_LENGTH, examples: ['nonce-1'] },
  'X-Timestamp': { type: 'string', description: 'Unix seconds', examples: ['1700000000'] },
}

const TAGS = { ETag: { schema: { type: 'string' } }, Age: { schema: { type: 'integer' } } }

const PATH_EXAMPLES: Readonly<Record<string, string>> = { challenge: 'demo', id: '1', path: 'v1/leaderboard' }

const BODIES = {
  upload: {
    'application/octet-stream': { schema: { type: 'string', format: 'binary' }, example: 'zip-bytes' },
  },
  recording: {
    'application/json': {
      schema: schemaOf({ netuid: 100, head: '0x…', answers: [null] }),
      example: { netuid: 100, head: '0x2f05', answers: [] },
    },
  },
  any: { '*/*': {} },
} as const

export function createDocument(version: string): object {
  return {
    openapi: '3.1.0',
    info: { title: 'Subnet gateway', version, description: DESCRIPTION },
    servers: [{ url: '/' }],
    paths: Object.fromEntries(
      Object.entries(OPERATIONS).map(([path, methods]) => [path, toPathItem(path, methods)]),
    ),
    components: {
      schemas: { Problem: problemSchema() },
      parameters: Object.fromEntries(Object.keys(SIGNED_HEADERS).map((name) => [name, signedHeader(name)])),
      securitySchemes: {
        token: { type: 'apiKey', in: 'header', name: 'X-Admin-Token' },
        bearer: { type: 'http', scheme: 'bearer' },
      },
    },
  }
}

function toPathItem(path: string, methods: Readonly<Record<string, Operation>>): object {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
  const parameters = names.map((name) => parameter('path', name, PATH_EXAMPLES[name] ?? '', true))
  const operations = Object.entries(methods).map(([method, operation]) => [
    method,
    { operationId: `${method}${path.replace(/\W+/g, '_')}`, ...toOperation(method, operation) },
  ])
  return { parameters, ...Object.fromEntries(operations) }
}

function toOperation(method: string, operation: Operation): object {
  const { summary, takes, query = {}, admin, tagged } = operation
  const parameters = [
    ...Object.entries(query).map(([name, example]) => parameter('query', name, example, false)),
    ...(takes === 'upload' ? Object.keys(SIGNED_HEADERS) : []).map((name) => ({
      $ref: `#/components/parameters/${name}`,
    })),
    ...(tagged ? [{ name: 'If-None-Match', in: 'header', schema: { type: 'string' } }] : []),
  ]
  const hasBody = takes !== undefined && !['get', 'head'].includes(method)
  return {
    summary,
    parameters,
    ...(hasBody && { requestBody: { required: takes !== 'any', content: BODIES[takes] } }),
    responses: toResponses(operation),
    ...(admin && { security: [{ token: [] }, { bearer: [] }] }),
  }
}

function toResponses(operation: Operation) {
  const { own = {}, media = 'application/json', theirs, refused = [], status = {}, tagged } = operation
  const content = (example: unknown) => ({
    [media]: { schema: schemaOf(example), example: exampleOf(example) },
  })
  const answers = Object.entries(own).map(([code, example]) => [
    code,
    { description: 'OK', content: content(example), ...(tagged && { headers: TAGS }) },
  ])
  const byStatus = new Map<number, ProblemCode[]>()
  for (const code of [...refused, 'internal_error'] as const) {
    const at = status[code] ?? PROBLEMS[code].status
    byStatus.set(at, [...(byStatus.get(at) ?? []), code])
  }
  const refusals = [...byStatus].map(([at, codes]) => [at, refusal(codes, theirs)])
  const passed = theirs && { default: { description: `The ${theirs}'s own answer`, content: { '*/*': {} } } }
  const unchanged = tagged && { 304: { description: 'Not Modified', headers: TAGS } }
  return { ...Object.fromEntries(answers), ...unchanged, ...Object.fromEntries(refusals), ...passed }
}

/** Somebody else's answer may have the same status. */
function refusal(codes: readonly ProblemCode[], theirs: string | undefined): object {
  const schema = {
    allOf: [{ $ref: '#/components/schemas/Problem' }, { properties: { code: { enum: codes } } }],
  }
  return {
    description: codes.map((code) => PROBLEMS[code].title).join(', '),
    content: { [PROBLEM_MEDIA]: { schema }, ...(theirs && { '*/*': {} }) },
  }
}

function problemSchema(): Schema {
  const text = { type: 'string' }
  return {
    type: 'object',
    description: 'RFC 9457, with the facts of its code',
    properties: {
      ...Object.fromEntries(['type', 'title', 'detail', 'hint', 'instance'].map((name) => [name, text])),
      status: { type: 'integer' },
      code: { oneOf: Object.entries(PROBLEMS).map(([code, { title }]) => ({ const: code, title })) },
    },
    required: ['type', 'title', 'status', 'detail', 'code', 'hint', 'instance'],
  }
}

function signedHeader(name: string): object {
  return { name, in: 'header', required: true, schema: SIGNED_HEADERS[name] }
}

function parameter(place: string, name: string, example: string, required: boolean): object {
  return { name, in: place, required, schema: { type: 'string' }, example }
}
