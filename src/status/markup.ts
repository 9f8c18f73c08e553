/**
 * Markup by a template: every value is escaped that is not markup made here.
 */

/** Markup that is safe as it stands. */
export class Markup {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

export type Value = string | number | Markup | readonly Markup[]

export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Markup {
  return new Markup(
    parts.map((part, index) => (index === 0 ? part : toText(values[index - 1] ?? '') + part)).join(''),
  )
}

function toText(value: Value): string {
  if (value instanceof Markup) return value.text
  if (typeof value === 'object') return value.map(toText).join('')
  return String(value).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

/** `12 Nov 2026, 14:05:09 UTC`, for machines too. */
export function time(seconds: number): Markup {
  const text = new Date(seconds * 1000).toISOString().slice(0, 19)
  return html`<time datetime="${text}Z">${text.replace('T', ' ')} UTC</time>`
}

/** The hour of the clock that begins then. */
export function clockHour(seconds: number): string {
  return `${new Date(seconds * 1000).toISOString().slice(11, 16)} UTC`
}

export function ago(at: number, now: number): string {
  return `${span(Math.max(0, now - at))} ago`
}

export function span(seconds: number): string {
  if (seconds < 120) return `${seconds} s`
  return seconds < 7200 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 3600)} h`
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}
