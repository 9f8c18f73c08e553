/**
 * Answers that are not the gateway's: captive portals, company proxies, Cloudflare in front of the
 * gateway, a wrong URL.
 *
 * Every answer of the gateway has `X-Request-Id`. Its absence convicts; its presence proves
 * little, since a proxy on the way may add one, so a page is never a success and Cloudflare's own
 * signs count with it too.
 */

/** Who answered instead, and what to do; both are sentences. */
export interface Foreign {
  readonly what: string
  readonly hint: string
}

interface Seen {
  readonly response: Response
  readonly text: string
  /** The URL that was asked. */
  readonly url: string
}

const CLOSED_NETWORK =
  'Check the address of the gateway (--gateway). A network that wants a sign-in first, or a proxy on the way, may have answered: open the address in a browser.'

/** Undefined for an answer that may be the gateway's, or of the challenge behind it. */
export function foreignAnswer(seen: Seen): Foreign | undefined {
  const { response, text, url } = seen
  const known = Boolean(response.headers.get('x-request-id'))
  const byCloudflare = cloudflareAnswer(seen, known)
  if (byCloudflare !== undefined) return byCloudflare
  if (isRedirect(response)) return redirected(seen)
  const page = isPage(response, text)
  if (known && !(page && response.ok)) return undefined
  const { status } = response
  const title = page ? titleOf(text) : ''
  const what = page ? `a page${title}` : `a server that is not the gateway`
  return { what: `${what} answered ${status} at ${new URL(url).origin}`, hint: CLOSED_NETWORK }
}

/** Whether an answer is a web page and not data. */
function isPage(response: Response, text: string): boolean {
  const type = response.headers.get('content-type') ?? ''
  return /^(text\/html|application\/xhtml)/i.test(type) || /^\s*<(!doctype|html)\b/i.test(text)
}

/**
 * Neither the gateway nor a challenge's answer to it is one; a browser shows no more than that
 * there was one.
 */
function isRedirect({ status, headers, type }: Response): boolean {
  return type === 'opaqueredirect' || (status >= 300 && status < 400 && headers.has('location'))
}

function redirected({ response, url }: Seen): Foreign {
  const location = response.headers.get('location') ?? ''
  const what = `a redirect${location && ` to ${location}`} answered ${response.status}, and no redirect is followed`
  const asked = new URL(url)
  const target = URL.canParse(location, url) ? new URL(location, url) : undefined
  // The same path elsewhere is the gateway under its right name; anything else may be a sign-in
  // page.
  if (target !== undefined && target.origin !== asked.origin && target.pathname === asked.pathname)
    return { what, hint: `Give ${target.origin} as --gateway, if it is the gateway's address.` }
  return { what, hint: CLOSED_NETWORK }
}

/** The first 80 characters of a page's title, for people. */
function titleOf(text: string): string {
  const title = /<title[^>]*>([^<]*)/i.exec(text)?.[1]?.replace(/\s+/g, ' ').trim().slice(0, 80)
  return title ? ` ("${title}")` : ''
}

const OPERATOR = 'The operator of the gateway has to allow it; quote the ray id.'
const BANNED = `A rule of the zone bans this address. ${OPERATOR}`

/**
 * What Cloudflare's numbers mean to a miner:
 * https://developers.cloudflare.com/support/troubleshooting/http-status-codes/
 */
const MEANINGS: Readonly<Record<string, string>> = {
  1006: BANNED,
  1007: BANNED,
  1008: BANNED,
  1009: `A rule of the zone bans this country. ${OPERATOR}`,
  1010: `1010 means that the zone takes this client for a bot by its name or its headers (Browser Integrity Check). ${OPERATOR}`,
  1015: '1015 means that a rule of the zone limits how often this address may ask. Wait and ask less often, or have the operator raise that limit; quote the ray id.',
  1020: `1020 means that a firewall rule of the zone refuses the request. ${OPERATOR}`,
  1027: 'The gateway has used up its requests of the day. Try again tomorrow, or tell the operator.',
  1101: 'The gateway failed. Tell the operator; quote the ray id.',
  1102: 'The gateway ran out of CPU time. Try again, and tell the operator; quote the ray id.',
}
/** The gateway itself ran. */
const RAN = ['1101', '1102']
const REFUSING = [403, 413, 429]

function cloudflareAnswer({ response, text }: Seen, known: boolean): Foreign | undefined {
  const { status, headers } = response
  const challenged = headers.has('cf-mitigated')
  const code = errorCode(text, known)
  if (!challenged && code === undefined && (known || !refusedUnnumbered(response))) return undefined
  const facts = [status, code && `error ${code}`, `ray ${headers.get('cf-ray') ?? 'unknown'}`]
  const hint = meaning(status, code, challenged)
  return {
    what: `Cloudflare ${did(status, code, challenged, known)} (${facts.filter(Boolean).join(', ')})`,
    hint,
  }
}

/**
 * Cloudflare's own refusals that have no number; a site behind it answers 404 and the like itself.
 */
function refusedUnnumbered({ status, headers }: Response): boolean {
  if (headers.get('server') !== 'cloudflare' && !headers.has('cf-ray')) return false
  return REFUSING.includes(status) || status === 503 || (status >= 520 && status <= 530)
}

function did(status: number, code: string | undefined, challenged: boolean, known: boolean): string {
  if (!challenged && (status >= 500 || RAN.includes(code ?? ''))) return "answered in the gateway's place"
  return known ? 'refused it' : 'refused it before the gateway saw it'
}

function meaning(status: number, code: string | undefined, challenged: boolean): string {
  if (challenged)
    return `The zone asks for a challenge that only a browser can solve. ${OPERATOR} (Bot Fight Mode and challenges have to be off for this host.)`
  const known = MEANINGS[code ?? '']
  if (known !== undefined) return known
  if (status === 413)
    return `The body is larger than the zone's plan of Cloudflare takes. GET /v1/limits shows what the gateway takes. ${OPERATOR}`
  if (status >= 500) return 'Try again in a minute; tell the operator if it stays, and quote the ray id.'
  return `A rule of the zone refuses the request. ${OPERATOR}`
}

/**
 * `error code: 1010` as text, `"error_code": 1010` in JSON, or in a page; with an id only the
 * first, which no challenge says.
 */
function errorCode(text: string, known: boolean): string | undefined {
  const bare = /^\s*error code: (\d{3,4})\s*$/i.exec(text)?.[1]
  if (known || bare !== undefined) return bare
  return (/^\s*\{.*"error_code"\s*:\s*(\d{4})/s.exec(text) ?? /cf-error-code">(\d{3,4})</.exec(text))?.[1]
}
