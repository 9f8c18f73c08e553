/**
 * A JSON Schema read off an example, so that the two cannot disagree.
 *
 * A name that ends in `?` may be null or absent; everything else is there. Lists have items like
 * their first. A set holds every text that may stand in its place.
 */

export type Schema = Readonly<Record<string, unknown>>

export function schemaOf(example: unknown): Schema {
  if (example === null) return {}
  if (example instanceof Set) return { type: 'string', enum: [...example] }
  if (Array.isArray(example)) return { type: 'array', items: schemaOf(example[0] ?? null) }
  if (typeof example === 'number') return { type: Number.isInteger(example) ? 'integer' : 'number' }
  if (typeof example !== 'object') return { type: typeof example }
  const entries = Object.entries(example)
  return {
    type: 'object',
    properties: Object.fromEntries(
      entries.map(([name, value]) => [
        bare(name),
        isOptional(name) ? orNull(schemaOf(value)) : schemaOf(value),
      ]),
    ),
    required: entries.flatMap(([name]) => (isOptional(name) ? [] : name)),
  }
}

/** The example as it looks on the wire. */
export function exampleOf(example: unknown): unknown {
  if (example instanceof Set) return [...example][0]
  if (Array.isArray(example)) return example.map(exampleOf)
  if (typeof example !== 'object' || example === null) return example
  return Object.fromEntries(Object.entries(example).map(([name, value]) => [bare(name), exampleOf(value)]))
}

function orNull(schema: Schema): Schema {
  return 'type' in schema ? { ...schema, type: [schema['type'], 'null'] } : schema
}

function isOptional(name: string): boolean {
  return name.endsWith('?')
}

function bare(name: string): string {
  return isOptional(name) ? name.slice(0, -1) : name
}
