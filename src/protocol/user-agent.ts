/**
 * What the gateway and the miner's tools call themselves in the requests that they send.
 *
 * A zone challenges requests without a `User-Agent` by default (Cloudflare's Browser Integrity Check), and the tunnel's
 * zone sees every request to a challenge.
 */

/** As package.json has it; a test compares them. */
export const VERSION = '0.1.0'

/** The gateway's own. */
export const USER_AGENT = `platform-edge-gateway/${VERSION}`
/** The command line's and the SDK's. */
export const MINER_USER_AGENT = `platform-edge/${VERSION}`
