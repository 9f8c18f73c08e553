/**
 * The last 24 hours of a challenge as inline SVG: hourly bars of accepted and refused uploads,
 * under them a strip of the cron's probes, and a line of p50 and p95. Each drawing has its text
 * alternative; nothing is told by colour alone (what is wrong is drawn taller).
 */

import { clockHour, html, type Markup, plural } from './markup.ts'
import type { HourStatus } from './report.ts'

/** Of one hour, in the units of the drawing; it is stretched to the width there is. */
const STEP = 10
const BAR = 8
const BARS_HEIGHT = 40
const STRIP_HEIGHT = 8
const LINE_HEIGHT = 20

export function drawDay(hours: readonly HourStatus[]): Markup {
  const most = Math.max(1, ...hours.map(({ accepted, refused }) => accepted + refused))
  const height = BARS_HEIGHT + 4 + STRIP_HEIGHT
  const shown = hours.map((hour, index) => drawHour(hour, index * STEP, most))
  return html`<svg class="day" viewBox="0 0 ${hours.length * STEP} ${height}" preserveAspectRatio="none" role="img" aria-label="${describeDay(hours)}">${shown}</svg>`
}

function drawHour(hour: HourStatus, x: number, most: number): Markup {
  const { accepted, refused, answered, unanswered } = hour
  const high = (count: number) => (count === 0 ? 0 : Math.max(1, round((count / most) * BARS_HEIGHT)))
  const [below, above] = [
    high(accepted),
    Math.min(high(refused), BARS_HEIGHT - Math.min(high(accepted), BARS_HEIGHT - 1)),
  ]
  const bars = [rect('a', x, BARS_HEIGHT - below, below), rect('r', x, BARS_HEIGHT - below - above, above)]
  return html`<g><title>${describeHour(hour)}</title>${rect('w', x, 0, BARS_HEIGHT)}${bars}${drawProbes(answered, unanswered, x)}</g>`
}

function drawProbes(answered: number, unanswered: number, x: number): Markup {
  const top = BARS_HEIGHT + 4
  if (answered + unanswered === 0) return rect('w', x, top + 3, 2)
  if (unanswered === 0) return rect('y', x, top + 3, 2)
  return answered === 0 ? rect('n', x, top, STRIP_HEIGHT) : rect('p', x, top + 1, STRIP_HEIGHT - 2)
}

/**
 * p50 and p95 of each hour with uploads; undefined where there are fewer than two points to join.
 */
export function drawTimes(hours: readonly HourStatus[]): Markup | undefined {
  const times = hours.flatMap(({ p50_ms: p50, p95_ms: p95 }, index) =>
    p50 === null || p95 === null ? [] : [{ x: index * STEP + BAR / 2, p50, p95 }],
  )
  if (times.length < 2) return undefined
  const slowest = Math.max(...times.map(({ p95 }) => p95))
  const points = (of: (each: { p50: number; p95: number }) => number) =>
    times
      .map((each) => `${each.x},${round(LINE_HEIGHT - 1 - (of(each) / slowest) * (LINE_HEIGHT - 2))}`)
      .join(' ')
  const label = `Time to the challenge's answer by hour: the slowest hour answered 95 % within ${slowest} ms.`
  return html`<svg class="times" viewBox="0 0 ${hours.length * STEP} ${LINE_HEIGHT}" preserveAspectRatio="none" role="img" aria-label="${label}"><polyline class="s" points="${points(({ p95 }) => p95)}"/><polyline class="m" points="${points(({ p50 }) => p50)}"/></svg>`
}

function describeHour({ at, accepted, refused, answered, unanswered }: HourStatus): string {
  const probes = answered + unanswered
  const asked = probes === 0 ? 'not probed' : `answered ${answered} of ${plural(probes, 'probe')}`
  return `${clockHour(at)}: ${accepted} accepted, ${refused} refused, ${asked}`
}

/** What the drawing says, in words. */
function describeDay(hours: readonly HourStatus[]): string {
  const sum = (of: (hour: HourStatus) => number) => hours.reduce((total, hour) => total + of(hour), 0)
  const [accepted, refused] = [sum((hour) => hour.accepted), sum((hour) => hour.refused)]
  const [answered, unanswered] = [sum((hour) => hour.answered), sum((hour) => hour.unanswered)]
  const uploads =
    accepted + refused === 0 ? 'no uploads' : `${plural(accepted, 'upload')} accepted, ${refused} refused`
  if (answered + unanswered === 0) return `Last 24 hours: ${uploads}; not probed.`
  const silent = hours.filter((hour) => hour.unanswered > 0).map(({ at }) => clockHour(at))
  const when =
    silent.length === 0
      ? ''
      : `, missed some in the ${silent.length === 1 ? 'hour' : 'hours'} from ${silent.join(', ')}`
  return `Last 24 hours: ${uploads}; answered ${answered} of ${plural(answered + unanswered, 'probe')}${when}.`
}

function rect(kind: string, x: number, y: number, height: number): Markup {
  return html`${height > 0 ? html`<rect class="${kind}" x="${x}" y="${y}" width="${BAR}" height="${height}"/>` : ''}`
}

function round(value: number): number {
  return Math.round(value * 10) / 10
}
