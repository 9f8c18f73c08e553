/**
 * Examples of the gateway's own JSON answers, from which their schemas are read too (`schema.ts`):
 * a name that ends in `?` may be null or absent, a set holds every text that may stand in its
 * place.
 */

import { CHECKS } from '../../admission/dry-run.ts'
import { CHALLENGE_STATUSES } from '../../challenge/challenge.ts'
import { CHALLENGE_WORDS, HEADLINES } from '../../status/words.ts'

export const HOTKEY = '5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY'
const TIME = '2026-11-20T12:00:00Z'
const METAGRAPH = { block: 5_000_000, age_seconds: 12 }
const MEMBERS = { ...METAGRAPH, hotkeys: 256 }
export const READY = { status: 'ready', netuid: 100, 'metagraph?': MEMBERS }
export const NOT_READY = {
  status: 'unavailable',
  netuid: 100,
  'metagraph?': null,
  contradicting_endpoints: ['chain.example.com'],
}
export const DEPLOYED = { version: '0f2c', netuid: 100 }
const COUNTS = { accepted: 1, refused: {} }
const UPLOADS = { hour: COUNTS, day: COUNTS }
export const LIMITS = {
  max_upload_bytes: 7_500_000,
  signature_ttl_seconds: 300,
  nonce_ttl_seconds: 86_400,
  nonce_max_length: 256,
  rate_limits: [{ route: 'POST /v1/…', per: 'address', requests: 60, seconds: 60 }],
}

export const STATUS = {
  state: new Set(Object.keys(HEADLINES)),
  server_time: 1_795_174_106,
  ...DEPLOYED,
  'metagraph?': MEMBERS,
  contradicting_endpoints: ['chain.example.com'],
  'nonce_store?': { 'round_trip_ms?': 20, 'measured_at?': 1_795_174_000, failing: false },
  challenges: [
    {
      slug: 'demo',
      name: 'Demo Challenge',
      state: new Set(Object.keys(CHALLENGE_WORDS)),
      'reachable?': true,
      token_configured: true,
      'checked_at?': 1_795_174_000,
      'last_success_at?': 1_795_174_000,
      'last_failure_at?': 1_795_000_000,
      'p50_ms?': 100,
      'p95_ms?': 250,
      uploads: UPLOADS,
      hours: [
        {
          at: 1_795_172_400,
          accepted: 1,
          refused: 0,
          answered: 12,
          unanswered: 0,
          'p50_ms?': 100,
          'p95_ms?': 250,
        },
      ],
    },
  ],
  elsewhere: UPLOADS,
  statistics: true,
  limits: LIMITS,
}

export const METAGRAPH_ANSWER = {
  netuid: 100,
  ...METAGRAPH,
  block_hash: '0x2f05…',
  count: 256,
  'hotkey?': HOTKEY,
  'uid?': 1,
}

export const CHALLENGES = {
  challenges: [
    {
      slug: 'demo',
      name: 'Demo Challenge',
      upload_url: 'https://gateway.example.com/v1/challenges/demo/submissions',
    },
  ],
}

export const REGISTRY = {
  network: 'platform',
  api_version: '1.0',
  master_uid: 0,
  challenges: [
    {
      slug: 'demo',
      name: 'Demo Challenge',
      image: 'ghcr.io/example/demo:1',
      version: '1.0.0',
      emission_percent: '10.0',
      status: new Set(CHALLENGE_STATUSES),
      'description?': 'A demo',
      metadata: {},
      internal_base_url: '/challenges/demo',
      public_proxy_base_path: '/challenges/demo',
      required_capabilities: ['get_weights'],
      resources: {},
      volumes: {},
      env: {},
      secrets: ['TOKEN'],
    },
  ],
}

export const WEIGHTS = {
  netuid: 100,
  uids: [0, 1],
  weights: [0.5, 0.5],
  hotkey_weights: {},
  computed_at: TIME,
  expires_at: TIME,
  source_challenges: [{}],
}

export const REPORT = {
  would_be_accepted: true,
  checks: [{ check: new Set(CHECKS), result: new Set(['pass', 'fail', 'skipped']), 'problem?': {} }],
  'uid?': 1,
  'metagraph?': METAGRAPH,
  'nonce_free?': true,
  'body?': { bytes: 9, sha256: '4b9a…' },
  'challenge_receives?': { method: 'POST', target: '/internal/v1/bridge/submissions', headers: {} },
}
