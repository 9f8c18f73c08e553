/**
 * What each route takes and answers, as a table for `document.ts`.
 *
 * A JSON answer is told by an example, from which its schema is read (`schema.ts`). What is
 * refused is told by code: `PROBLEMS` and `facts.ts` know the rest. Uploads, reads and management
 * end at the challenge or the master, whose own answers pass as they are (`theirs`).
 */

import { PASS_THROUGH_METHODS } from '../../challenge/public-path.ts'
import type { ProblemCode } from '../../protocol/problem.ts'
import {
  CHALLENGES,
  DEPLOYED,
  HOTKEY,
  LIMITS,
  METAGRAPH_ANSWER,
  NOT_READY,
  READY,
  REGISTRY,
  REPORT,
  STATUS,
  WEIGHTS,
} from './examples.ts'
import { CODES } from './refusals.ts'

export interface Operation {
  /** The group that a generated client has it in. */
  readonly tag: 'uploads' | 'challenges' | 'network' | 'gateway' | 'operators'
  readonly summary: string
  /** Own answers by status: an example of a JSON one. */
  readonly own?: Readonly<Record<number, unknown>>
  /** Media type of an own answer that is not JSON. */
  readonly media?: string
  /** Whose answers pass, whatever their status. */
  readonly theirs?: 'challenge' | 'master'
  readonly refused?: readonly ProblemCode[]
  /** A problem's statuses where they are not the one of the table. */
  readonly status?: Partial<Record<ProblemCode, readonly number[]>>
  /** Query parameters, with an example each. */
  readonly query?: Readonly<Record<string, string>>
  readonly takes?: 'upload' | 'recording' | 'any'
  readonly admin?: boolean
  /** The answer has an `Age` and an `ETag`, and a client that has it already gets 304. */
  readonly cached?: boolean
}

type Operations = Readonly<Record<string, Readonly<Record<string, Operation>>>>

const STATUS_PAGE: Operation = {
  tag: 'gateway',
  summary: 'Live state, as a page',
  own: { 200: '<!doctype html>' },
  media: 'text/html',
}
const FROM_MASTER: readonly ProblemCode[] = ['not_found', 'challenge_unavailable']
const THROUGH: readonly ProblemCode[] = ['challenge_not_found', 'path_not_allowed', 'challenge_unavailable']
/** No answer to an upload. */
const ELSEWHERE = [
  'length_required',
  'path_not_allowed',
  'unauthorized',
  'not_found',
  'method_not_allowed',
  'internal_error',
]

const manage: Operation = {
  tag: 'operators',
  summary: "The master's management routes",
  theirs: 'master',
  refused: ['unauthorized', 'path_not_allowed', ...FROM_MASTER],
  takes: 'any',
  admin: true,
}
const pass: Operation = {
  tag: 'challenges',
  summary: "The challenge's public routes; 503 in place of 502 where a miner's environment is set or read",
  theirs: 'challenge',
  refused: [...THROUGH, 'over_capacity', 'request_timeout', 'length_required'],
  status: { challenge_unavailable: [502, 503] },
  takes: 'any',
}
const all = (operation: Operation) =>
  Object.fromEntries(PASS_THROUGH_METHODS.map((method) => [method.toLowerCase(), operation]))

