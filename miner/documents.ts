/**
 * What routes of the gateway's own answer, as far as the miner's tools read it.
 */

export interface DryRunReport {
  readonly would_be_accepted: boolean
  readonly checks: readonly {
    readonly check: string
    readonly result: 'pass' | 'fail' | 'skipped'
    readonly problem?: {
      readonly code: string
      readonly detail: string
      readonly hint: string
      /** With `invalid_signature`. */
      readonly canonical_message?: string
    }
  }[]
  readonly uid: number | null
  readonly metagraph: { readonly block: number; readonly age_seconds: number } | null
  readonly nonce_free: boolean | null
  readonly body: { readonly bytes: number; readonly sha256: string } | null
  readonly challenge_receives?: {
    readonly method: string
    readonly target: string
    readonly headers: Readonly<Record<string, string>>
  }
}

export interface Limits {
  readonly max_upload_bytes: number
  readonly signature_ttl_seconds: number
  readonly nonce_ttl_seconds: number
  readonly nonce_max_length: number
}
