/**
 * The OpenAPI 3.1 document, put together from the table of operations and the table of refusals.
 *
 * Client generators read it (`test/routes/openapi.field.test.ts`). openapi-python-client does not
 * know media ranges and leaves out an answer or operation that has nothing else, so bytes stand
 * beside every media range.
 */

import { PROBLEMS, type ProblemCode } from '../../protocol/problem.ts'
import { OPERATIONS, type Operation } from './operations.ts'
import { refusalBody, refusalSchemas, schemaRef } from './refusals.ts'
import { exampleOf, type Schema, schemaOf } from './schema.ts'
import { signedHeaders } from './signed-headers.ts'

const DESCRIPTION = `HEAD works wherever GET does; another method is 405 with Allow, a trailing slash 307, an unknown path 404. Every answer
has X-Request-Id; what may be retried has Retry-After. {challenge} is a slug or an unambiguous name. {path} may have slashes,
sent as they are: %2F is 403, so a generated client that encodes them cannot ask for such a path.`

const TAGS: Readonly<Record<Operation['tag'], string>> = {
  uploads: 'What a miner needs to upload',
  challenges: "The challenges' own public routes",
  network: 'Metagraph, registry and weights',
  gateway: 'State of the gateway',
  operators: 'For the operator, with a token',
}
const CACHED = { ETag: { schema: { type: 'string' } }, Age: { schema: { type: 'integer' } } }

const PATH_EXAMPLES: Readonly<Record<string, string>> = { challenge: 'demo', id: '1', path: 'v1/leaderboard' }

const BINARY = { schema: { type: 'string', format: 'binary' } }
const BYTES = { 'application/octet-stream': BINARY }
const ANY = { ...BYTES, '*/*': {} }

const BODIES = {
  upload: { required: true, content: { 'application/octet-stream': { ...BINARY, example: 'zip-bytes' } } },
  recording: {
    required: true,
    content: {
      'application/json': {
        schema: schemaOf({ netuid: 100, head: '0x…', answers: [null] }),
        example: { netuid: 100, head: '0x2f05', answers: [] },
      },
    },
  },
  any: {
    description: 'Passes as it is, whatever its media type',
    content: { 'application/json': { schema: schemaRef('AnyObject') }, ...BYTES },
  },
} as const

/** `receiver`: this gateway's hotkey, undefined where the dialect `btauth/1` is off. */
export function createDocument(version: string, receiver?: string): object {
  const parameters = signedHeaders(receiver)
  const signed = Object.keys(parameters).map((name) => ({ $ref: `#/components/parameters/${name}` }))
  return {
    openapi: '3.1.0',
    info: { title: 'Subnet gateway', version, description: DESCRIPTION },
    servers: [{ url: '/' }],
    tags: Object.entries(TAGS).map(([name, description]) => ({ name, description })),
    paths: Object.fromEntries(
      Object.entries(OPERATIONS).map(([path, methods]) => [path, toPathItem(path, methods, signed)]),
    ),
    components: {
      schemas: {
        ...refusalSchemas(),
        AnyObject: { type: 'object', additionalProperties: true },
        OwnAnswer: {
          type: 'object',
          description: "The challenge's or the master's own answer, not a refusal",
        },
      },
      parameters,
      securitySchemes: {
        token: { type: 'apiKey', in: 'header', name: 'X-Admin-Token' },
        bearer: { type: 'http', scheme: 'bearer' },
      },
    },
  }
}

function toPathItem(path: string, methods: Readonly<Record<string, Operation>>, signed: readonly object[]) {
  const names = [...path.matchAll(/\{(\w+)\}/g)].map(([, name = '']) => name)
  const parameters = names.map((name) => parameter('path', name, PATH_EXAMPLES[name] ?? '', true))
  const operations = Object.entries(methods).map(([method, operation]) => [
    method,
    {
      operationId: [method, ...(path.match(/\w+/g) ?? [])].join('_'),
      ...toOperation(method, operation, signed),
    },
  ])
  return { parameters, ...Object.fromEntries(operations) }
}

function toOperation(method: string, operation: Operation, signed: readonly object[]): object {
  const { tag, summary, takes, query = {}, admin, cached } = operation
  const parameters = [
    ...Object.entries(query).map(([name, example]) => parameter('query', name, example, false)),
    ...(takes === 'upload' ? signed : []),
    ...(cached ? [{ name: 'If-None-Match', in: 'header', schema: { type: 'string' } }] : []),
  ]
  const responses = toResponses(operation)
  return {
    tags: [tag],
    summary,
    parameters,
    ...(takes && !['get', 'head'].includes(method) && { requestBody: BODIES[takes] }),
    responses: method === 'head' ? withoutContent(responses) : responses,
    ...(admin && { security: [{ token: [] }, { bearer: [] }] }),
  }
}

interface Answer {
  readonly description: string
  readonly content?: object
  readonly headers?: object
}
type Answers = Readonly<Record<string, Answer>>

function toResponses(operation: Operation): Answers {
  const { own = {}, media = 'application/json', theirs, refused = [], status = {}, cached } = operation
  const answers = Object.entries(own).map(([code, example]) => [
    code,
    { description: 'OK', content: ownContent(media, example), ...(cached && { headers: CACHED }) },
  ])
  const byStatus = new Map<number, ProblemCode[]>()
  for (const code of [...refused, 'internal_error'] as const) {
    for (const at of status[code] ?? [PROBLEMS[code].status])
      byStatus.set(at, [...(byStatus.get(at) ?? []), code])
  }
  const refusals = [...byStatus].map(([at, codes]) => [at, refusal(codes, theirs)])
  const passed = theirs && { default: { description: `The ${theirs}'s own answer`, content: ANY } }
  const unchanged = cached && { 304: { description: 'Not Modified', headers: CACHED } }
  return { ...Object.fromEntries(answers), ...unchanged, ...Object.fromEntries(refusals), ...passed }
}

function ownContent(media: string, example: unknown): object {
  const content = { [media]: { schema: schemaOf(example), example: exampleOf(example) } }
  return media.startsWith('image/') ? { ...content, ...BYTES } : content
}

/** Another service's answer may have the same status. */
function refusal(codes: readonly ProblemCode[], theirs: string | undefined): Answer {
  const schema = refusalBody(codes, theirs !== undefined)
  return {
    description: codes.map((code) => PROBLEMS[code].title).join(', '),
    content: { 'application/problem+json': { schema }, ...(theirs && ANY) },
  }
}

/** An answer to HEAD has no body (RFC 9110, section 9.3.2). */
function withoutContent(answers: Answers): Answers {
  return Object.fromEntries(
    Object.entries(answers).map(([status, { content: _, ...answer }]) => [status, answer]),
  )
}

function parameter(place: string, name: string, example: string, required: boolean): Schema {
  return { name, in: place, required, schema: { type: 'string' }, example }
}
