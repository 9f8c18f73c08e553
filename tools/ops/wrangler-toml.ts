/**
 * wrangler.toml, read by wrangler itself: one environment with everything it inherits.
 *
 * wrangler's own types do not resolve outside a Worker's type check, so the parts that are used
 * are written down here.
 */

import { existsSync } from 'node:fs'
import path from 'node:path'
import { UsageError } from '../dev/usage.ts'

export const WRANGLER_TOML = path.resolve(import.meta.dirname, '../../wrangler.toml')

interface Binding {
  readonly binding: string
}

interface Route {
  readonly pattern: string
  readonly custom_domain?: boolean
}

export interface WranglerConfig {
  readonly name?: string
  readonly definedEnvironments?: readonly string[]
  readonly compatibility_date?: string
  readonly compatibility_flags: readonly string[]
  readonly workers_dev?: boolean
  readonly preview_urls?: boolean
  readonly route?: string | Route
  readonly routes?: readonly (string | Route)[]
  readonly triggers: { readonly crons?: readonly string[] }
  readonly limits?: Readonly<Record<string, number>>
  readonly observability?: object
  readonly vars: Readonly<Record<string, unknown>>
  readonly migrations: readonly { readonly tag: string; readonly new_sqlite_classes?: readonly string[] }[]
  readonly kv_namespaces: readonly (Binding & { readonly id?: string })[]
  readonly durable_objects: {
    readonly bindings: readonly { readonly name: string; readonly class_name: string }[]
  }
  readonly ratelimits: readonly {
    readonly name: string
    readonly namespace_id: string
    readonly simple: { readonly limit: number; readonly period: number }
  }[]
  readonly analytics_engine_datasets: readonly Binding[]
  readonly r2_buckets: readonly Binding[]
  readonly d1_databases: readonly Binding[]
  readonly services: readonly Binding[]
  readonly vpc_services: readonly Binding[]
  readonly version_metadata?: Binding
}

/**
 * The top level when `environment` is undefined. Throws `UsageError` when the file or the
 * environment does not exist. wrangler is a large import, which the commands that need no
 * configuration do without.
 */
export async function readWranglerToml(
  file: string,
  environment: string | undefined,
): Promise<WranglerConfig> {
  if (!existsSync(file)) throw new UsageError(`there is no ${file}`)
  const { unstable_readConfig } = await import('wrangler')
  const read = (env: string): WranglerConfig =>
    unstable_readConfig({ config: file, env }, { hideWarnings: true })
  try {
    const top = read('')
    const names = top.definedEnvironments ?? []
    if (environment === undefined) return top
    if (names.includes(environment)) return read(environment)
    const known = names.length === 0 ? 'none is defined' : `defined: ${names.join(', ')}`
    throw new UsageError(`wrangler.toml has no environment "${environment}" (${known})`)
  } catch (error) {
    if (error instanceof UsageError) throw error
    throw new UsageError(`${path.basename(file)} cannot be read: ${String(error)}`)
  }
}

/** Hosts and patterns its routes take. */
export function routePatterns({ route, routes = [] }: WranglerConfig): readonly string[] {
  const all = route === undefined ? routes : [...routes, route]
  return all.map((each) => (typeof each === 'string' ? each : each.pattern))
}

/** Names of its environments. */
export async function environmentNames(file: string): Promise<readonly string[]> {
  return (await readWranglerToml(file, undefined)).definedEnvironments ?? []
}

/** The file as it is written, with tables that wrangler does not know. */
export async function readWritten(file: string): Promise<Readonly<Record<string, unknown>>> {
  const { experimental_readRawConfig } = await import('wrangler')
  return { ...experimental_readRawConfig({ config: file }).rawConfig }
}
