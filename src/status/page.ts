/**
 * The status page: one HTML document, whole without JavaScript, which renews itself while it is
 * looked at.
 *
 * The verdict and why; how to upload here; each challenge's last 24 hours; why uploads were
 * refused; the limits.
 */

import { SCRIPT, STYLE } from './assets.ts'
import { drawDay, drawTimes } from './chart.ts'
import { ago, html, Markup, span, time } from './markup.ts'
import type { ChallengeStatus, StatusReport } from './report.ts'
import { CHALLENGE_WORDS, HEADLINES, type Limits, limitWords, reasons, refusalRows } from './words.ts'

/** What the commands of this very gateway are made of. */
export interface Place {
  /** As the browser asked for it. */
  readonly origin: string
  /** Of the package that has the command line. */
  readonly version: string
  /** Lower-case hex SHA-256 of the Python client that this gateway serves. */
  readonly clientHash: string
}

export function toPage(report: StatusReport, limits: Limits, place: Place): string {
  const [tone, headline] = HEADLINES[report.state]
  const why = reasons(report).map((reason) => html`<li>${reason}</li>`)
  const page = html`<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${headline} · subnet ${report.netuid}</title><meta name="viewport" content="width=device-width"><noscript><meta http-equiv="refresh" content="60"></noscript><style>${new Markup(STYLE)}</style></head><body>
<header id="verdict" class="${tone}" data-live><h1>${headline}</h1><ul>${why}</ul><p class="q">Upload gateway of subnet ${report.netuid}. <span id="age">As of ${time(report.server_time)}; this page renews itself.</span></p></header>
<main><div class="two">${uploadSection(report, place)}<div>${limitSection(limits)}${gatewaySection(report)}</div></div>
${challengeSection(report)}${refusalSection(report)}</main>
<footer>For programs: <a href="/v1/status">this state as JSON</a>, <a href="/openapi.json">all routes as OpenAPI</a>. For miners: docs/miners.md of the package says how to sign and what each refusal means.</footer><script>${new Markup(SCRIPT)}</script></body></html>`
  return page.text
}

function uploadSection({ challenges }: StatusReport, { origin, version, clientHash }: Place): Markup {
  const slug = challenges[0]?.slug ?? 'SLUG'
  const cli = `npx -p ./platform-edge-gateway-${version}.tgz platform-edge upload FILE --challenge ${slug} --gateway ${origin}`
  const curl = `GATEWAY=${origin} CHALLENGE=${slug} HOTKEY=5... sh docs/upload.sh FILE`
  return html`<section class="up"><h2>Upload</h2>${challenges.length > 1 ? html`<p>Challenges: ${list(challenges.map((each) => html`<code>${each.slug}</code>`))}. The commands name the first.</p>` : ''}
<h3>Python, with uv</h3>${command(`uv run ${origin}/upload.py FILE --challenge ${slug}`)}<p class="q">SHA-256 of that upload.py: <code>${clientHash}</code></p>
<h3>Command line, with the package</h3>${command(cli)}<h3>curl, step by step</h3>${command(curl)}</section>`
}

/** The script shows the button, which is of no use without it. */
function command(text: string): Markup {
  return html`<div class="cmd"><pre tabindex="0">${text}</pre><button type="button" data-copy hidden>Copy</button></div>`
}

function list(items: readonly Markup[]): readonly Markup[] {
  return items.map((item, index) => (index === 0 ? item : html`, ${item}`))
}

function limitSection(limits: Limits): Markup {
  return html`<section><h2>Limits</h2><ul>${limitWords(limits).map((words) => html`<li>${words}</li>`)}</ul></section>`
}

function gatewaySection({ metagraph, nonce_store: store, server_time: now }: StatusReport): Markup {
  const measured =
    store === null || store.round_trip_ms === null || store.measured_at === null
      ? 'no upload yet'
      : `${store.round_trip_ms} ms, ${ago(store.measured_at, now)}`
  return html`<section id="gateway" data-live><h2>Gateway</h2><dl>${[
    pair(
      'Metagraph',
      metagraph ? `block ${metagraph.block}, ${span(metagraph.age_seconds)} old` : 'none that can be used',
    ),
    pair('Hotkeys', metagraph ? String(metagraph.hotkeys) : 'not known'),
    pair('Nonce store', measured),
  ]}</dl></section>`
}

function challengeSection({ challenges, server_time: now }: StatusReport): Markup {
  const cards = challenges.map((challenge) => card(challenge, now))
  const legend = html`<p class="q legend">By hour of the last 24:${key('a')}accepted${key('r')}refused. Under them the cron's probes, low where all were answered, high where none was. The line is the time to the challenge's answer: half of the uploads, and 95 %.</p>`
  return html`<section id="challenges" data-live><h2>Challenges</h2>${challenges.length === 0 ? html`<p>No challenge takes uploads here.</p>` : legend}<div class="cards">${cards}</div></section>`
}

function key(kind: string): Markup {
  return html`<span class="key"><svg viewBox="0 0 1 1" aria-hidden="true"><rect class="${kind}" width="1" height="1"/></svg></span>`
}

function card(challenge: ChallengeStatus, now: number): Markup {
  const { slug, name, state, p50_ms: p50, p95_ms: p95, uploads, hours } = challenge
  const [tone, words] = CHALLENGE_WORDS[state]
  const refused = (counts: ChallengeStatus['uploads']['hour']) =>
    Object.values(counts.refused).reduce((sum, count) => sum + count, 0)
  const counts = (of: ChallengeStatus['uploads']['hour']) => `${of.accepted} accepted, ${refused(of)} refused`
  const times =
    p50 === null
      ? 'No upload answered in the last day'
      : `Half answered within ${p50} ms, 95 % within ${p95} ms`
  const seen = (at: number | null) => (at === null ? 'never' : ago(at, now))
  return html`<article class="${tone}"><h3>${name}${name === slug ? '' : html` <code class="q">${slug}</code>`}</h3><p><b>${words}</b></p>${hours.length === 0 ? '' : drawDay(hours)}${drawTimes(hours) ?? ''}
<p>Last hour ${counts(uploads.hour)}; day ${counts(uploads.day)}.</p><p>${times}.</p><p class="q">Last success ${seen(challenge.last_success_at)}, last failure ${seen(challenge.last_failure_at)}.</p></article>`
}

function refusalSection(report: StatusReport): Markup {
  const rows = refusalRows(report).map(
    ({ code, words, hour, day }) =>
      html`<tr><th scope="row">${words} <code class="q">${breakable(code)}</code></th><td>${hour}</td><td>${day}</td></tr>`,
  )
  const table = html`<table><caption>Of all challenges together</caption><thead><tr><th scope="col">Reason</th><th scope="col">Last hour</th><th scope="col">Last 24 hours</th></tr></thead><tbody>${rows}</tbody></table>`
  return html`<section id="refusals" data-live><h2>Refused uploads</h2>${rows.length === 0 ? html`<p>None in the last 24 hours.</p>` : table}</section>`
}

/** A code may break between its words. */
function breakable(code: string): readonly Markup[] {
  return code.split('_').map((word, index) => html`${index > 0 ? '_' : ''}${word}<wbr>`)
}

function pair(term: string, value: string): Markup {
  return html`<dt>${term}</dt><dd>${value}</dd>`
}
