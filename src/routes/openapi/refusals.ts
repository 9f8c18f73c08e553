/**
 * A schema of its own for every refusal: what all have in common (`Problem`), its one code, and
 * its facts.
 */

import { PROBLEMS, type ProblemCode, problemBody, type Rejection } from '../../protocol/problem.ts'
import { FACTS } from './facts.ts'
import { exampleOf, type Schema, schemaOf } from './schema.ts'

export const CODES = Object.keys(PROBLEMS) as ProblemCode[]
const INSTANCE = 'c2a7d1f4-6b0e-4f57-8a3c-5d9e1b7f2a60'

/** By name: `Problem`, and `StaleSignature` for `stale_signature`. */
export function refusalSchemas(): Record<string, Schema> {
  const common = {
    type: '',
    title: '',
    status: 400,
    detail: '',
    code: new Set(CODES),
    hint: '',
    instance: '',
  }
  return {
    Problem: { description: 'What every refusal of the gateway has (RFC 9457)', ...schemaOf(common) },
    ...Object.fromEntries(CODES.map((code) => [schemaName(code), refusalSchema(code)])),
  }
}

/** One of `codes`; `passes`: another service's own answer may have the same status and type. */
export function refusalBody(codes: readonly ProblemCode[], passes: boolean): Schema {
  const refs = [...codes.map(schemaName), ...(passes ? ['OwnAnswer'] : [])].map(schemaRef)
  return refs[1] === undefined ? { ...refs[0] } : { anyOf: refs }
}

export function schemaRef(name: string): Schema {
  return { $ref: `#/components/schemas/${name}` }
}

function refusalSchema(code: ProblemCode): Schema {
  const facts = FACTS[code]
  const rejection = { code, facts: exampleOf(facts) } as Rejection
  return {
    description: PROBLEMS[code].title,
    allOf: [schemaRef('Problem'), schemaOf({ code: new Set([code]), ...facts })],
    examples: [{ ...problemBody(rejection), instance: INSTANCE }],
  }
}

function schemaName(code: ProblemCode): string {
  return code.replace(/(?:^|_)(\w)/g, (_, letter: string) => letter.toUpperCase())
}
