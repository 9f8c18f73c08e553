/**
 * Why wrangler's deploy failed, and what to do: the refusals that a first deploy meets.
 *
 * wrangler creates the KV namespace before it uploads the script. When the upload is refused, the
 * next deploy wants to create the namespace again and ends with 10014, until its id stands in
 * wrangler.toml.
 */

import { parseJson } from '../../src/protocol/json.ts'
import type { Wrangler } from './wrangler.ts'
import type { WranglerConfig } from './wrangler-toml.ts'

/**
 * Code in wrangler's `[code: N]`:
 * https://developers.cloudflare.com/workers/observability/errors/#errors-on-worker-upload
 */
const REASONS: Readonly<Record<string, (environment: string) => string>> = {
  10014: () => 'the KV namespace is there already, from an earlier deploy that was refused half way',
  10063: () =>
    "this account has no workers.dev subdomain yet: open Workers & Pages in Cloudflare's dashboard and choose one, once (the gateway does not use it); then deploy again",
  100328: (environment) =>
    `[limits] needs Workers Paid: choose that plan, or take [env.${environment}.limits] out of wrangler.toml; then deploy again (docs/deploy.md, "The free plan")`,
  10054: () =>
    'a variable is larger than Cloudflare takes (5,120 bytes): shorten the longest list or table in [vars]; then deploy again',
  10000: () =>
    'Cloudflare does not know you: npx wrangler login, or set CLOUDFLARE_API_TOKEN; then deploy again',
}

/** Lines for the operator; empty when wrangler's own words must do. */
export async function explainFailure(
  stderr: string,
  config: WranglerConfig,
  { environment, wrangler }: { readonly environment: string | undefined; readonly wrangler: Wrangler },
): Promise<readonly string[]> {
  const code = /\[code: (\d+)\]/.exec(stderr)?.[1] ?? ''
  const reason = REASONS[code]?.(environment ?? 'production')
  if (reason === undefined) return []
  const lines = [`${reason} (${code})`]
  return code === '10000' ? lines : [...lines, ...(await namespaceToKeep(config, environment, wrangler))]
}

/** The namespace that a refused deploy left behind, as it must stand in wrangler.toml. */
async function namespaceToKeep(
  config: WranglerConfig,
  environment: string | undefined,
  wrangler: Wrangler,
): Promise<string[]> {
  const unnamed = config.kv_namespaces.filter(({ id }) => id === undefined)
  if (unnamed.length === 0) return []
  const { code, stdout } = await wrangler(['kv', 'namespace', 'list', '--env', environment ?? ''])
  const held = code === 0 ? namespacesIn(stdout) : []
  const head = environment === undefined ? 'kv_namespaces' : `env.${environment}.kv_namespaces`
  return unnamed.flatMap(({ binding }) => {
    const title = titleOf(config.name ?? '', binding)
    const id = held.find((each) => each.title === title)?.id
    if (id === undefined)
      return `find ${title} with npx wrangler kv namespace list and put its id into [[${head}]]`
    return [
      `${title} exists; put its id into wrangler.toml, or the next deploy ends with 10014:`,
      `    [[${head}]]`,
      `    binding = "${binding}"`,
      `    id = "${id}"`,
    ]
  })
}

/** As wrangler names what it creates. */
function titleOf(worker: string, binding: string): string {
  return `${worker}-${binding.toLowerCase().replaceAll('_', '-')}`
}

function namespacesIn(stdout: string): readonly { readonly id: string; readonly title: string }[] {
  const list = parseJson(stdout.slice(stdout.indexOf('[')))
  return Array.isArray(list)
    ? list.flatMap(({ id, title }) =>
        typeof id === 'string' && typeof title === 'string' ? { id, title } : [],
      )
    : []
}
