/**
 * What Cloudflare charges, in one table with its date.
 *
 * Copied from the pages below as of PRICES_DATE; when they change, change this file and nothing else. US dollars, before tax.
 */

export const PRICES_DATE = '2026-11-20'
export const PRICES_SOURCE =
  'developers.cloudflare.com: workers/platform/pricing, durable-objects/platform/pricing, kv/platform/pricing'

/** Workers Paid, per month. */
export const SUBSCRIPTION_DOLLARS = 5

export interface Price {
  readonly item: string
  readonly unit: string
  /** Per month, in `unit`, with Workers Paid. */
  readonly included: number
  readonly dollarsPerMillion: number
  /** Per day, in `unit`, on the free plan; absent where that plan counts otherwise. */
  readonly freePerDay?: number
}

const MILLION = 1_000_000

export const PRICES = {
  requests: {
    item: 'Worker requests',
    unit: 'requests',
    included: 10 * MILLION,
    dollarsPerMillion: 0.3,
    freePerDay: 100_000,
  },
  cpu: { item: 'Worker CPU', unit: 'ms', included: 30 * MILLION, dollarsPerMillion: 0.02 },
  objectRequests: {
    item: 'Durable Object requests',
    unit: 'requests',
    included: MILLION,
    dollarsPerMillion: 0.15,
    freePerDay: 100_000,
  },
  objectDuration: {
    item: 'Durable Object duration',
    unit: 'GB-s',
    included: 400_000,
    dollarsPerMillion: 12.5,
    freePerDay: 13_000,
  },
  rowsWritten: {
    item: 'SQLite rows written',
    unit: 'rows',
    included: 50 * MILLION,
    dollarsPerMillion: 1,
    freePerDay: 100_000,
  },
  rowsRead: {
    item: 'SQLite rows read',
    unit: 'rows',
    included: 25_000 * MILLION,
    dollarsPerMillion: 0.001,
    freePerDay: 5 * MILLION,
  },
  storage: { item: 'SQLite storage', unit: 'GB', included: 5, dollarsPerMillion: 0.2 * MILLION },
  kvReads: {
    item: 'KV reads',
    unit: 'reads',
    included: 10 * MILLION,
    dollarsPerMillion: 0.5,
    freePerDay: 100_000,
  },
  kvWrites: { item: 'KV writes', unit: 'writes', included: MILLION, dollarsPerMillion: 5, freePerDay: 1000 },
  logs: {
    item: 'Workers Logs',
    unit: 'lines',
    included: 20 * MILLION,
    dollarsPerMillion: 0.6,
    freePerDay: 200_000,
  },
} as const satisfies Record<string, Price>

export type PricedItem = keyof typeof PRICES

/** What a request may take on the free plan. */
export const FREE_CPU_MS_PER_REQUEST = 10
