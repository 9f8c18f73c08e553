/**
 * The address of the gateway, and of the proxy that leads to it.
 */

import { getProxyForUrl } from 'proxy-from-env'
import type { Arguments } from './arguments.ts'
import { EXIT, Fault } from './fault.ts'

interface Told {
  readonly args: Pick<Arguments, 'gateway'>
  readonly env: Readonly<Record<string, string | undefined>>
}

/**
 * Paths of the gateway itself, which are copied from a browser or from a page along with its
 * address.
 */
const ROUTE = /\/(v1|challenges|status|health|ready|version|metrics|admin|openapi\.json|upload\.py)(\/.*)?$/

/** As given, without a slash at its end. Throws a Fault for what cannot be a gateway's address. */
export function gatewayUrl({ args, env }: Told): string {
  const given = (args.gateway ?? env['PLATFORM_EDGE_URL']) || undefined
  if (given === undefined)
    throw new Fault(EXIT.usage, 'no gateway given', 'Use --gateway URL or set PLATFORM_EDGE_URL.')
  if (!URL.canParse(given) || !/^https?:$/.test(new URL(given).protocol)) {
    const guess = `https://${given}`
    const meant = !given.includes('://') && URL.canParse(guess) ? guess : 'https://gateway.example.com'
    throw new Fault(EXIT.usage, `${given} is not a URL`, `Give it as ${meant}.`)
  }
  const { origin, pathname, search, hash } = new URL(given)
  const base = pathname.replace(ROUTE, '').replace(/\/+$/, '')
  if (base !== pathname.replace(/\/+$/, '') || search !== '' || hash !== '')
    throw new Fault(
      EXIT.usage,
      `the gateway's address ends before its routes: ${origin}${base}`,
      `Use --gateway ${origin}${base} (or PLATFORM_EDGE_URL).`,
    )
  return given.replace(/\/+$/, '')
}

/**
 * The proxy that the environment has for this URL (`HTTPS_PROXY`, `HTTP_PROXY`, `NO_PROXY`);
 * undefined for none.
 */
export function proxyFor(url: string): URL | undefined {
  const proxy = getProxyForUrl(url)
  if (proxy === '') return undefined
  if (URL.canParse(proxy) && /^https?:$/.test(new URL(proxy).protocol)) return new URL(proxy)
  // Not the whole text, which may hold a password.
  throw new Fault(
    EXIT.usage,
    `the proxy of this environment (${proxy.split('://')[0]}://…) is not an http:// or https:// one`,
    'Set HTTPS_PROXY to an HTTP proxy, or name the gateway in NO_PROXY.',
  )
}
