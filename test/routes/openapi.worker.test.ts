/** Every route of the app is in the OpenAPI document, and nothing else is. */

import { expect, test } from 'vitest'
import { createRoutes } from '../../src/app.ts'
import { PASS_THROUGH_METHODS } from '../../src/challenge/public-path.ts'
import { OPERATIONS } from '../../src/routes/openapi/operations.ts'
import { exampleOf, schemaOf } from '../../src/routes/openapi/schema.ts'

test('routes and document are the same', () => {
  const served = createRoutes({ corsOrigins: new Set() })
    .routes.filter(({ path }) => path !== '/*')
    .flatMap(({ method, path }) => {
      if (path.endsWith('/*'))
        return PASS_THROUGH_METHODS.flatMap((each) => below(path).map((to) => `${each} ${to}`))
      // Middleware, and the refusal of every other method.
      return method === 'ALL' ? [] : `${method} ${path.replace(/:(\w+)/g, '{$1}')}`
    })
  const documented = Object.entries(OPERATIONS).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
  )
  expect([...new Set(served)].sort()).toEqual(documented.sort())
})

/** `/challenges` alone is no route. */
function below(path: string): string[] {
  const root = path === '/challenges/*' ? '/challenges/{challenge}' : path.slice(0, -2)
  return [root, `${root}/{path}`]
}

test('a schema is read off its example', () => {
  const example = { a: 1, b: 0.5, 'c?': 'x', 'd?': null, e: [{ f: true }], g: [], h: new Set(['i', 'j']) }
  expect(exampleOf(example)).toEqual({ a: 1, b: 0.5, c: 'x', d: null, e: [{ f: true }], g: [], h: 'i' })
  expect(schemaOf(example)).toEqual({
    type: 'object',
    properties: {
      a: { type: 'integer' },
      b: { type: 'number' },
      c: { type: ['string', 'null'] },
      d: {},
      e: {
        type: 'array',
        items: { type: 'object', properties: { f: { type: 'boolean' } }, required: ['f'] },
      },
      g: { type: 'array', items: {} },
      h: { type: 'string', enum: ['i', 'j'] },
    },
    required: ['a', 'b', 'e', 'g', 'h'],
  })
})
