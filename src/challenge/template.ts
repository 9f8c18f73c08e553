/**
 * Path templates, as an operator writes them: `/submissions/{id}/env`, `/v1/**`.
 *
 * `{name}` stands for any one segment, `**` at the end for one segment or more. Letters match in
 * their case against the decoded path, and a slash at the end of the path does not count, as in
 * the Python proxy that this gateway replaces.
 */

/** Segments: literals, `{name}`, and `**` as the last one. Empty for `/`. */
export type PathTemplate = readonly string[]

/** What `{name}` and `**` stood for, by the way they are written. */
export type TemplateValues = ReadonlyMap<string, string>

const LITERAL = /^(?!\.{1,2}$)[A-Za-z0-9._~-]+$/
const NAME = /^\{[a-z][a-z0-9_]*\}$/

/** Undefined for anything that is not a template. */
export function parseTemplate(text: unknown): PathTemplate | undefined {
  if (text === '/') return []
  if (typeof text !== 'string' || !text.startsWith('/')) return undefined
  const segments = text.slice(1).split('/')
  const valid = segments.every(
    (segment, at) =>
      LITERAL.test(segment) ||
      (NAME.test(segment) && segments.indexOf(segment) === at) ||
      (segment === '**' && at === segments.length - 1),
  )
  return valid ? segments : undefined
}

export function isLiteral(segment: string): boolean {
  return LITERAL.test(segment)
}

/** `path` is percent-decoded, from its first `/`. Undefined when it does not match. */
export function matchTemplate(template: PathTemplate, path: string): TemplateValues | undefined {
  const segments = path.replace(/\/$/, '').split('/').slice(1)
  const values = new Map<string, string>()
  for (const [at, part] of template.entries()) {
    const segment = segments[at]
    if (segment === undefined) return undefined
    if (part === '**') return values.set(part, segments.slice(at).join('/'))
    if (isLiteral(part) && part !== segment) return undefined
    values.set(part, segment)
  }
  return segments.length === template.length ? values : undefined
}

/** The path a template stands for; it has no slash at the end. */
export function fillTemplate(template: PathTemplate, values: TemplateValues): string {
  return `/${template.map((part) => values.get(part) ?? part).join('/')}`
}
