/**
 * The status page: one HTML document, whole without JavaScript; with it, it renews itself every 15 seconds while it is looked at.
 *
 * Every value passes through `html`, which escapes whatever is not markup of ours. Style and script carry a nonce of this answer.
 */

import type { ChallengeStatus, StatusReport, UploadCounts } from './report.ts'

/** Markup that is safe as it stands. */
class Markup {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

type Value = string | number | Markup | readonly Markup[]

function html(parts: TemplateStringsArray, ...values: readonly Value[]): Markup {
  return new Markup(
    parts.map((part, index) => (index === 0 ? part : toText(values[index - 1] ?? '') + part)).join(''),
  )
}

function toText(value: Value): string {
  if (value instanceof Markup) return value.text
  if (typeof value === 'object') return value.map(toText).join('')
  return String(value).replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`)
}

const STYLE = `:root{color-scheme:light dark;--b:#fff;--f:#1b1f24;--q:#57606a;--l:#d0d7de;--ok:#0a6b2d;--no:#b3261e;--eh:#7a5200}
@media(prefers-color-scheme:dark){:root{--b:#0f1419;--f:#e6e8ea;--q:#a3adb8;--l:#333c46;--ok:#5bd68a;--no:#ff8a80;--eh:#e8b657}}
body{margin:0 auto;max-width:60rem;padding:1.5rem 1rem;background:var(--b);color:var(--f);font:1rem/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
h1{font-size:1.5rem;margin:0}h2{font-size:1.125rem;margin:0}p{margin:.25rem 0 0}
section{border-top:1px solid var(--l);margin-top:1.25rem;padding-top:1.25rem}
dl{display:grid;grid-template-columns:repeat(auto-fill,minmax(9rem,1fr));gap:.75rem 1rem;margin:.75rem 0 0}
dt,.q,footer{color:var(--q);font-size:.875rem}dd{margin:0;font-variant-numeric:tabular-nums}
.ok{color:var(--ok)}.no{color:var(--no)}.eh{color:var(--eh)}b{font-weight:600}footer{margin-top:1.5rem}code{font-size:.875em}a{color:inherit}`

/** The new document's style has a nonce of its own, which this one's policy does not know; of it only `main` is wanted. */
const SCRIPT = `setInterval(async()=>{if(document.hidden)return;try{const r=await fetch(location.href);const d=new DOMParser().parseFromString((await r.text()).split('</style>')[1],'text/html').querySelector('main');if(r.ok&&d)document.querySelector('main').replaceWith(d)}catch{document.querySelector('#age').textContent='The gateway does not answer; this is what it said last.'}},15000)`

const HEADLINES = {
  ok: ['ok', 'Uploads pass'],
  degraded: ['eh', 'Some uploads may not pass'],
  down: ['no', 'Uploads do not pass'],
} as const

export function toPage(report: StatusReport, limits: readonly string[], nonce: string): string {
  const { metagraph, contradicting_endpoints: contradicting, nonce_store: store, server_time: now } = report
  const [tone, headline] = HEADLINES[report.state]
  const page = html`<!doctype html><html lang="en"><head><meta charset="utf-8"><title>${headline} · subnet ${report.netuid}</title><meta name="viewport" content="width=device-width"><style nonce="${nonce}">${new Markup(STYLE)}</style></head><body><main><h1 class="${tone}">${headline}</h1><p class="q">Upload gateway of subnet ${report.netuid}. <span id="age">As of ${time(now)}.</span></p>
${report.statistics ? [] : [html`<p class="eh">The counts cannot be read right now; what is below is incomplete.</p>`]}
<section><h2>Gateway</h2><dl>${[
    pair(
      'Metagraph',
      metagraph
        ? html`block ${metagraph.block}, ${span(metagraph.age_seconds)} old`
        : html`<b class="no">none that can be used</b>`,
    ),
    ...(contradicting.length === 0 ? [] : [pair('Chain endpoints', contradictionOf(contradicting))]),
    pair('Hotkeys', metagraph ? String(metagraph.hotkeys) : 'not known'),
    pair(
      'Nonce store',
      store?.round_trip_ms != null && store.measured_at != null
        ? html`${store.round_trip_ms} ms, ${ago(store.measured_at, now)}`
        : 'no upload yet',
    ),
    pair('Version', report.version || 'local'),
  ]}</dl></section>
${report.challenges.map((challenge) => section(challenge, now))}
${report.challenges.length > 0 ? [] : [html`<section><p>No challenge takes uploads here.</p></section>`]}
<section><h2>To no known challenge</h2><dl>${pairsOf(report.elsewhere)}</dl></section>
<section><h2>Limits</h2>${limits.map((limit) => html`<p>${limit}</p>`)}</section></main>
<footer>The same as <a href="/v1/status">JSON</a></footer><script nonce="${nonce}">${new Markup(SCRIPT)}</script></body></html>`
  return page.text
}

function contradictionOf(endpoints: readonly string[]): Markup {
  return html`<b class="no">${endpoints.join(' and ')} contradict each other: the operator must push a metagraph</b>`
}

function section(challenge: ChallengeStatus, now: number): Markup {
  const { slug, name, reachable, p50_ms: p50, p95_ms: p95, uploads } = challenge
  const seen = (at: number | null) => (at === null ? 'never seen' : ago(at, now))
  return html`<section><h2>${name}</h2>${name === slug ? [] : [html`<p class="q">${slug}</p>`]}<dl>${[
    pair('Now', REACHABLE[String(reachable)] ?? ''),
    pair('Last success', seen(challenge.last_success_at)),
    pair('Last failure', seen(challenge.last_failure_at)),
    pair('Answers, 24 h', p50 === null ? 'none yet' : `half within ${p50} ms, 95 % within ${p95} ms`),
    ...pairsOf(uploads),
  ]}</dl></section>`
}

const REACHABLE: Readonly<Record<string, Markup>> = {
  true: html`<b class="ok">answers</b>`,
  false: html`<b class="no">does not answer</b>`,
  null: html`<b class="eh">not checked lately</b>`,
}

function pairsOf({ hour, day }: ChallengeStatus['uploads']): readonly Markup[] {
  return [pair('Last hour', counts(hour)), pair('Last 24 h', counts(day))]
}

function counts({ accepted, refused }: UploadCounts): Markup {
  const reasons = Object.entries(refused).toSorted(([, a], [, b]) => b - a)
  return html`${accepted} accepted${reasons.map(([code, count]) => html`<br>${count} ${breakable(code)}`)}`
}

/** A code may break between its words. */
function breakable(code: string): Markup {
  return html`<code>${code.split('_').map((word, index) => html`${index > 0 ? '_' : ''}${word}<wbr>`)}</code>`
}

function pair(term: string, value: Value): Markup {
  return html`<div><dt>${term}</dt><dd>${value}</dd></div>`
}

function time(seconds: number): Markup {
  const text = new Date(seconds * 1000).toISOString().slice(0, 19)
  return html`<time datetime="${text}Z">${text.replace('T', ' ')} UTC</time>`
}

function ago(at: number, now: number): string {
  return `${span(Math.max(0, now - at))} ago`
}

function span(seconds: number): string {
  if (seconds < 120) return `${seconds} s`
  return seconds < 7200 ? `${Math.floor(seconds / 60)} min` : `${Math.floor(seconds / 3600)} h`
}
