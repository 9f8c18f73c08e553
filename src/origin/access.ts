/**
 * The Cloudflare Access service token that opens the tunnel hostnames, and only those.
 */

export interface AccessToken {
  readonly clientId: string
  readonly clientSecret: string
}

export function accessHeaders({ clientId, clientSecret }: AccessToken): Readonly<Record<string, string>> {
  return { 'cf-access-client-id': clientId, 'cf-access-client-secret': clientSecret }
}