export const OPERATIONS: Operations = {
  '/': { get: STATUS_PAGE },
  '/status': { get: STATUS_PAGE },
  '/v1/status': {
    get: {
      tag: 'gateway',
      summary: 'Live state of gateway, metagraph and challenges',
      own: {
        200: STATUS,
      },
    },
  },
  '/metrics': {
    get: {
      tag: 'gateway',
      summary: 'For Prometheus',
      own: { 200: '' },
      media: 'text/plain',
      refused: ['unauthorized'],
      admin: true,
    },
  },
  '/health': { get: { tag: 'gateway', summary: 'Alive', own: { 200: { status: 'ok' } } } },
  '/ready': {
    get: {
      tag: 'gateway',
      summary: 'Whether miners can be told from strangers',
      own: { 200: READY, 503: NOT_READY },
    },
  },
  '/version': {
    get: {
      tag: 'gateway',
      summary: 'What is deployed',
      own: {
        200: {
          ...DEPLOYED,
          protocol_family: 'platform',
          dialects: ['platform-upload-v1'],
          'receiver?': HOTKEY,
        },
      },
    },
  },
  '/openapi.json': { get: { tag: 'gateway', summary: 'This document', own: { 200: { openapi: '3.1.0' } } } },
  '/v1/time': {
    get: {
      tag: 'uploads',
      summary: 'The clock freshness is judged by',
      own: { 200: { server_time: 1_795_174_106 } },
    },
  },
  '/v1/limits': {
    get: {
      tag: 'uploads',
      summary: 'Every limit a client must know',
      own: { 200: LIMITS },
    },
  },
  '/v1/metagraph': {
    get: {
      tag: 'network',
      summary: 'The metagraph in use, and the uid of a hotkey',
      query: { hotkey: HOTKEY },
      own: {
        200: METAGRAPH_ANSWER,
      },
      refused: ['metagraph_unavailable'],
      status: { metagraph_unavailable: [503] },
    },
  },
  '/v1/registry': {
    get: {
      tag: 'network',
      summary: "The master's registry, without env values and internal addresses",
      own: {
        200: REGISTRY,
      },
      refused: FROM_MASTER,
      cached: true,
    },
  },
  '/v1/weights/latest': {
    get: {
      tag: 'network',
      summary: "The master's weights, while they are valid",
      own: {
        200: WEIGHTS,
      },
      refused: FROM_MASTER,
    },
  },
  '/v1/challenges': {
    get: {
      tag: 'uploads',
      summary: 'The active challenges, and where each takes uploads',
      own: { 200: CHALLENGES },
    },
  },
  '/upload.py': {
    get: {
      tag: 'uploads',
      summary: "The miner's Python client, with this gateway's address as its default",
      own: { 200: '# /// script' },
      media: 'text/x-python',
    },
  },
  '/v1/challenges/dashboard.svg': {
    get: {
      tag: 'network',
      summary: "The master's dashboard",
      own: { 200: '<svg xmlns="http://www.w3.org/2000/svg"/>' },
      media: 'image/svg+xml',
      refused: FROM_MASTER,
    },
  },
  '/v1/challenges/{challenge}/submissions': {
    post: {
      tag: 'uploads',
      summary: 'A signed upload, once',
      takes: 'upload',
      theirs: 'challenge',
      refused: CODES.filter((code) => !ELSEWHERE.includes(code)),
    },
  },
  '/v1/challenges/{challenge}/submissions/verify': {
    post: {
      tag: 'uploads',
      summary: 'Dry run of an upload signed for its real path: nothing is spent or forwarded',
      takes: 'upload',
      own: {
        200: REPORT,
      },
      refused: ['rate_limited', 'request_timeout', 'bad_request'],
    },
  },
  '/v1/challenges/{challenge}/submissions/{id}': {
    get: { tag: 'uploads', summary: 'Status of an upload', theirs: 'challenge', refused: THROUGH },
  },
  '/challenges/{challenge}': all(pass),
  '/challenges/{challenge}/{path}': all(pass),
  '/v1/admin/metagraph': {
    put: {
      tag: 'operators',
      summary: 'Takes a recorded metagraph',
      takes: 'recording',
      query: { confirm_loss: 'false', confirm_back: 'false' },
      own: { 200: { outcome: 'stored', reason: '', 'block?': 5_000_000 } },
      refused: ['unauthorized', 'bad_request'],
      admin: true,
    },
  },
  '/admin': all(manage),
  '/admin/{path}': all(manage),
  '/v1/admin': all(manage),
  '/v1/admin/{path}': all(manage),
}
