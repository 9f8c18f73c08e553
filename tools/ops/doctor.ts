/**
 * `npm run doctor -- --gateway URL`: what is wrong, before miners tell.
 *
 * It asks only questions that change nothing: no nonce is spent, no upload reaches a challenge,
 * and no secret is printed. Exit code 0 when nothing failed (warnings are for a person to judge),
 * 1 when a check failed, 2 when nothing was checked.
 */

import { setTimeout as sleep } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { parseOrExplain, runCommand, UsageError } from '../dev/usage.ts'
import { type Deployment, readDeployment } from './deployment.ts'
import { examine, type Held } from './doctor/examine.ts'
import { exitCode, type Finding, toLine, toSummary, withoutSecrets } from './doctor/finding.ts'
import { IDLE_MS } from './doctor/keep-alive.ts'
import { createWrangler, listSecrets } from './wrangler.ts'
import { WRANGLER_TOML } from './wrangler-toml.ts'

const USAGE_TEXT = `usage: npm run doctor -- --gateway URL [options]

  --gateway URL      the gateway, such as https://gateway.example.com
  --local            also check wrangler.toml and .dev.vars, and their challenges from this machine
  --env NAME         also check that environment of wrangler.toml, its secrets (wrangler secret list) and its challenges;
                     values of secrets are read from .dev.vars.NAME or from the process environment, when they are there
  --challenge SLUG   the challenge to try things on, also at an old door; the first active one when it is known
  --old-door URL     an address that must no longer take uploads; may be given several times
  --config FILE      another wrangler.toml
  --json-output      the findings as JSON

exit code: 0 nothing failed, 1 a check failed, 2 nothing was checked`

const OPTIONS = {
  gateway: { type: 'string' },
  local: { type: 'boolean', default: false },
  env: { type: 'string' },
  challenge: { type: 'string' },
  'old-door': { type: 'string', multiple: true },
  config: { type: 'string', default: WRANGLER_TOML },
  'json-output': { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

async function main(): Promise<number> {
  const { values } = parseOrExplain(USAGE_TEXT, () => parseArgs({ options: OPTIONS }))
  if (values.help) {
    console.log(USAGE_TEXT)
    return 0
  }
  if (values.gateway === undefined) throw new UsageError(`give --gateway\n\n${USAGE_TEXT}`)
  if (values.local && values.env !== undefined) throw new UsageError('give --local or --env, not both')
  const { env, config } = values
  const inside = values.local || env !== undefined
  const deployment = inside ? await readDeployment(env, { config, process: process.env }) : undefined
  const findings = await examine({
    gateway: parseUrl('--gateway', values.gateway),
    deployment,
    held: deployment && (await heldBy(deployment, config)),
    slug: values.challenge,
    oldDoors: (values['old-door'] ?? []).map((text) => parseUrl('--old-door', text)),
    now: () => Date.now() / 1000,
    idle: () => sleep(IDLE_MS),
  })
  const report = values['json-output'] ? toJson(values.gateway, env, findings) : toText(findings)
  console.log(withoutSecrets(report, deployment?.secrets.values() ?? []))
  return exitCode(findings)
}

async function heldBy({ environment, secrets }: Deployment, config: string): Promise<Held> {
  if (environment === undefined) return { names: new Set(secrets.keys()) }
  return listSecrets(createWrangler(config), environment)
}

function toText(findings: readonly Finding[]): string {
  return [...findings.map(toLine), '', toSummary(findings)].join('\n')
}

function toJson(gateway: string, environment: string | undefined, findings: readonly Finding[]): string {
  const report = { gateway, environment: environment ?? null, exit_code: exitCode(findings), findings }
  return JSON.stringify(report, null, 2)
}

function parseUrl(name: string, text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined
  if (url?.protocol === 'https:' || url?.protocol === 'http:') return url
  throw new UsageError(`${name} ${text} is not an http(s):// URL`)
}

await runCommand(main)
